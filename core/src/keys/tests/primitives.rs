//! Project Wycheproof: signatures and tags by themselves, as keys of a set verify them.

use super::{bytes_of, set};
use crate::base64url::encode;
use crate::keys::KeySet;
use crate::keys::algorithm::Algorithm;
use crate::vectors;
use serde_json::Value;

/// Files, the algorithm of each, and how many tests it has.
const FILES: [(&str, Algorithm, usize); 24] = [
    ("ecdsa_secp256r1_sha256_p1363", Algorithm::Es256, 262),
    ("ecdsa_secp384r1_sha384_p1363", Algorithm::Es384, 280),
    ("ecdsa_secp521r1_sha512_p1363", Algorithm::Es512, 318),
    ("ed25519", Algorithm::EdDsa, 151),
    ("hmac_sha256", Algorithm::Hs256, 174),
    ("hmac_sha384", Algorithm::Hs384, 174),
    ("hmac_sha512", Algorithm::Hs512, 174),
    ("rsa_pss_2048_sha256_mgf1_0", Algorithm::Ps256, 103),
    ("rsa_pss_2048_sha256_mgf1_32", Algorithm::Ps256, 108),
    ("rsa_pss_2048_sha384_mgf1_48", Algorithm::Ps384, 141),
    ("rsa_pss_3072_sha256_mgf1_32", Algorithm::Ps256, 108),
    ("rsa_pss_4096_sha256_mgf1_32", Algorithm::Ps256, 108),
    ("rsa_pss_4096_sha384_mgf1_48", Algorithm::Ps384, 141),
    ("rsa_pss_4096_sha512_mgf1_32", Algorithm::Ps512, 177),
    ("rsa_pss_4096_sha512_mgf1_64", Algorithm::Ps512, 179),
    ("rsa_signature_2048_sha256", Algorithm::Rs256, 259),
    ("rsa_signature_2048_sha384", Algorithm::Rs384, 258),
    ("rsa_signature_2048_sha512", Algorithm::Rs512, 259),
    ("rsa_signature_3072_sha256", Algorithm::Rs256, 259),
    ("rsa_signature_3072_sha384", Algorithm::Rs384, 259),
    ("rsa_signature_3072_sha512", Algorithm::Rs512, 260),
    ("rsa_signature_4096_sha256", Algorithm::Rs256, 258),
    ("rsa_signature_4096_sha384", Algorithm::Rs384, 259),
    ("rsa_signature_4096_sha512", Algorithm::Rs512, 259),
];

/// What is valid there and refused here, all of it, with the reason.
fn refused_on_purpose(file: &str, group: &Value) -> Option<&'static str> {
    let number = |name: &str| group[name].as_u64().unwrap_or(0);
    match file {
        "rsa_pss_2048_sha256_mgf1_0" | "rsa_pss_4096_sha512_mgf1_32" => {
            Some("RFC 7518 §3.5: the salt is as long as the hash")
        }
        _ if group["type"] != "MacTest" => None,
        _ => {
            let hash = match file {
                "hmac_sha256" => 256,
                "hmac_sha384" => 384,
                _ => 512,
            };
            if number("tagSize") < hash {
                return Some("RFC 7518 §3.2: the whole of HMAC is the tag");
            }
            (number("keySize") < hash)
                .then_some("RFC 7518 §3.2: a secret is at least as long as its hash")
        }
    }
}

/// Whether a test of salts of another length has one of the length of the hash.
fn has_whole_salt(test: &Value, algorithm: Algorithm) -> bool {
    let length = match algorithm {
        Algorithm::Ps256 => 32,
        Algorithm::Ps384 => 48,
        _ => 64,
    };
    test["comment"] == format!("s_len changed to {length}")
}

/// The keys of a test: those of its group, or its own secret.
fn keys(group: &Value, test: &Value, algorithm: Algorithm) -> KeySet {
    let number = |value: &Value| encode(&bytes_of(value.as_str().unwrap()));
    // Coordinates come with a zero in front where the first bit is set, or without their zeros.
    let coordinate = |value: &Value, len: usize| {
        let bytes = bytes_of(value.as_str().unwrap());
        let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        encode(&[vec![0; len - digits.len()], digits].concat())
    };
    let public = &group["publicKey"];
    let point = |curve: &str, len: usize| {
        let (x, y) = (
            coordinate(&public["wx"], len),
            coordinate(&public["wy"], len),
        );
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
    };
    let key = match algorithm {
        Algorithm::Es256 => point("P-256", 32),
        Algorithm::Es384 => point("P-384", 48),
        Algorithm::Es512 => point("P-521", 66),
        Algorithm::EdDsa => {
            let x = number(&public["pk"]);
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            format!(r#"{{"kty":"oct","k":"{}"}}"#, number(&test["key"]))
        }
        _ => {
            let (n, e) = (
                number(&public["modulus"]),
                number(&public["publicExponent"]),
            );
            format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#)
        }
    };
    KeySet::load(set(&[key]).as_bytes()).unwrap()
}

#[test]
fn wycheproof_primitives() {
    let total: usize = FILES.iter().map(|(_, _, count)| count).sum();
    let Some(folder) = vectors::folder("wycheproof", total) else {
        return;
    };
    for (file, algorithm, count) in FILES {
        let document = vectors::document(&folder, &format!("wycheproof_{file}_test.json"));
        let (mut tests, mut wrong, mut excepted) = (0, Vec::new(), Vec::new());
        for group in document["testGroups"].as_array().unwrap() {
            let exception = refused_on_purpose(file, group);
            let mut ready: Option<KeySet> = None;
            for test in group["tests"].as_array().unwrap() {
                tests += 1;
                if ready.is_none() || algorithm.is_symmetric() {
                    ready = Some(keys(group, test, algorithm));
                }
                let message = bytes_of(test["msg"].as_str().unwrap());
                let signature = test.get("sig").or_else(|| test.get("tag")).unwrap();
                let signature = bytes_of(signature.as_str().unwrap());
                let mut candidates = ready.as_ref().unwrap().candidates(None, algorithm);
                let accepts = candidates.any(|key| key.verifies(algorithm, &message, &signature));
                match (test["result"].as_str().unwrap(), exception) {
                    ("valid", Some(reason)) if !accepts => excepted.push(reason),
                    // Its salt is as long as the hash, and that of the others is not.
                    ("invalid", Some(reason)) if accepts && has_whole_salt(test, algorithm) => {
                        excepted.push(reason);
                    }
                    ("valid", _) if accepts => {}
                    ("invalid", _) if !accepts => {}
                    ("acceptable", _) => {}
                    (result, _) => wrong.push(format!("{} is {result}", test["tcId"])),
                }
            }
        }
        assert!(wrong.is_empty(), "{file}: {wrong:?}");
        assert_eq!(tests, count, "{file}");
        let listed = document["testGroups"].as_array().unwrap().iter();
        let reasons = listed.filter_map(|group| refused_on_purpose(file, group));
        for reason in reasons {
            assert!(excepted.contains(&reason), "{file}: not needed: {reason}");
        }
    }
}
