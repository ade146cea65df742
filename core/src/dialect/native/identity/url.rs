//! URLs that keys are fetched from.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::text::{Node, Span};
use crate::url::{BadUrl, Url};

/// The URL that a scalar is.
pub(super) fn check(node: &Node, diagnostics: &mut Diagnostics) -> Option<Box<str>> {
    let text = diagnostics.check(node.as_str())?;
    check_text(text, node.span, diagnostics).then(|| text.into())
}

/// Whether keys are fetched from there at all.
pub(super) fn check_text(text: &str, span: Span, diagnostics: &mut Diagnostics) -> bool {
    let Err(bad) = Url::fetchable(text) else {
        return true;
    };
    if bad == BadUrl::Credentials {
        diagnostics.redact(span);
    }
    let error = Diagnostic::error(Code::BAD_URL, span, bad.to_string());
    diagnostics.push(match bad {
        BadUrl::Plain => error.help("write https://"),
        BadUrl::Credentials => {
            error.help("leave them out; a document behind a password can be kept as a file")
        }
        BadUrl::Scheme => error.help("without a URL, name a file"),
        _ => error,
    });
    false
}
