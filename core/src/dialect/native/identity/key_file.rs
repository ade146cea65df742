//! The file of API keys: apps, what they bring with them, and the digests of their keys.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::{MAX_LIVE_KEYS, MAX_NAME_BYTES};
use crate::rule::identity::{ApiKey, ApiKeyFile, App, AttributeText, Status};
use crate::text::{Key, Kind, MappingReader, Node, Sources, Span};

use super::super::document::{entries, items, start_of};
use super::super::matching::one_or_many;
use super::super::names::{check_identifier, referred};
use super::super::words::word;
use super::keys::secret;

const STATUS: &[(&str, Status)] = &[
    ("approved", Status::Approved),
    ("pending", Status::Pending),
    ("revoked", Status::Revoked),
];
/// Longest id of a key, in bytes.
const MAX_KEY_ID_BYTES: usize = 64;

/// Reads the one document of a file; nothing if it does not even name its pepper.
pub(crate) fn read(
    documents: &[Node],
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<ApiKeyFile> {
    let [root] = documents else {
        let error = match documents.get(1) {
            Some(second) => Diagnostic::error(
                Code::SECOND_DOCUMENT,
                start_of(second),
                "a second document in a file of API keys",
            ),
            None => Diagnostic::error_of_load(Code::BAD_VERSION, "this file of API keys is empty"),
        };
        diagnostics.push(
            error.help("a file of API keys is one document, and begins with `gatelet_keys: 1`"),
        );
        return None;
    };
    let mut reader = diagnostics.check(MappingReader::new(root))?;
    check_version(reader.take("gatelet_keys"), root, diagnostics);
    let pepper = match reader.take_entry("pepper") {
        Some((key, node)) => secret(key, node, sources, diagnostics),
        None => {
            let message = "the key \"pepper\" is missing";
            let error = Diagnostic::error(Code::MISSING_KEY, start_of(root), message);
            let help =
                "refer to the secret that the digests are made with: `pepper: \"${file:pepper}\"`";
            diagnostics.push(error.help(help));
            None
        }
    };
    let mut file = Reader::default();
    for (key, node) in entries(reader.require("apps", diagnostics), diagnostics) {
        file.app(key, node, diagnostics);
    }
    reader.finish(diagnostics);
    Some(ApiKeyFile {
        pepper: pepper?,
        apps: file.apps,
        keys: file.keys,
    })
}

fn check_version(version: Option<&Node>, root: &Node, diagnostics: &mut Diagnostics) {
    if version.is_some_and(|version| matches!(version.as_u64(), Ok(1))) {
        return;
    }
    let at = version.map_or(start_of(root), |version| version.span);
    let message = "this is no version of a file of API keys that is read here";
    let error = Diagnostic::error(Code::BAD_VERSION, at, message);
    diagnostics.push(error.help("write `gatelet_keys: 1`"));
}

/// Apps and keys so far.
#[derive(Default)]
struct Reader {
    apps: Vec<App>,
    keys: Vec<ApiKey>,
    ids: HashMap<Box<str>, Span>,
    /// Of opaque keys.
    digests: HashMap<[u8; 32], Span>,
}

impl Reader {
    fn app(&mut self, key: &Key, node: &Node, diagnostics: &mut Diagnostics) {
        diagnostics.check(app_name(key));
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        let status = reader.read("status", |node| word(node, STATUS), diagnostics);
        let app = App {
            name: key.text.clone(),
            status: status.unwrap_or_default(),
            roles: names(reader.take("roles"), diagnostics),
            groups: names(reader.take("groups"), diagnostics),
            scopes: names(reader.take("scopes"), diagnostics),
            attributes: attributes(reader.take("attributes"), diagnostics),
        };
        let listed = items(reader.require("keys", diagnostics), diagnostics);
        reader.finish(diagnostics);
        let first = self.keys.len();
        for node in listed {
            self.key(node, diagnostics);
        }
        let live = most_live(self.keys.get(first..).unwrap_or_default());
        if live > MAX_LIVE_KEYS {
            let message = format!(
                "{live} keys of \"{}\" are live at one moment, and {MAX_LIVE_KEYS} are the most",
                key.text
            );
            let error = Diagnostic::error(Code::TOO_MANY_KEYS, key.span, message);
            diagnostics.push(error.help("let older ones end with `not_after`, or revoke them"));
        }
        self.apps.push(app);
    }

    fn key(&mut self, node: &Node, diagnostics: &mut Diagnostics) {
        let Some(mut reader) = diagnostics.check(MappingReader::new(node)) else {
            return;
        };
        let opaque = reader.read("opaque", Node::as_bool, diagnostics);
        let opaque = opaque.unwrap_or(false);
        let id = if opaque {
            reader.take_entry("id")
        } else {
            reader.require("id", diagnostics);
            reader.take_entry("id")
        };
        let id = id.and_then(|(_, node)| self.id(node, diagnostics));
        let hmac = reader.require("hmac", diagnostics);
        let hmac = hmac.and_then(|node| self.digest(node, opaque, diagnostics));
        let status = reader.read("status", |node| word(node, STATUS), diagnostics);
        let not_before_ms = reader.read("not_before", Node::as_timestamp_ms, diagnostics);
        let end = reader.take("not_after");
        let not_after_ms = end.and_then(|node| diagnostics.check(node.as_timestamp_ms()));
        reader.finish(diagnostics);
        if let (Some(from), Some(until), Some(end)) = (not_before_ms, not_after_ms, end)
            && from >= until
        {
            let message = "this key ends before it begins";
            diagnostics.push(Diagnostic::error(Code::EMPTY_WINDOW, end.span, message));
        }
        let Some(hmac) = hmac else { return };
        self.keys.push(ApiKey {
            id,
            app: u32::try_from(self.apps.len()).unwrap_or(u32::MAX),
            hmac,
            opaque,
            status: status.unwrap_or_default(),
            not_before_ms,
            not_after_ms,
        });
    }

    /// Letters, digits and `-`: a `_` ends the id within a key.
    fn id(&mut self, node: &Node, diagnostics: &mut Diagnostics) -> Option<Box<str>> {
        let text = diagnostics.check(node.as_str())?;
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if text.is_empty() || text.len() > MAX_KEY_ID_BYTES || !text.chars().all(is_id) {
            let message = "this cannot be the id of a key";
            let error = Diagnostic::error(Code::BAD_NAME, node.span, message);
            let help = format!("letters, digits and `-`, at most {MAX_KEY_ID_BYTES} of them");
            diagnostics.push(error.help(help));
            return None;
        }
        if let Some(first) = self.ids.insert(text.into(), node.span) {
            let message = format!("the key \"{text}\" is defined twice");
            let error = Diagnostic::error(Code::DUPLICATE_NAME, node.span, message);
            diagnostics.push(error.related(first, "it is defined here first"));
            return None;
        }
        Some(text.into())
    }

    /// 64 hexadecimal digits. They are no secret, and shown to nobody all the same.
    fn digest(
        &mut self,
        node: &Node,
        opaque: bool,
        diagnostics: &mut Diagnostics,
    ) -> Option<[u8; 32]> {
        diagnostics.redact(node.span);
        let Some(hmac) = node.as_str().ok().and_then(hexadecimal) else {
            let message = "a digest is 64 hexadecimal digits: HMAC-SHA256 under the pepper";
            let error = Diagnostic::error(Code::BAD_DIGEST, node.span, message);
            diagnostics.push(error.help("`gatelet key new` makes a key and its digest"));
            return None;
        };
        if opaque && let Some(first) = self.digests.insert(hmac, node.span) {
            let message = "one opaque key stands for two";
            let error = Diagnostic::error(Code::DUPLICATE_NAME, node.span, message);
            diagnostics.push(error.related(first, "it is listed here first"));
            return None;
        }
        Some(hmac)
    }
}

/// Any text that can be a principal's id.
fn app_name(key: &Key) -> Result<(), Diagnostic> {
    let bad = |message: String| Err(Diagnostic::error(Code::BAD_NAME, key.span, message));
    match &*key.text {
        "" => bad("an app has no name".into()),
        text if text.len() > MAX_NAME_BYTES => {
            bad(format!("a name of more than {MAX_NAME_BYTES} bytes"))
        }
        text if text.chars().any(char::is_control) => {
            bad("the name of an app has a control character".into())
        }
        _ => Ok(()),
    }
}

fn names(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Box<[Box<str>]> {
    let listed = items(node, diagnostics).iter();
    listed
        .filter_map(|node| diagnostics.check(referred(node)))
        .map(|name| name.text)
        .collect()
}

/// Text or lists of text: of which type they are, the policy says.
fn attributes(
    node: Option<&Node>,
    diagnostics: &mut Diagnostics,
) -> Box<[(Box<str>, AttributeText)]> {
    let mut found = Vec::new();
    for (key, node) in entries(node, diagnostics) {
        diagnostics.check(check_identifier(&key.text, key.span));
        let value = match &node.kind {
            Kind::Sequence(_) => {
                let texts = one_or_many(node, diagnostics).iter();
                let texts = texts.filter_map(|node| diagnostics.check(scalar(node)));
                Some(AttributeText::Many(texts.collect()))
            }
            _ => diagnostics.check(scalar(node)).map(AttributeText::One),
        };
        found.extend(value.map(|value| (key.text.clone(), value)));
    }
    found.into()
}

/// A scalar's text, numbers and booleans too.
fn scalar(node: &Node) -> Result<Box<str>, Diagnostic> {
    match &node.kind {
        Kind::Scalar { text, .. } if !node.is_null() => Ok(text.clone()),
        _ => Err(node.mismatch("a string, a number or a boolean")),
    }
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// How many approved keys are live together at the worst moment, which is when one of them begins.
fn most_live(keys: &[ApiKey]) -> usize {
    let windows: Vec<_> = keys
        .iter()
        .filter(|key| key.status == Status::Approved)
        .map(|key| {
            let from = key.not_before_ms.unwrap_or(i64::MIN);
            (from, key.not_after_ms.unwrap_or(i64::MAX))
        })
        .collect();
    let mut changes: Vec<_> = windows
        .iter()
        .flat_map(|(from, until)| [(*from, 1_isize), (*until, -1)])
        .collect();
    // At one moment the ends come first: a key is not live any more when its `not_after` comes.
    changes.sort_unstable();
    let (mut live, mut most) = (0, 0);
    for (_, change) in changes {
        live += change;
        most = most.max(live);
    }
    most.unsigned_abs()
}
