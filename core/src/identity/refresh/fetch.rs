//! One request that the core asks its host to make, and what may come of it.

use super::discovery;
use super::freshness::time_to_live;
use crate::limits::{MAX_KEY_SET_BYTES, MAX_REDIRECTS};
use crate::url::Url;
use core::fmt;

/// A request that the host is asked to make: a plain `GET`, without following redirects.
///
/// It is handed back, used up, with what came of it.
#[derive(Debug)]
pub struct Fetch {
    pub(super) id: u64,
    pub(super) step: Step,
    pub(super) timeout_ms: u64,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchKind {
    /// The document that says where an issuer's keys are.
    Discovery,
    /// The keys.
    KeySet,
}

/// One step on the way to a key set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) goal: Goal,
    pub(super) url: Box<str>,
    /// How many redirects led here.
    pub(super) redirects: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The discovery document of this issuer.
    Discovery(Box<str>),
    KeySet,
}

impl Fetch {
    /// Where to: `https`, or `http` to this machine.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.step.url
    }

    /// What for.
    #[must_use]
    pub fn kind(&self) -> FetchKind {
        match self.step.goal {
            Goal::Discovery(_) => FetchKind::Discovery,
            Goal::KeySet => FetchKind::KeySet,
        }
    }

    /// Longest body that is taken, in bytes: stop reading beyond.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        MAX_KEY_SET_BYTES
    }

    /// How long it may take altogether, in milliseconds: later it has failed.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }
}

/// The answer to a [`Fetch`], as it came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetched<'a> {
    /// The status code.
    pub status: u16,
    /// The header `Location`, where there is one.
    pub location: Option<&'a str>,
    /// The header `Cache-Control`, where there is one.
    pub cache_control: Option<&'a str>,
    /// The header `Age`, where there is one.
    pub age: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// Why an attempt to fetch keys failed. Nothing of what was fetched is repeated here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchProblem {
    /// No answer in time.
    TimedOut,
    /// No answer, in the host's words.
    Unreachable(String),
    /// Another status than 200.
    Status(u16),
    /// The body is longer than [`MAX_KEY_SET_BYTES`](crate::limits::MAX_KEY_SET_BYTES).
    TooLong,
    /// A redirect to another origin, or to nowhere.
    Redirect,
    /// More redirects than [`MAX_REDIRECTS`](crate::limits::MAX_REDIRECTS).
    TooManyRedirects,
    /// A URL that nothing is fetched from.
    BadUrl(String),
    /// No discovery document: no JSON object with one `issuer` and one `jwks_uri`.
    NoDiscovery,
    /// The discovery document is another issuer's.
    WrongIssuer,
    /// No key set, or none with a key that can be used.
    BadKeySet(String),
}

impl fmt::Display for FetchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable(why) => write!(f, "no answer: {why}"),
            Self::Status(status) => write!(f, "the answer's status is {status}, not 200"),
            Self::TooLong => write!(f, "the answer is longer than {MAX_KEY_SET_BYTES} bytes"),
            Self::Redirect => f.write_str("the answer redirects to another origin, or to nowhere"),
            Self::TooManyRedirects => write!(f, "more than {MAX_REDIRECTS} redirects"),
            Self::BadUrl(why) => f.write_str(why),
            Self::NoDiscovery => {
                f.write_str("the answer is no JSON object with one issuer and one jwks_uri")
            }
            Self::WrongIssuer => f.write_str("the discovery document names another issuer"),
            Self::BadKeySet(why) => write!(f, "no usable key set: {why}"),
        }
    }
}

impl std::error::Error for FetchProblem {}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    /// Something else has to be fetched first.
    Next(Step),
    /// A document that may be a key set.
    Document(&'a [u8]),
}

/// Judges an answer by what was asked for.
///
/// With it comes the time to live that the headers grant, in milliseconds.
pub(super) fn judge<'a>(
    step: &Step,
    fetched: &Fetched<'a>,
) -> Result<(Answer<'a>, Option<u64>), FetchProblem> {
    let ttl = time_to_live(fetched.cache_control, fetched.age);
    if matches!(fetched.status, 301 | 302 | 303 | 307 | 308) {
        let next = redirect(step, fetched.location)?;
        return Ok((Answer::Next(next), ttl));
    }
    if fetched.status != 200 {
        return Err(FetchProblem::Status(fetched.status));
    }
    if fetched.body.len() > MAX_KEY_SET_BYTES {
        return Err(FetchProblem::TooLong);
    }
    let answer = match &step.goal {
        Goal::Discovery(issuer) => Answer::Next(Step {
            goal: Goal::KeySet,
            url: discovery::key_set_url(fetched.body, issuer)?,
            redirects: 0,
        }),
        Goal::KeySet => Answer::Document(fetched.body),
    };
    Ok((answer, ttl))
}

fn redirect(step: &Step, location: Option<&str>) -> Result<Step, FetchProblem> {
    if step.redirects >= MAX_REDIRECTS {
        return Err(FetchProblem::TooManyRedirects);
    }
    let from = fetchable(&step.url)?;
    let url = location
        .and_then(|location| from.join(location))
        .ok_or(FetchProblem::Redirect)?;
    if !fetchable(&url)?.has_origin_of(&from) {
        return Err(FetchProblem::Redirect);
    }
    Ok(Step {
        goal: step.goal.clone(),
        url: url.into(),
        redirects: step.redirects + 1,
    })
}

fn fetchable(url: &str) -> Result<Url<'_>, FetchProblem> {
    Url::fetchable(url).map_err(|problem| FetchProblem::BadUrl(problem.to_string()))
}
