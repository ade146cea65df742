//! A policy as plain data, three things to do with it, and requests to do them on.
//!
//! [`render`] writes it as a policy of Gatelet's own, [`mod@reference`] decides with it in
//! the simplest code that the contract allows, [`generate`] makes it up. The
//! engine and the reference share nothing but the text of the contract.

pub mod generate;
mod matching;
pub mod reference;
pub mod render;
mod when;

use std::collections::BTreeMap;

use when::When;

/// A whole policy.
#[derive(Clone, Debug)]
pub struct Model {
    /// The first one is the layer without a name.
    pub layers: Vec<Layer>,
    /// In source order within each source.
    pub rules: Vec<Rule>,
    pub(crate) actions: Vec<Action>,
    pub(crate) roles: Vec<Role>,
    pub(crate) grants: Vec<Grant>,
    /// Static and dynamic.
    pub(crate) exclusions: Vec<(bool, Vec<String>)>,
    pub(crate) head_as_get: bool,
    /// Whether roles stand before rules in their source.
    pub(crate) roles_first: bool,
}

/// A layer; each has one source, the first may have two.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(crate) name: Option<String>,
    pub(crate) default_allow: bool,
    pub(crate) shadow: bool,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
    /// Requires something, which is handed out under this name.
    Require(Requirement),
}

/// A requirement of the kinds that behave differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Handed out.
    Audit,
    /// Cannot be met, unless the principal is in one of these groups.
    Approval {
        /// Groups of whom it is not asked.
        bypass: Vec<String>,
    },
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) source: usize,
    pub(crate) layer: usize,
    pub(crate) shadow: bool,
    pub(crate) effect: Effect,
    /// `None` where the policy leaves it to the default of the effect.
    pub(crate) who: Option<Who>,
    pub(crate) keys: Vec<Key>,
    pub(crate) when: Option<When>,
}

/// Whom a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Those who are known.
    Authenticated,
    /// Those who are not.
    Anonymous,
}

/// One key of a match.
#[derive(Clone, Debug)]
pub enum Key {
    /// Method and template.
    Route(Vec<(String, String)>),
    /// Patterns.
    Action(Vec<String>),
    /// Patterns of the type, patterns of the id.
    Resource(Vec<String>, Vec<String>),
    /// Methods.
    Method(Vec<String>),
    /// Templates.
    Path(Vec<String>),
    /// Patterns.
    Host(Vec<String>),
    /// Patterns by name.
    Header(BTreeMap<String, Vec<String>>),
    /// Patterns by name.
    Query(BTreeMap<String, Vec<String>>),
    /// Ranges.
    SourceIp(Vec<String>),
    /// Provider and id.
    Principal(Vec<(String, String)>),
    /// Names.
    Roles(Vec<String>),
    /// Names.
    Groups(Vec<String>),
    /// Patterns by name.
    Attr(BTreeMap<String, Vec<String>>),
    /// None of them; each entry is one key.
    Not(Vec<Key>),
}

/// An action and its routes.
#[derive(Clone, Debug)]
pub struct Action {
    pub(crate) name: String,
    pub(crate) routes: Vec<(String, String)>,
}

/// A role, declared in the source of the first layer.
#[derive(Clone, Debug)]
pub struct Role {
    pub(crate) name: String,
    pub(crate) inherits: Vec<String>,
    pub(crate) can: Vec<String>,
}

/// A role for somebody.
#[derive(Clone, Debug)]
pub struct Grant {
    pub(crate) role: String,
    /// Whether `name` is a group.
    pub(crate) group: bool,
    pub(crate) provider: String,
    pub(crate) name: String,
    pub(crate) within: BTreeMap<String, String>,
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
}

/// An attribute that every policy of this model declares: name, whose it is, type, optional.
pub(crate) const ATTRIBUTES: &[(&str, &str, &str, bool)] = &[
    ("dept", "principal", "string", false),
    ("plan", "principal", "string", true),
    ("region", "request", "string", true),
    ("level", "request", "int", false),
    ("label", "resource", "string", true),
];

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(crate) method: Option<String>,
    pub(crate) host: Option<String>,
    /// Path and query, in canonical spelling.
    pub(crate) path: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) source_ip: Option<String>,
    pub(crate) principal: Option<Principal>,
    pub(crate) active_roles: Option<Vec<String>>,
    pub(crate) action: Option<String>,
    /// Type and id.
    pub(crate) resource: Option<(String, String)>,
    /// By the name of the attribute, whoever it belongs to.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) at: i64,
}

/// A caller.
#[derive(Clone, Debug, Default)]
pub struct Principal {
    pub(crate) provider: String,
    pub(crate) id: String,
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
}

/// What is compared between the engine and the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `allow` or `deny`.
    pub effect: String,
    /// The reason's name.
    pub reason: String,
    /// The rule reported.
    pub rule: Option<String>,
    /// Source and line.
    pub source: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// Ids of the obligations, in order.
    pub obligations: Vec<String>,
    /// Effect, reason and rule of the second verdict.
    pub shadow: Option<(String, String, Option<String>)>,
}

impl Request {
    /// Its time.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.at
    }
}

impl Model {
    /// Every model that has one piece less.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        fn without<T: Clone>(list: &[T]) -> impl Iterator<Item = Vec<T>> {
            (0..list.len()).map(|skipped| {
                let kept = list
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| *index != skipped);
                kept.map(|(_, piece)| piece.clone()).collect()
            })
        }
        all.extend(without(&self.rules).map(|rules| Self {
            rules,
            ..self.clone()
        }));
        all.extend(without(&self.grants).map(|grants| Self {
            grants,
            ..self.clone()
        }));
        all.extend(without(&self.exclusions).map(|exclusions| Self {
            exclusions,
            ..self.clone()
        }));
        all.extend(without(&self.roles).map(|roles| Self {
            roles,
            ..self.clone()
        }));
        all.extend(without(&self.actions).map(|actions| Self {
            actions,
            ..self.clone()
        }));
        for (index, rule) in self.rules.iter().enumerate() {
            for keys in without(&rule.keys) {
                let mut smaller = self.clone();
                smaller.rules[index].keys = keys;
                all.push(smaller);
            }
            if rule.when.is_some() {
                let mut smaller = self.clone();
                smaller.rules[index].when = None;
                all.push(smaller);
            }
        }
        all
    }
}
