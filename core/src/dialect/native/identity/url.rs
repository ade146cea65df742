//! URLs that keys are fetched from.

use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Node, Span};
use crate::url::{BadUrl, Url};

/// The URL that a scalar is.
pub(super) fn check(node: &Node) -> Result<Box<str>, Diagnostic> {
    let text = node.as_str()?;
    check_text(text, node.span)?;
    Ok(text.into())
}

/// Whether keys are fetched from there at all. A URL is not repeated: it may hold a password.
pub(super) fn check_text(text: &str, span: Span) -> Result<(), Diagnostic> {
    Url::fetchable(text).map(drop).map_err(|bad| {
        let error = Diagnostic::error(Code::BAD_URL, span, bad.to_string());
        match bad {
            BadUrl::Plain => error.help("write https://"),
            BadUrl::Credentials => error.help("name a file or a variable for what is secret"),
            _ => error,
        }
    })
}
