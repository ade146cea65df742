//! What can be wrong with a token: what Gatelet says to it, and whether jsonwebtoken minds.

use crate::draft::{Draft, FUTURE, PAST, remove, set};
use gatelet_tests::prng::Prng;

/// What jsonwebtoken 11.1 makes of a token with this fault only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theirs {
    /// It is taken: a difference that is wanted.
    Take,
    Refuse,
}

use Theirs::{Refuse, Take};

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What Gatelet may say to it.
    pub(crate) slugs: &'static [&'static str],
    pub(crate) theirs: Theirs,
    make: Make,
}

enum Make {
    /// A member of the header, signed.
    Header(&'static str, &'static str),
    /// A claim, signed.
    Claim(&'static str, &'static str),
    WithoutClaim(&'static str),
    /// A member of the header once more.
    HeaderTwice(&'static str, &'static str),
    /// A claim once more.
    ClaimTwice(&'static str, &'static str),
    /// Bytes before the claims, signed.
    Prefix(&'static [u8]),
    /// After it is signed.
    Edit(fn(String, &mut Prng) -> String),
}

use Make::{Claim, ClaimTwice, Edit, Header, HeaderTwice, Prefix, WithoutClaim};

impl Fault {
    /// Whether it is made after the token is signed.
    pub(crate) const fn is_edit(&self) -> bool {
        matches!(self.make, Edit(_))
    }

    pub(crate) fn before(&self, draft: &mut Draft) {
        match self.make {
            Header(name, value) => set(&mut draft.header, name, value),
            Claim(name, value) => set(&mut draft.claims, name, value),
            WithoutClaim(name) => remove(&mut draft.claims, name),
            HeaderTwice(name, value) => {
                set(&mut draft.header, "twice", "1");
                draft.header.push((name.to_owned(), value.to_owned()));
            }
            ClaimTwice(name, value) => {
                set(&mut draft.claims, "twice", "1");
                draft.claims.push((name.to_owned(), value.to_owned()));
            }
            Prefix(bytes) => draft.prefix = bytes,
            Edit(_) => {}
        }
    }

    pub(crate) fn after(&self, token: String, random: &mut Prng) -> String {
        match self.make {
            Edit(edit) => edit(token, random),
            _ => token,
        }
    }
}

const fn fault(
    name: &'static str,
    slugs: &'static [&'static str],
    theirs: Theirs,
    make: Make,
) -> Fault {
    Fault {
        name,
        slugs,
        theirs,
        make,
    }
}

const DEEP: &str = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";

/// Every row of the table of what is refused although it is signed, then forgeries.
pub(crate) const FAULTS: &[Fault] = &[
    fault("aud: number", &["wrong_audience"], Take, Claim("aud", "7")),
    fault(
        "aud: object",
        &["wrong_audience"],
        Take,
        Claim("aud", r#"{"api":1}"#),
    ),
    fault(
        "aud: mixed array",
        &["wrong_audience"],
        Take,
        Claim("aud", r#"["api",7]"#),
    ),
    fault("aud: null", &["wrong_audience"], Take, Claim("aud", "null")),
    fault(
        "aud: missing",
        &["wrong_audience"],
        Take,
        WithoutClaim("aud"),
    ),
    fault(
        "aud: other",
        &["wrong_audience"],
        Refuse,
        Claim("aud", r#""api2""#),
    ),
    fault(
        "aud: empty array",
        &["wrong_audience"],
        Refuse,
        Claim("aud", "[]"),
    ),
    fault("iss: number", &["wrong_issuer"], Take, Claim("iss", "7")),
    fault(
        "iss: array",
        &["wrong_issuer"],
        Take,
        Claim("iss", r#"["https://login.example/"]"#),
    ),
    fault("iss: missing", &["wrong_issuer"], Take, WithoutClaim("iss")),
    fault(
        "iss: other",
        &["wrong_issuer"],
        Refuse,
        Claim("iss", r#""https://login.example""#),
    ),
    fault(
        "crit: unknown",
        &["unsupported_header"],
        Take,
        Header("crit", r#"["x"]"#),
    ),
    fault(
        "crit: empty",
        &["unsupported_header"],
        Take,
        Header("crit", "[]"),
    ),
    fault(
        "b64: false",
        &["unsupported_header"],
        Take,
        Header("b64", "false"),
    ),
    fault(
        "zip",
        &["unsupported_header"],
        Take,
        Header("zip", r#""DEF""#),
    ),
    fault(
        "enc",
        &["unsupported_header"],
        Take,
        Header("enc", r#""A256GCM""#),
    ),
    fault(
        "jku",
        &["unsupported_header"],
        Take,
        Header("jku", r#""https://evil.example""#),
    ),
    fault(
        "jwk",
        &["unsupported_header"],
        Take,
        Header("jwk", r#"{"kty":"oct","k":"AAAA"}"#),
    ),
    fault(
        "x5u",
        &["unsupported_header"],
        Take,
        Header("x5u", r#""https://evil.example""#),
    ),
    fault(
        "x5c",
        &["unsupported_header"],
        Take,
        Header("x5c", r#"["AAAA"]"#),
    ),
    fault(
        "typ: dpop",
        &["wrong_type"],
        Take,
        Header("typ", r#""dpop+jwt""#),
    ),
    fault(
        "typ: logout",
        &["wrong_type"],
        Take,
        Header("typ", r#""logout+jwt""#),
    ),
    fault("cty: JWT", &["wrong_type"], Take, Header("cty", r#""JWT""#)),
    fault(
        "header: twice",
        &["malformed"],
        Take,
        HeaderTwice("twice", "2"),
    ),
    fault(
        "claims: twice",
        &["malformed"],
        Take,
        ClaimTwice("twice", "2"),
    ),
    fault(
        "claims: twice, escaped",
        &["malformed"],
        Take,
        ClaimTwice("\\u0074wice", "2"),
    ),
    fault(
        "claims: twice, inside",
        &["malformed"],
        Take,
        Claim("in", r#"[{"a":1,"a":2}]"#),
    ),
    fault("claims: deep", &["malformed"], Take, Claim("in", DEEP)),
    fault(
        "exp: missing",
        &["missing_claim"],
        Refuse,
        WithoutClaim("exp"),
    ),
    fault(
        "exp: text",
        &["malformed"],
        Refuse,
        Claim("exp", r#""4102444800""#),
    ),
    fault("exp: null", &["malformed"], Refuse, Claim("exp", "null")),
    fault("exp: negative", &["malformed"], Refuse, Claim("exp", "-1")),
    fault(
        "exp: beyond all numbers",
        &["malformed"],
        Refuse,
        Claim("exp", "1e20"),
    ),
    fault(
        "exp: infinite",
        &["malformed"],
        Refuse,
        Claim("exp", "1e999"),
    ),
    fault("exp: past", &["expired"], Refuse, Claim("exp", PAST)),
    fault("nbf: text", &["malformed"], Refuse, Claim("nbf", r#""0""#)),
    fault("nbf: null", &["malformed"], Refuse, Claim("nbf", "null")),
    fault(
        "nbf: to come",
        &["not_yet_valid"],
        Refuse,
        Claim("nbf", FUTURE),
    ),
    fault("iat: text", &["malformed"], Take, Claim("iat", r#""0""#)),
    // Not in the table: RFC 7519 leaves it open, and a token from the future has a wrong clock behind it.
    fault(
        "iat: to come",
        &["issued_in_future"],
        Take,
        Claim("iat", FUTURE),
    ),
    fault(
        "cnf: jkt",
        &["dpop_bound"],
        Take,
        Claim("cnf", r#"{"jkt":"x"}"#),
    ),
    fault(
        "cnf: unknown",
        &["unsupported_binding"],
        Take,
        Claim("cnf", r#"{"jwk":{}}"#),
    ),
    fault(
        "surrogate",
        &["malformed"],
        Refuse,
        Claim("in", r#""\ud800""#),
    ),
    fault("BOM", &["malformed"], Refuse, Prefix(b"\xef\xbb\xbf")),
    fault("bad UTF-8", &["malformed"], Refuse, Prefix(b"\xff")),
    fault(
        "alg: none",
        &["bad_algorithm"],
        Refuse,
        Header("alg", r#""none""#),
    ),
    fault(
        "alg: lower case",
        &["bad_algorithm"],
        Refuse,
        Header("alg", r#""hs256""#),
    ),
    fault(
        "alg: another",
        &["bad_algorithm"],
        Refuse,
        Header("alg", r#""ES384""#),
    ),
    fault(
        "kid: another",
        &["unknown_key"],
        Refuse,
        Header("kid", r#""2026-12""#),
    ),
    fault("kid: number", &["malformed"], Refuse, Header("kid", "7")),
    fault(
        "padded",
        &["malformed"],
        Refuse,
        Edit(|token, _| token + "="),
    ),
    fault(
        "four segments",
        &["malformed"],
        Refuse,
        Edit(|token, _| token + ".AAAA"),
    ),
    fault(
        "two segments",
        &["malformed"],
        Refuse,
        Edit(without_signature),
    ),
    fault(
        "empty signature",
        &["bad_signature"],
        Refuse,
        Edit(empty_signature),
    ),
    fault("trailing bits", &["malformed"], Refuse, Edit(trailing_bits)),
    fault(
        "space",
        &["malformed"],
        Refuse,
        Edit(|token, _| token + " "),
    ),
    fault("alphabet", &["malformed"], Refuse, Edit(other_alphabet)),
    fault(
        "signature of another",
        &["bad_signature"],
        Refuse,
        Edit(other_signature),
    ),
    fault(
        "claims of another",
        &["bad_signature"],
        Refuse,
        Edit(other_claims),
    ),
    fault(
        "one character",
        &[
            "malformed",
            "bad_signature",
            "bad_algorithm",
            "unknown_key",
            "wrong_type",
            "unsupported_header",
        ],
        Refuse,
        Edit(one_character),
    ),
];

fn parts(token: &str) -> (&str, &str) {
    token.rsplit_once('.').unwrap_or((token, ""))
}

fn without_signature(token: String, _: &mut Prng) -> String {
    parts(&token).0.to_owned()
}

fn empty_signature(token: String, _: &mut Prng) -> String {
    parts(&token).0.to_owned() + "."
}

/// Every signature here ends in a character of which some bits count for nothing.
fn trailing_bits(mut token: String, _: &mut Prng) -> String {
    let last = token.pop().unwrap_or_default();
    token + char::from(last as u8 + 1).encode_utf8(&mut [0; 4])
}

fn other_alphabet(token: String, random: &mut Prng) -> String {
    let (signed, signature) = parts(&token);
    let other = ["+", "/", "%", "é"][random.below(4)];
    format!(
        "{signed}.{other}{}",
        signature.get(other.len()..).unwrap_or_default()
    )
}

fn other_signature(token: String, _: &mut Prng) -> String {
    let (signed, signature) = parts(&token);
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", signature.get(1..).unwrap_or_default())
}

fn other_claims(token: String, _: &mut Prng) -> String {
    let mut parts = token.split('.');
    let (header, signature) = (parts.next(), parts.nth(1));
    let claims = r#"{"iss":"https://login.example/","aud":"api","exp":4102444800}"#;
    let claims = crate::signer::encode(claims.as_bytes());
    format!(
        "{}.{claims}.{}",
        header.unwrap_or_default(),
        signature.unwrap_or_default()
    )
}

/// Anywhere, another of the alphabet, or a dot, or none.
fn one_character(token: String, random: &mut Prng) -> String {
    let mut bytes = token.into_bytes();
    let at = random.below(bytes.len());
    let before = bytes[at];
    match random.below(8) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, b'.'),
        _ => {
            let alphabet = b"ABCXYZabcxyz0189-_";
            bytes[at] = alphabet[random.below(alphabet.len())];
            if bytes[at] == before {
                bytes[at] = if before == b'Q' { b'R' } else { b'Q' };
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
