//! `match`: keys and values to a predicate, and what absence means for each.
//!
//! | module | holds |
//! |---|---|
//! | [`request`] | keys of the request: routes, hosts, headers, addresses, attributes |
//! | [`caller`] | keys of the caller: who, principal, roles, groups, scopes |
//! | [`subject`] | `{ user, of }` and its kin, also for grants |
//! | [`alternatives`] | values: scalars, lists, sets |

mod alternatives;
mod caller;
mod request;
pub(super) mod subject;

pub(super) use alternatives::one_or_many;
pub(super) use caller::bypass;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::MAX_SET_COPIES;
use crate::program::vocabulary::{Attribute, Truth};
use crate::rule::identity::Identity;
use crate::rule::{Matcher, Over, Predicate, Test};
use crate::text::{Key, Kind, Node, Span};

use super::schema::Schema;

/// What the lowering of matches needs at hand.
pub(super) struct Scope<'s, 'a> {
    pub(super) schema: &'s Schema<'a>,
    /// Whose users there are: a user is of the one provider, unless it is said.
    users: Vec<Box<str>>,
    pub(super) diagnostics: &'s mut Diagnostics,
    /// Nothing once it is used up; that has been reported.
    set_copies_left: Option<usize>,
}

impl<'s, 'a> Scope<'s, 'a> {
    pub(super) fn new(
        schema: &'s Schema<'a>,
        identity: &Identity,
        diagnostics: &'s mut Diagnostics,
    ) -> Self {
        Self {
            schema,
            users: identity.user_providers().map(Box::from).collect(),
            diagnostics,
            set_copies_left: Some(MAX_SET_COPIES),
        }
    }

    fn check<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        self.diagnostics.check(result)
    }
}

/// Where a test stands: it decides what an attribute that is absent, or there twice, comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stance {
    /// In an allow; otherwise in a deny or a requirement.
    pub(super) allow: bool,
    /// Under `not`.
    pub(super) negated: bool,
}

impl Stance {
    pub(super) const ALLOW: Self = Self {
        allow: true,
        negated: false,
    };

    /// Whether the request gets further where the test holds, so that the test must not be easy to pass.
    fn opens(self) -> bool {
        self.allow != self.negated
    }

    /// Where nobody is identified, a test of the caller fails; its negation must not hold for that.
    fn without_principal(self) -> Truth {
        if self.negated {
            Truth::NeedsPrincipal
        } else {
            Truth::False
        }
    }

    /// A field must be there once to allow; a deny finds it among several, and is not passed by adding one.
    fn over_fields(self) -> Over {
        match (self.allow, self.negated) {
            (true, _) => Over::One,
            (false, false) => Over::Any,
            (false, true) => Over::All,
        }
    }
}

/// A test and how it reads its attribute, but for what it compares with.
#[derive(Clone)]
struct Subject {
    attribute: Attribute,
    over: Over,
    absent: Truth,
}

impl Subject {
    fn new(attribute: Attribute, absent: Truth) -> Self {
        Self {
            attribute,
            over: Over::Any,
            absent,
        }
    }

    fn test(&self, matcher: Matcher, span: Span) -> Predicate {
        Predicate::Test(Test {
            attribute: self.attribute.clone(),
            matcher,
            over: self.over,
            absent: self.absent,
            span,
        })
    }
}

impl Subject {
    /// Any of several tests; where every value has to match, each value may match another of them.
    fn any_of(&self, tests: Vec<Predicate>, span: Span) -> Predicate {
        if self.over != Over::All || tests.len() < 2 {
            return any_of(tests);
        }
        let matcher = |test| match test {
            Predicate::Test(test) => Some(test.matcher),
            _ => None,
        };
        let matchers = tests.into_iter().filter_map(matcher).collect();
        self.test(Matcher::AnyOf(matchers), span)
    }
}

/// What a rule's `match` says, and whether it speaks of `who`.
pub(super) struct Match {
    pub(super) predicate: Predicate,
    pub(super) names_who: bool,
    pub(super) is_empty: bool,
}

/// Every key of `match`.
pub(super) const KEYS: &[&str] = &[
    "who",
    "route",
    "action",
    "resource",
    "method",
    "path",
    "host",
    "header",
    "query",
    "source_ip",
    "remote_ip",
    "peer",
    "principal",
    "roles",
    "groups",
    "scopes",
    "attr",
    "not",
];

/// Several keys: all of them.
pub(super) fn lower<'a>(node: &'a Node, allow: bool, scope: &mut Scope<'_, 'a>) -> Option<Match> {
    let stance = Stance {
        allow,
        negated: false,
    };
    let entries = scope.check(node.as_mapping())?;
    let mut all = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match &*key.text {
            "not" => lower_not(value, stance, &mut all, scope),
            _ => all.extend(lower_key(key, value, stance, scope)),
        }
    }
    let names_who = entries.iter().any(|(key, _)| &*key.text == "who");
    Some(Match {
        predicate: all_of(all),
        names_who,
        is_empty: entries.is_empty(),
    })
}

fn lower_key<'a>(
    key: &Key,
    value: &'a Node,
    stance: Stance,
    scope: &mut Scope<'_, 'a>,
) -> Option<Predicate> {
    match &*key.text {
        "who" => caller::who(value, stance, scope),
        "principal" => Some(caller::principal(value, stance, scope)),
        "roles" => Some(caller::roles(value, stance, scope)),
        "groups" => Some(caller::groups(value, stance, scope)),
        "scopes" => Some(caller::scopes(value, stance, scope)),
        "route" => Some(request::route(value, scope)),
        "action" => Some(request::action(value, scope)),
        "resource" => Some(request::resource(value, scope)),
        "method" => Some(request::method(value, scope)),
        "path" => Some(request::path(value, scope)),
        "host" => Some(request::host(value, stance, scope)),
        "header" => Some(request::header(value, stance, scope)),
        "query" => Some(request::query(value, stance, scope)),
        "source_ip" => Some(request::address(Attribute::SourceIp, value, scope)),
        "remote_ip" => Some(request::address(Attribute::RemoteIp, value, scope)),
        "peer" => Some(request::peer(value, scope)),
        "attr" => Some(request::attr(value, stance, scope)),
        unknown => {
            let message = format!("unknown key \"{unknown}\"");
            let error = Diagnostic::error(Code::UNKNOWN_KEY, key.span, message);
            scope
                .diagnostics
                .push(error.suggesting(unknown, KEYS.iter().copied()));
            None
        }
    }
}

/// None of them: each is one key, alone or in a list.
fn lower_not<'a>(
    node: &'a Node,
    stance: Stance,
    all: &mut Vec<Predicate>,
    scope: &mut Scope<'_, 'a>,
) {
    let stance = Stance {
        negated: true,
        ..stance
    };
    for item in one_or_many(node, scope.diagnostics) {
        let Some(entries) = scope.check(item.as_mapping()) else {
            continue;
        };
        match entries {
            [(key, _)] if &*key.text == "not" => {
                let message = "`not` inside `not`";
                let error = Diagnostic::error(Code::NOT_WITHOUT_ONE_KEY, key.span, message);
                scope
                    .diagnostics
                    .push(error.help("write what it comes to, without both"));
            }
            [(key, value)] => {
                let lowered = lower_key(key, value, stance, scope);
                all.extend(lowered.map(|predicate| Predicate::Not(Box::new(predicate))));
            }
            _ => {
                let (at, message) = match entries.get(1) {
                    Some((key, _)) => (
                        key.span,
                        "several keys under `not` could be read in two ways",
                    ),
                    None => (item.span, "`not` is empty"),
                };
                let error = Diagnostic::error(Code::NOT_WITHOUT_ONE_KEY, at, message);
                let help = "write a list of one key each, which means none of them: \
                            `not: [{ host: a.example }, { method: PUT }]`";
                scope.diagnostics.push(error.help(help));
            }
        }
    }
}

/// All of them, nothing nested for its own sake.
pub(super) fn all_of(list: Vec<Predicate>) -> Predicate {
    let parts = list.into_iter().flat_map(|predicate| match predicate {
        Predicate::All(parts) => parts,
        other => vec![other],
    });
    one_or(parts.collect(), Predicate::All)
}

/// Any of them, nothing nested for its own sake.
pub(super) fn any_of(list: Vec<Predicate>) -> Predicate {
    let parts = list.into_iter().flat_map(|predicate| match predicate {
        Predicate::Any(parts) => parts,
        other => vec![other],
    });
    one_or(parts.collect(), Predicate::Any)
}

fn one_or(mut list: Vec<Predicate>, join: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match (list.len(), list.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            list.extend(last);
            join(list)
        }
    }
}

/// Somebody is identified.
pub(super) fn is_identified(absent: Truth, span: Span) -> Predicate {
    Subject::new(Attribute::PrincipalId, absent).test(Matcher::Present, span)
}

/// Whether a node is `{ in: … }`, or has that key among others.
fn names_set(node: &Node) -> Option<&[(Key, Node)]> {
    match &node.kind {
        Kind::Mapping(entries) if entries.iter().any(|(key, _)| &*key.text == "in") => {
            Some(entries)
        }
        _ => None,
    }
}
