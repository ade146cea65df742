//! What is wrong with a policy, where, and what to do about it.

mod code;
mod collect;
mod excerpt;
mod suggest;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use collect::LoadError;

pub(crate) use collect::Diagnostics;
pub(crate) use suggest::suggest;

use std::fmt;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, Title};
use serde::Serialize;

use crate::text::{Position, Sources, Span};
use excerpt::{Excerpt, MAX_MESSAGE_CHARS, escape};

/// How bad it is: a policy with an error is not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// The policy is refused.
    Error,
    /// The policy is loaded, and probably does not mean what its author thinks.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem of a policy: a stable code, the place, what is wrong and the way out.
///
/// It owns all that it prints; control characters of the policy are escaped in it.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Diagnostic {
    // Boxed: a `Result` that carries one stays small.
    inner: Box<Inner>,
}

#[derive(Clone, Debug, Serialize)]
struct Inner {
    code: Code,
    severity: Severity,
    message: String,
    #[serde(flatten)]
    place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related>,
}

/// A second place that belongs to a diagnostic, such as the first of two equal keys.
#[derive(Clone, Debug, Serialize)]
pub struct Related {
    message: String,
    #[serde(flatten)]
    place: Place,
}

/// Where it is; spans wait for the sources until the diagnostics are finished.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Place {
    Nowhere {},
    File {
        file: String,
    },
    #[serde(skip)]
    Unresolved(Span),
    Resolved {
        file: String,
        #[serde(flatten)]
        position: Position,
        #[serde(skip)]
        excerpt: Excerpt,
    },
}

impl Place {
    fn resolve(&mut self, sources: &Sources, secrets: &[Span]) {
        if let Self::Unresolved(span) = *self {
            let position = sources.position(span);
            *self = Self::Resolved {
                file: escape(sources.name(span.source), MAX_MESSAGE_CHARS),
                position,
                excerpt: Excerpt::around(sources.text(span.source), span, secrets),
            };
        }
    }

    fn file(&self) -> Option<&str> {
        match self {
            Self::File { file } | Self::Resolved { file, .. } => Some(file),
            Self::Nowhere {} | Self::Unresolved(_) => None,
        }
    }

    fn position(&self) -> Option<Position> {
        match self {
            Self::Resolved { position, .. } => Some(*position),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file(), self.position()) {
            (Some(file), Some(at)) => write!(out, "{file}:{}:{}", at.line, at.column),
            (Some(file), None) => out.write_str(file),
            _ => out.write_str("policy"),
        }
    }
}

/// Building one, in the load plane.
impl Diagnostic {
    pub(crate) fn error(code: Code, span: Span, message: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Error, Place::Unresolved(span), message)
    }

    pub(crate) fn warning(code: Code, span: Span, message: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Warning, Place::Unresolved(span), message)
    }

    /// An error of a whole source, or of one that could not become text.
    pub(crate) fn error_in_file(code: Code, file: &str, message: impl AsRef<str>) -> Self {
        let file = escape(file, MAX_MESSAGE_CHARS);
        Self::new(code, Severity::Error, Place::File { file }, message)
    }

    /// An error that no source is to blame for.
    pub(crate) fn error_of_load(code: Code, message: impl AsRef<str>) -> Self {
        Self::new(code, Severity::Error, Place::Nowhere {}, message)
    }

    fn new(code: Code, severity: Severity, place: Place, message: impl AsRef<str>) -> Self {
        Self {
            inner: Box::new(Inner {
                code,
                severity,
                message: escape(message.as_ref(), MAX_MESSAGE_CHARS),
                place,
                help: None,
                related: Vec::new(),
            }),
        }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.inner.help = Some(escape(help.as_ref(), MAX_MESSAGE_CHARS));
        self
    }

    #[must_use]
    pub(crate) fn related(mut self, span: Span, message: impl AsRef<str>) -> Self {
        self.inner.related.push(Related {
            message: escape(message.as_ref(), MAX_MESSAGE_CHARS),
            place: Place::Unresolved(span),
        });
        self
    }

    /// Gives `did you mean "…"?` where a candidate is close enough, else leaves it as it is.
    #[must_use]
    pub(crate) fn suggesting<'c>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Self {
        match suggest(name, candidates) {
            Some(close) => self.help(format!("did you mean \"{close}\"?")),
            None => self,
        }
    }

    /// Where it is, while the sources are not resolved yet.
    pub(crate) fn span(&self) -> Option<Span> {
        match self.inner.place {
            Place::Unresolved(span) => Some(span),
            _ => None,
        }
    }

    /// Turns spans into lines, columns and excerpts without secrets; from here on no source is needed.
    #[must_use]
    pub(crate) fn resolved(mut self, sources: &Sources, secrets: &[Span]) -> Self {
        self.inner.place.resolve(sources, secrets);
        for related in &mut self.inner.related {
            related.place.resolve(sources, secrets);
        }
        self
    }

    /// Places it by hand, for a source that is not text and so has no spans.
    #[must_use]
    pub(crate) fn at_position(mut self, file: &str, position: Position, line_text: &str) -> Self {
        self.inner.place = Place::Resolved {
            file: escape(file, MAX_MESSAGE_CHARS),
            position,
            excerpt: Excerpt::at_end_of(line_text),
        };
        self
    }
}

impl Diagnostic {
    /// The stable code, such as `GL014`.
    #[must_use]
    pub fn code(&self) -> Code {
        self.inner.code
    }

    /// Whether it keeps the policy from being loaded.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.inner.severity
    }

    /// What is wrong, in one line without code or place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The name of the source, if one source is to blame.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.inner.place.file()
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.inner.place.position().map(|at| at.line)
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.inner.place.position().map(|at| at.column)
    }

    /// The line on which the place ends.
    #[must_use]
    pub fn end_line(&self) -> Option<u32> {
        self.inner.place.position().map(|at| at.end_line)
    }

    /// The column just after the place.
    #[must_use]
    pub fn end_column(&self) -> Option<u32> {
        self.inner.place.position().map(|at| at.end_column)
    }

    /// The way out, if there is an obvious one.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.inner.help.as_deref()
    }

    /// Other places that belong to it.
    #[must_use]
    pub fn notes(&self) -> &[Related] {
        &self.inner.related
    }

    /// Several lines for a terminal: the place, the source line with a caret, the help.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let inner = &*self.inner;
        let level = match inner.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let code = inner.code.to_string();
        let title = level.primary_title(inner.message.as_str()).id(code);
        let mut report = Vec::new();
        inner
            .place
            .show(title, AnnotationKind::Primary, &mut report);
        for related in &inner.related {
            let title = Level::NOTE.secondary_title(related.message.as_str());
            let kind = AnnotationKind::Context;
            related.place.show(title, kind, &mut report);
        }
        if let Some(help) = &inner.help {
            report.push(Group::with_title(
                Level::HELP.secondary_title(help.as_str()),
            ));
        }
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.decor_style(DecorStyle::Ascii).render(&report)
    }
}

impl Related {
    /// What is at that place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name of the source.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.place.file()
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.place.position().map(|at| at.line)
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.place.position().map(|at| at.column)
    }
}

impl Place {
    /// Adds the title, the place and the line to a report.
    fn show<'a>(&'a self, title: Title<'a>, kind: AnnotationKind, report: &mut Vec<Group<'a>>) {
        let group = Group::with_title(title);
        let (file, position, excerpt) = match self {
            Self::Nowhere {} | Self::Unresolved(_) => return report.push(group),
            Self::File { file } => return report.push(group.element(Origin::path(file.as_str()))),
            Self::Resolved {
                file,
                position,
                excerpt,
            } => (file.as_str(), position, excerpt),
        };
        let line = position.line as usize;
        let snippet = Snippet::source(excerpt.text()).line_start(line);
        let snippet = snippet.annotation(kind.span(excerpt.marked()));
        if excerpt.column() == position.column as usize {
            report.push(group.element(snippet.path(file)));
            return;
        }
        // A line that was cut or escaped would yield a wrong column: the place is given apart.
        let origin = Origin::path(file)
            .line(line)
            .char_column(position.column as usize);
        report.push(group.element(origin));
        report.push(Group::with_level(Level::NOTE).element(snippet));
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        write!(
            out,
            "{}: {}[{}]: {}",
            inner.place, inner.severity, inner.code, inner.message
        )?;
        match &inner.help {
            Some(help) => write!(out, " ({help})"),
            None => Ok(()),
        }
    }
}
