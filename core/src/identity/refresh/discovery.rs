//! The document that says where an issuer's keys are (OpenID Connect Discovery 1.0 §4).

use super::fetch::FetchProblem;
use crate::url::Url;
use serde::Deserialize;
use std::borrow::Cow;

/// The members that matter; two of one name are refused.
#[derive(Deserialize)]
struct Document<'d> {
    #[serde(borrow)]
    issuer: Cow<'d, str>,
    #[serde(borrow)]
    jwks_uri: Cow<'d, str>,
}

/// Where the document of an issuer is (§4).
pub(super) fn location(issuer: &str) -> Box<str> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{base}/.well-known/openid-configuration").into()
}

/// Where the keys are, if the document is that issuer's own (§4.3).
pub(super) fn key_set_url(document: &[u8], issuer: &str) -> Result<Box<str>, FetchProblem> {
    let document: Document<'_> =
        serde_json::from_slice(document).map_err(|_| FetchProblem::NoDiscovery)?;
    if document.issuer != issuer {
        return Err(FetchProblem::WrongIssuer);
    }
    Url::fetchable(&document.jwks_uri)
        .map_err(|problem| FetchProblem::BadUrl(format!("jwks_uri: {problem}")))?;
    Ok(document.jwks_uri.into())
}

#[cfg(test)]
mod tests {
    use super::{FetchProblem, key_set_url, location};

    #[test]
    fn locations() {
        let table = [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/t/1",
                "https://a.example/t/1/.well-known/openid-configuration",
            ),
        ];
        for (issuer, expected) in table {
            assert_eq!(&*location(issuer), expected);
        }
    }

    #[test]
    fn documents() {
        let issuer = "https://a.example/";
        let good = |issuer: &str, uri: &str| {
            format!(r#"{{"x":[1],"jwks_uri":"{uri}","issuer":"{issuer}"}}"#)
        };
        let keys = "https://keys.example/k";
        assert_eq!(
            key_set_url(good(issuer, keys).as_bytes(), issuer).as_deref(),
            Ok(keys)
        );
        let escaped = good("https:\\/\\/a.example\\/", "https:\\/\\/keys.example\\/k");
        assert_eq!(key_set_url(escaped.as_bytes(), issuer).as_deref(), Ok(keys));

        let bad = |what: &str| FetchProblem::BadUrl(format!("jwks_uri: {what}"));
        let plain =
            bad("keys are fetched over https; http is for the loopback addresses of this machine");
        let table = [
            (good("https://a.example", keys), FetchProblem::WrongIssuer),
            (good("https://A.example/", keys), FetchProblem::WrongIssuer),
            (good("", keys), FetchProblem::WrongIssuer),
            (good(issuer, "http://keys.example/k"), plain),
            (
                good(issuer, "keys"),
                bad("the URL does not begin with https://"),
            ),
            (
                good(issuer, "https://x@keys.example/"),
                bad("the URL holds a user name or a password"),
            ),
            ("{}".into(), FetchProblem::NoDiscovery),
            ("<html>".into(), FetchProblem::NoDiscovery),
            (String::new(), FetchProblem::NoDiscovery),
            ("[".repeat(100_000), FetchProblem::NoDiscovery),
            (good(issuer, keys) + "{}", FetchProblem::NoDiscovery),
            (
                format!(r#"{{"issuer":["{issuer}"],"jwks_uri":"{keys}"}}"#),
                FetchProblem::NoDiscovery,
            ),
            (
                format!(r#"{{"issuer":"{issuer}","jwks_uri":"{keys}","jwks_uri":"{keys}"}}"#),
                FetchProblem::NoDiscovery,
            ),
            (
                format!(r#"{{"issuer":"{issuer}","issuer":"{issuer}","jwks_uri":"{keys}"}}"#),
                FetchProblem::NoDiscovery,
            ),
        ];
        for (document, expected) in table {
            assert_eq!(
                key_set_url(document.as_bytes(), issuer),
                Err(expected),
                "{document:.200}"
            );
        }
        assert_eq!(key_set_url(b"\xff", issuer), Err(FetchProblem::NoDiscovery));
    }
}
