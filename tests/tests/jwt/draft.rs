//! A token before it is signed: members of header and claims, as JSON.

use crate::signer::{KID, Signer, encode};
use gatelet_tests::prng::Prng;

pub(crate) const ISSUER: &str = "https://login.example/";
pub(crate) const AUDIENCE: [&str; 2] = ["api", "other"];

/// 2100 and 2001, in seconds: far from now for everybody.
pub(crate) const FUTURE: &str = "4102444800";
pub(crate) const PAST: &str = "1000000000";

type Members = Vec<(String, String)>;

pub(crate) struct Draft {
    pub(crate) header: Members,
    pub(crate) claims: Members,
    /// Stands before the claims.
    pub(crate) prefix: &'static [u8],
}

fn one_of<'a>(random: &mut Prng, choices: &[&'a str]) -> &'a str {
    choices[random.below(choices.len())]
}

/// Puts a member in, or another value in its place.
pub(crate) fn set(members: &mut Members, name: &str, value: &str) {
    remove(members, name);
    members.push((name.to_owned(), value.to_owned()));
}

pub(crate) fn remove(members: &mut Members, name: &str) {
    members.retain(|(known, _)| known != name);
}

impl Draft {
    /// One that both take, in one of its many forms.
    pub(crate) fn good(signer: &Signer, random: &mut Prng) -> Self {
        Self {
            header: good_header(signer, random),
            claims: good_claims(random),
            prefix: b"",
        }
    }

    pub(crate) fn sign(&self, signer: &Signer, random: &mut Prng) -> String {
        let header = object(&self.header, random);
        let claims = [self.prefix, &object(&self.claims, random)].concat();
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = signer.sign(signed.as_bytes());
        format!("{signed}.{}", encode(&signature))
    }
}

fn good_header(signer: &Signer, random: &mut Prng) -> Members {
    let mut header = Members::new();
    set(&mut header, "alg", &format!("\"{}\"", signer.algorithm()));
    if random.chance(80) {
        set(&mut header, "kid", &format!("\"{KID}\""));
    }
    if random.chance(80) {
        let types = [
            "\"JWT\"",
            "\"jwt\"",
            "\"at+jwt\"",
            "\"application/at+jwt\"",
            "\"J\\u0057T\"",
        ];
        set(&mut header, "typ", one_of(random, &types));
    }
    if random.chance(20) {
        set(&mut header, "x5t", "\"AAAA\"");
    }
    header
}

fn good_claims(random: &mut Prng) -> Members {
    let mut claims = Members::new();
    let issuers = [
        "\"https://login.example/\"",
        "\"https:\\/\\/login.example\\/\"",
    ];
    set(&mut claims, "iss", one_of(random, &issuers));
    let audiences = [
        "\"api\"",
        "[\"api\"]",
        "[\"x\", \"other\"]",
        "[ \"\\u0061pi\",\"api\" ]",
    ];
    set(&mut claims, "aud", one_of(random, &audiences));
    let ends = [
        FUTURE,
        "4102444800.5",
        "4.1024448e9",
        "41024448E+2",
        "1e15",
        "18446744073709551614",
    ];
    set(&mut claims, "exp", one_of(random, &ends));
    for name in ["nbf", "iat"] {
        if random.chance(70) {
            set(
                &mut claims,
                name,
                one_of(random, &[PAST, "0", "1e9", "1000000000.0"]),
            );
        }
    }
    for index in 0..random.below(6) {
        let values = [
            "\"text\"",
            "\"\\ud834\\udd1e \\n\"",
            "\"é€\"",
            "null",
            "true",
            "-0.5e-3",
            "18446744073709551616",
            "[1,[2,{\"x\":[]}]]",
            "{\"roles\":[\"clerk\"],\"a.b\":{}}",
            "\"\"",
        ];
        set(
            &mut claims,
            &format!("claim{index}"),
            one_of(random, &values),
        );
    }
    claims
}

/// Members in any order, with space around some.
fn object(members: &Members, random: &mut Prng) -> Vec<u8> {
    let mut members: Vec<_> = members.iter().collect();
    for last in (1..members.len()).rev() {
        members.swap(last, random.below(last + 1));
    }
    let space = one_of(random, &["", "", " ", "\r\n\t"]);
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}"))
        .collect();
    format!("{{{}{space}}}", members.join(",")).into_bytes()
}
