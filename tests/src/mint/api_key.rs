//! API keys for cases: their text, and the digests by which a keys file knows them.

use serde::Deserialize;

use super::key;

/// `gtl_<env>_<id>_<secret><checksum>`, each part as it is given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyForm {
    env: String,
    id: String,
    secret: String,
    /// Another checksum than the right one.
    checksum: Option<String>,
}

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl ApiKeyForm {
    pub(super) fn text(&self) -> String {
        let text = format!("gtl_{}_{}_{}", self.env, self.id, self.secret);
        let checksum = self.checksum.clone();
        let checksum = checksum.unwrap_or_else(|| base62(crc32fast::hash(text.as_bytes())));
        text + &checksum
    }
}

/// Six digits, which 62^6 > 2^32 makes enough.
fn base62(mut number: u32) -> String {
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// HMAC-SHA256 of a secret under a pepper, as a keys file has it.
#[must_use]
pub fn hmac_hex(pepper: &str, secret: &str) -> String {
    let digest = key::hmac("HS256", pepper.as_bytes(), secret.as_bytes()).unwrap_or_default();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
