//! Who is calling: credentials, and the keys that they are checked by.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "driven once policies name issuers")
)]
pub(crate) mod refresh;
