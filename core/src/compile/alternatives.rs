//! Facts for the index: a rule taken apart into alternatives, each with a place of its own.
//!
//! An alternative is a conjunction of what the index can establish (path, host,
//! method, role, action) and of what is left to ask. A rule is the disjunction of
//! its alternatives. What an alternative's place establishes is decided there and
//! then, never undecided, so nothing is lost for rules that bind in doubt.

use super::names::Vocabulary;
use crate::limits::MAX_ALTERNATIVES;
use crate::pattern::host::HostKey;
use crate::pattern::template::TemplateSegment;
use crate::pattern::text::TextPattern;
use crate::program::methods::{self, Methods};
use crate::program::paths::Step;
use crate::program::roles::RoleId;
use crate::program::vocabulary::{Attribute, Truth};
use crate::rule::{GlobPart, Matcher, Predicate, Test};

/// Where the paths of an alternative are in the trie.
#[derive(Clone, Debug)]
pub(super) struct PathKey<'r> {
    pub(super) steps: Vec<Step<'r>>,
    pub(super) tail: bool,
    /// Whether the rule binds a request without a path too.
    pub(super) or_none: bool,
    /// What has to be asked beside being there; `None` if being there is all.
    ask: Option<&'r Predicate>,
    whole: &'r Predicate,
}

impl PathKey<'_> {
    fn literals(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| matches!(step, Step::Literal(_)))
            .count()
    }
}

#[derive(Clone, Debug)]
pub(super) struct HostRoot<'r> {
    pub(super) key: HostKey<'r>,
    ask: Option<&'r Predicate>,
    whole: &'r Predicate,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ActionKey<'r> {
    pub(super) test: &'r Test,
    pub(super) whole: &'r Predicate,
}

/// One alternative of a rule.
#[derive(Clone, Debug)]
pub(super) struct Alternative<'r> {
    pub(super) methods: u32,
    pub(super) path: Option<PathKey<'r>>,
    pub(super) host: Option<HostRoot<'r>>,
    pub(super) role: Option<(RoleId, &'r Predicate)>,
    pub(super) action: Option<ActionKey<'r>>,
    /// What is left to ask.
    pub(super) rest: Vec<&'r Predicate>,
}

impl<'r> Alternative<'r> {
    const fn anything() -> Self {
        Self {
            methods: methods::ANY_OR_NONE,
            path: None,
            host: None,
            role: None,
            action: None,
            rest: Vec::new(),
        }
    }

    fn of_methods(methods: u32) -> Self {
        Self {
            methods,
            ..Self::anything()
        }
    }

    fn asking(predicate: &'r Predicate) -> Self {
        Self {
            rest: vec![predicate],
            ..Self::anything()
        }
    }

    /// Both hold; `None` if they never do together.
    fn and(&self, other: &Self) -> Option<Self> {
        let mut both = Self {
            methods: self.methods & other.methods,
            ..self.clone()
        };
        both.rest.extend(&other.rest);
        if both.methods == 0 {
            return None;
        }
        match (&mut both.path, &other.path) {
            (Some(mine), Some(theirs)) => {
                let less = if mine.literals() >= theirs.literals() {
                    theirs.clone()
                } else {
                    core::mem::replace(mine, theirs.clone())
                };
                both.rest.push(less.whole);
            }
            (mine @ None, theirs) => *mine = theirs.clone(),
            (Some(_), None) => {}
        }
        match (&both.host, &other.host) {
            (Some(_), Some(theirs)) => both.rest.push(theirs.whole),
            (None, theirs) => both.host = theirs.clone(),
            (Some(_), None) => {}
        }
        match (both.role, other.role) {
            (Some((mine, _)), Some((theirs, whole))) if mine != theirs => both.rest.push(whole),
            (None, theirs) => both.role = theirs,
            (Some(_), _) => {}
        }
        match (both.action, other.action) {
            (Some(_), Some(theirs)) => both.rest.push(theirs.whole),
            (None, theirs) => both.action = theirs,
            (Some(_), None) => {}
        }
        Some(both)
    }

    /// What is left to ask once the index has established the place: by path and host, or by action.
    pub(super) fn left_to_ask(&self, by_path: bool) -> Vec<&'r Predicate> {
        let mut left = self.rest.clone();
        match (&self.path, by_path) {
            (Some(path), true) => left.extend(path.ask),
            (Some(path), false) => left.push(path.whole),
            (None, _) => {}
        }
        match (&self.host, by_path) {
            (Some(host), true) => left.extend(host.ask),
            (Some(host), false) => left.push(host.whole),
            (None, _) => {}
        }
        if let (Some(action), true) = (self.action, by_path) {
            left.push(action.whole);
        }
        // Who holds a role is somebody.
        left.retain(|predicate| self.role.is_none() || !is_authenticated(predicate));
        left
    }
}

fn is_authenticated(predicate: &Predicate) -> bool {
    matches!(
        predicate,
        Predicate::Test(Test {
            attribute: Attribute::PrincipalId,
            matcher: Matcher::Present,
            ..
        })
    )
}

/// What the index knows of names.
pub(super) struct Facts<'f, 'r> {
    pub(super) vocabulary: &'f Vocabulary<'r>,
    pub(super) methods: &'f Methods,
    /// Whether `/a` and `/a/` are different.
    pub(super) distinct_slash: bool,
    /// Whether the rule binds where it cannot be decided.
    pub(super) binds_in_doubt: bool,
}

/// The alternatives of a predicate; none if it is never true.
pub(super) fn alternatives<'r>(
    predicate: &'r Predicate,
    facts: &Facts<'_, 'r>,
) -> Vec<Alternative<'r>> {
    match predicate {
        Predicate::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(alternatives(part, facts));
                if all.len() > MAX_ALTERNATIVES {
                    return vec![Alternative::asking(predicate)];
                }
            }
            all
        }
        Predicate::All(parts) => {
            let mut all = vec![Alternative::anything()];
            for part in parts {
                let of_part = alternatives(part, facts);
                if all.len() * of_part.len() > MAX_ALTERNATIVES {
                    all.iter_mut()
                        .for_each(|alternative| alternative.rest.push(part));
                } else {
                    all = all
                        .iter()
                        .flat_map(|one| of_part.iter().filter_map(|other| one.and(other)))
                        .collect();
                }
            }
            all
        }
        Predicate::When { apart, .. } => alternatives(apart, facts),
        Predicate::Not(_) | Predicate::Part { .. } => vec![Alternative::asking(predicate)],
        Predicate::Test(test) => of_test(predicate, test, facts),
    }
}

fn of_test<'r>(
    predicate: &'r Predicate,
    test: &'r Test,
    facts: &Facts<'_, 'r>,
) -> Vec<Alternative<'r>> {
    // What the index does not find is false, so absence has to mean that, or as little.
    match test.absent {
        Truth::False => {}
        Truth::Undecided if !facts.binds_in_doubt => {}
        Truth::Undecided => return in_doubt(predicate, test, facts),
        Truth::True | Truth::NeedsPrincipal => return vec![Alternative::asking(predicate)],
    }
    let anything = Alternative::anything();
    let guarded = |role| Alternative {
        role: Some((role, predicate)),
        ..Alternative::anything()
    };
    let one = match (&test.attribute, &test.matcher) {
        (Attribute::Method, Matcher::Text(TextPattern::Exact(method))) => {
            Alternative::of_methods(facts.methods.bits(method))
        }
        (Attribute::RequestMethod, Matcher::Text(TextPattern::Exact(method))) => {
            Alternative::of_methods(facts.methods.bit(method))
        }
        (Attribute::Method, Matcher::Present | Matcher::Text(TextPattern::Present)) => {
            Alternative::of_methods(methods::ANY)
        }
        (Attribute::Roles, Matcher::Text(TextPattern::Exact(name))) => {
            role(name, facts.vocabulary).map_or_else(|| Alternative::asking(predicate), guarded)
        }
        (Attribute::Roles, Matcher::OneOf(names)) => {
            // Only one of several may be named in what is left, so each asks for itself alone.
            let known = names
                .iter()
                .filter_map(|name| role(name.as_bytes(), facts.vocabulary));
            return known.map(guarded).collect();
        }
        (Attribute::Action, Matcher::Action(_)) => Alternative {
            action: Some(ActionKey {
                test,
                whole: predicate,
            }),
            ..anything
        },
        (
            Attribute::Host,
            Matcher::Host {
                pattern,
                ignore_port,
            },
        ) => match pattern.index_key() {
            Some(key) => Alternative {
                host: Some(HostRoot {
                    key,
                    ask: (!ignore_port || pattern.has_port()).then_some(predicate),
                    whole: predicate,
                }),
                ..anything
            },
            None => Alternative::asking(predicate),
        },
        (Attribute::Path, matcher) => return of_path(predicate, matcher, facts),
        _ => Alternative::asking(predicate),
    };
    vec![one]
}

fn of_path<'r>(
    predicate: &'r Predicate,
    matcher: &'r Matcher,
    facts: &Facts<'_, 'r>,
) -> Vec<Alternative<'r>> {
    let keys = path_keys(predicate, matcher, facts.distinct_slash);
    if keys.is_empty() {
        return vec![Alternative::asking(predicate)];
    }
    let at = |path| Alternative {
        path: Some(path),
        ..Alternative::anything()
    };
    keys.into_iter().map(at).collect()
}

/// A test of a rule that binds where the attribute is absent too: the index lets that through, and it is asked.
fn in_doubt<'r>(
    predicate: &'r Predicate,
    test: &'r Test,
    facts: &Facts<'_, 'r>,
) -> Vec<Alternative<'r>> {
    let asking = Alternative::asking(predicate);
    vec![match (&test.attribute, &test.matcher) {
        (Attribute::RequestMethod, Matcher::Text(TextPattern::Exact(method))) => Alternative {
            methods: facts.methods.bit(method) | methods::NO_METHOD,
            ..asking
        },
        (Attribute::Path, matcher) => {
            let keys = path_keys(predicate, matcher, facts.distinct_slash);
            if keys.is_empty() {
                return vec![asking];
            }
            // Once is enough for requests without a path.
            let place = |(at, key): (usize, PathKey<'r>)| Alternative {
                path: Some(PathKey {
                    ask: Some(predicate),
                    or_none: at == 0,
                    ..key
                }),
                ..Alternative::anything()
            };
            return keys.into_iter().enumerate().map(place).collect();
        }
        _ => asking,
    }]
}

fn role(name: &[u8], vocabulary: &Vocabulary<'_>) -> Option<RoleId> {
    vocabulary
        .roles
        .get(0, core::str::from_utf8(name).ok()?)
        .map(RoleId)
}

/// Where in the trie the paths of a matcher are; none if they may be anywhere.
fn path_keys<'r>(
    whole: &'r Predicate,
    matcher: &'r Matcher,
    distinct_slash: bool,
) -> Vec<PathKey<'r>> {
    let key = |steps, tail, ask| PathKey {
        steps,
        tail,
        ask,
        or_none: false,
        whole,
    };
    match matcher {
        Matcher::Path(template) => {
            let final_slash = distinct_slash && template.trailing_slash();
            let (steps, tail) = template_steps(template.segments(), final_slash);
            // Under a host the root is also where requests without a path arrive.
            let ask = (steps.is_empty() && !tail).then_some(whole);
            vec![key(steps, tail, ask)]
        }
        Matcher::Text(TextPattern::Exact(path)) => {
            let at = |steps| key(steps, false, Some(whole));
            match &**path {
                // `/` has no segment; `//`, where it is let through, is compared as `/` and has an empty one.
                b"/" => vec![at(Vec::new()), at(vec![Step::Literal(b"")])],
                path => vec![at(literal_steps(path))],
            }
        }
        // What follows the last slash of the prefix is asked.
        matcher => {
            let Some(prefix) = literal_prefix(matcher) else {
                return Vec::new();
            };
            // `/*` takes `/` too, which has no segment.
            let last = prefix.iter().rposition(|byte| *byte == b'/');
            let Some(folder) = last
                .and_then(|last| prefix.get(..last))
                .filter(|_| prefix.len() > 1)
            else {
                return Vec::new();
            };
            let mut keys = vec![key(literal_steps(folder), true, Some(whole))];
            if distinct_slash && prefix.ends_with(b"/") {
                // `/a/*` takes `/a/`, where nothing named follows `/a`.
                let mut steps = literal_steps(folder);
                steps.push(Step::Literal(b""));
                keys.push(key(steps, false, Some(whole)));
            }
            keys
        }
    }
}

/// What every text that matches begins with.
fn literal_prefix(matcher: &Matcher) -> Option<&[u8]> {
    match matcher {
        Matcher::Text(TextPattern::Prefix(prefix)) => Some(prefix),
        Matcher::Glob(glob) if !glob.fold_case => match glob.parts.first() {
            Some(GlobPart::Literal(prefix)) => Some(prefix.as_bytes()),
            _ => None,
        },
        _ => None,
    }
}

/// The steps of `/a/b`.
fn literal_steps(path: &[u8]) -> Vec<Step<'_>> {
    path.split(|byte| *byte == b'/')
        .skip(1)
        .map(Step::Literal)
        .collect()
}

/// The steps of a template. A final slash is an empty segment; where it makes no difference templates have none.
pub(super) fn template_steps(
    segments: &[TemplateSegment],
    final_slash: bool,
) -> (Vec<Step<'_>>, bool) {
    let mut tail = false;
    let mut steps: Vec<_> = segments
        .iter()
        .filter_map(|segment| match segment {
            TemplateSegment::Literal(literal) => Some(Step::Literal(literal)),
            TemplateSegment::Capture(_) => Some(Step::Any),
            TemplateSegment::Tail => {
                tail = true;
                None
            }
        })
        .collect();
    if final_slash {
        steps.push(Step::Literal(b""));
    }
    (steps, tail)
}
