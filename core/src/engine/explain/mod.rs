//! How a decision came about: the same walk with a recorder, told for people.
//!
//! | module | tells |
//! |---|---|
//! | [`blame`] | which tests keep a statement from holding |
//! | [`credentials`] | what the credentials of the request turned out to be |
//! | [`conditions`] | conditions, part by part |
//! | [`wording`] | tests and values in words |
//! | [`text`] | the whole as text |

mod blame;
mod conditions;
mod credentials;
mod text;
mod wording;

use super::Engine;
use super::answer::{Decision, SourceLine};
use super::authorize::Listen;
use super::roles;
use super::scratch::{Scratch, Sets};
use super::view::{Held, View};
use crate::decision::{Effect, Reason};
use crate::pattern::path::{PathBuffer, Segments};
use crate::program::condition::Arena;
use crate::program::leaf::{Entry, EntryKind};
use crate::program::paths::Pending;
use crate::program::predicate::Watch;
use crate::program::roles::RoleId;
use crate::program::vocabulary::Truth;
use crate::program::{Program, Rule};
use crate::request::Request;
use blame::{Blame, Blamed};
pub use credentials::ShownCredential;
use serde::Serialize;

/// How a decision came about.
///
/// It is made for reading, as text by `Display` and as JSON by `Serialize`; its
/// members may grow.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// `allow` or `deny`, as [`Engine::decide`] decides.
    pub effect: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Why, more closely.
    pub detail: Option<&'static str>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Where it stands.
    pub source: Option<String>,
    /// The tokens and keys that the request brings, and what became of each.
    pub credentials: Vec<ShownCredential>,
    /// Who is calling, as `provider/id`.
    pub principal: Option<String>,
    /// What the request means.
    pub action: Option<String>,
    /// The same in the words of the policy.
    pub action_about: Option<String>,
    /// The normalised path.
    pub path: Option<String>,
    /// The roles that the principal holds in this request.
    pub roles: Vec<HeldRole>,
    /// Grants to the principal that do not hold in this request.
    pub dormant: Vec<DormantGrant>,
    /// Two of them that exclude each other.
    pub conflict: Option<[String; 2]>,
    /// The layers, where there are several.
    pub layers: Vec<LayerVerdict>,
    /// Rules that the index offered, in source order.
    pub candidates: Vec<Candidate>,
    /// For a refusal: the rule that came nearest, and what would have had to differ.
    pub nearest: Option<Nearest>,
}

/// A role that the principal holds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HeldRole {
    /// Its name.
    pub role: String,
    /// Whether the request acts in it.
    pub active: bool,
    /// `request`, or where the grant stands; inherited roles say which role brings them.
    pub from: String,
}

/// A grant to the principal that does not hold in this request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DormantGrant {
    /// The role that it would give.
    pub role: String,
    /// Where it stands.
    pub source: String,
    /// Why it does not hold.
    pub because: Vec<Failed>,
}

/// Whether a layer allows.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LayerVerdict {
    /// Its name; `main` for the one without.
    pub layer: String,
    /// Whether it allows.
    pub allows: bool,
    /// Whether it is only in shadow.
    pub shadow: bool,
}

/// A rule that the index offered.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Its id.
    pub rule: String,
    /// Where it stands.
    pub source: String,
    /// `allow`, `deny` or `require`.
    pub effect: &'static str,
    /// Whether it is only in shadow.
    pub shadow: bool,
    /// `matched`, `not_matched`, `undecided` or `needs_principal`.
    pub outcome: &'static str,
    /// The tests that kept it from matching.
    pub because: Vec<Failed>,
    /// The parts of its conditions that were evaluated, with their values.
    pub values: Vec<Evaluated>,
}

/// A part of a condition and its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evaluated {
    /// As it is written in the condition.
    pub expression: String,
    /// Its value, or why it has none.
    pub value: String,
}

/// A test that did not come out as it would have had to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Failed {
    /// What is asked, such as `method is POST`.
    pub test: String,
    /// What the request has.
    pub found: String,
}

/// The rule that came nearest to another answer.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Nearest {
    /// Its id.
    pub rule: String,
    /// Where it stands.
    pub source: String,
    /// What would have had to differ for it to allow, or, for a deny rule, not to deny.
    pub differ: Vec<Failed>,
}

/// Remembers every candidate and what came of it.
#[derive(Default)]
struct Recorder {
    candidates: Vec<(u32, Truth)>,
}

impl Watch for Recorder {
    fn checked(&mut self, _: u32, _: Truth) {}
}

impl Listen for Recorder {
    const EVERY_CANDIDATE: bool = true;
    const CHARGES: bool = false;

    fn candidate(&mut self, entry: &Entry, truth: Truth) {
        self.candidates.push((entry.rule(), truth));
    }
}

pub(super) fn explain(
    engine: &Engine,
    scratch: &mut Scratch,
    request: &Request<'_>,
) -> Explanation {
    let mut recorder = Recorder::default();
    let credentials = credentials::shown(engine, request);
    let decision = engine.run(scratch, request, &mut recorder);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut explanation = Explanation {
        effect: decision.effect().as_str(),
        reason: decision.reason().as_str(),
        detail: decision.detail(),
        rule: decision.rule().map(Into::into),
        source: decision.source().map(|source| source.to_string()),
        credentials,
        principal: decision
            .principal()
            .map(|(provider, id)| format!("{}/{}", text(provider), text(id))),
        action: decision.action().map(text),
        action_about: None,
        path: decision.path().map(text),
        roles: Vec::new(),
        dormant: Vec::new(),
        conflict: None,
        layers: Vec::new(),
        candidates: Vec::new(),
        nearest: None,
    };
    // What was refused before authorization has no candidates.
    let authorized = !matches!(
        decision.reason(),
        Reason::MalformedRequest | Reason::CredentialInvalid | Reason::IdentityUnavailable
    );
    if let Some((view, sets)) = decision.parts().filter(|_| authorized) {
        Teller {
            decision,
            view,
            sets,
            program: view.bound.program,
            arena: Arena::new(),
        }
        .tell(recorder, &mut explanation);
    }
    explanation
}

/// Puts an explanation together.
struct Teller<'a> {
    decision: Decision<'a>,
    view: View<'a>,
    sets: &'a Sets,
    program: &'a Program,
    /// Conditions build their values here once more.
    arena: Arena,
}

/// The most grants that are told of because they do not hold.
const MAX_DORMANT: usize = 32;

impl Teller<'_> {
    fn tell(&self, recorder: Recorder, explanation: &mut Explanation) {
        explanation.action_about = self.action_about();
        explanation.roles = self.roles();
        explanation.dormant = self.dormant();
        explanation.conflict = roles::conflict(self.program, self.sets)
            .map(|(a, b)| [self.role_name(a), self.role_name(b)]);
        let outcomes = outcomes(recorder.candidates);
        explanation.layers = self.layers(&outcomes);
        explanation.candidates = outcomes
            .iter()
            .filter_map(|(rule, truth)| self.candidate(*rule, *truth))
            .collect();
        explanation.nearest = if self.decision.effect() == Effect::Deny {
            self.nearest()
        } else {
            None
        };
    }

    fn action_about(&self) -> Option<String> {
        let id = self.program.actions.names.get(0, self.decision.action()?)?;
        let about = self.program.action_about.get(id as usize)?;
        about.as_deref().map(Into::into)
    }

    fn role_name(&self, role: RoleId) -> String {
        String::from_utf8_lossy(self.program.roles.names.name(role.0)).into_owned()
    }

    fn roles(&self) -> Vec<HeldRole> {
        let mut held: Vec<RoleId> = self.sets.held.iter().collect();
        held.sort_unstable();
        let active = self.sets.roles();
        held.into_iter()
            .map(|role| HeldRole {
                role: self.role_name(role),
                active: active.has(role),
                from: self.role_source(role),
            })
            .collect()
    }

    /// Where a role comes from: the request, a grant, or a role that inherits it.
    fn role_source(&self, role: RoleId) -> String {
        let mut brought = Vec::new();
        if let Some(caller) = self.view.caller {
            caller.each_role(&self.program.roles.names, |role| brought.push((role, None)));
        }
        let granted = self
            .sets
            .granted
            .iter()
            .map(|(role, grant)| (*role, Some(*grant)));
        let gives = |(by, _): &(RoleId, Option<u32>)| {
            self.program.roles.closure.get(by.0).contains(&role.0)
        };
        let Some((by, grant)) = brought.into_iter().chain(granted).find(gives) else {
            return "a grant".into();
        };
        let place = grant
            .and_then(|grant| self.program.grants.grants.get(grant as usize))
            .map(|grant| SourceLine::new(self.program, grant.at));
        let from = place.map_or_else(|| "request".into(), |place| format!("grant at {place}"));
        if by == role {
            from
        } else {
            format!("{}, {from}", self.role_name(by))
        }
    }

    /// Grants that want another domain or another time.
    fn dormant(&self) -> Vec<DormantGrant> {
        let (program, grants) = (self.program, &self.program.grants);
        let Some(caller) = &self.view.caller else {
            return Vec::new();
        };
        let (mut pending, mut buffer, mut segments) =
            (Pending::new(), PathBuffer::new(), Segments::new());
        let mut ids = Vec::new();
        roles::each_grant(
            program,
            caller,
            (&mut pending, &mut buffer, &mut segments),
            |id| ids.push(id),
        );
        let facts = self.facts();
        let asleep = |id: u32| {
            grants
                .holding(id, &program.inputs.domains, self.view.now, &facts)
                .is_none()
        };
        let told = ids
            .into_iter()
            .filter(|id| asleep(*id))
            .filter_map(|id| grants.grants.get(id as usize))
            .take(MAX_DORMANT);
        told.map(|grant| DormantGrant {
            role: self.role_name(grant.role),
            source: SourceLine::new(program, grant.at).to_string(),
            because: wording::dormant(program, &self.view, grant, self.view.now),
        })
        .collect()
    }

    fn layers(&self, outcomes: &[(u32, Truth)]) -> Vec<LayerVerdict> {
        let layers = &self.program.layers;
        if layers.names.len() < 2 {
            return Vec::new();
        }
        let allows = |at: usize| {
            let by_rule = outcomes
                .iter()
                .filter(|(_, truth)| *truth == Truth::True)
                .filter_map(|(rule, _)| self.program.rules.get(*rule as usize));
            layers.default_allow >> at & 1 == 1
                || by_rule
                    .clone()
                    .any(|rule| rule.kind == EntryKind::Allow && usize::from(rule.layer) == at)
        };
        let verdict = |(at, name): (usize, &Option<Box<str>>)| LayerVerdict {
            layer: name.as_deref().unwrap_or("main").into(),
            allows: allows(at),
            shadow: layers.enforced >> at & 1 == 0,
        };
        layers.names.iter().enumerate().map(verdict).collect()
    }

    fn candidate(&self, number: u32, truth: Truth) -> Option<Candidate> {
        let rule = self.program.rules.get(number as usize)?;
        let (outcome, because) = match truth {
            Truth::True => ("matched", Vec::new()),
            Truth::False => ("not_matched", self.blame(rule, true)),
            Truth::Undecided => ("undecided", self.blame(rule, true)),
            Truth::NeedsPrincipal => ("needs_principal", self.blame(rule, true)),
        };
        let effect = match rule.kind {
            EntryKind::Deny => "deny",
            EntryKind::Require => "require",
            EntryKind::Allow | EntryKind::Route => "allow",
        };
        Some(Candidate {
            rule: rule.id.to_string(),
            source: self.place(rule),
            effect,
            shadow: rule.shadow,
            outcome,
            because: self.failed(because),
            values: conditions::values(self.program, &self.facts(), rule.statement),
        })
    }

    fn place(&self, rule: &Rule) -> String {
        SourceLine::new(self.program, rule.at).to_string()
    }

    fn blame(&self, rule: &Rule, wanted: bool) -> Vec<Blamed> {
        self.with_facts(|blame| blame.of(rule.statement, wanted))
    }

    fn facts(&self) -> Held<'_, '_> {
        Held {
            view: &self.view,
            roles: self.sets.roles(),
            arena: &self.arena,
        }
    }

    fn with_facts<T>(&self, run: impl FnOnce(&Blame<'_, Held<'_, '_>>) -> T) -> T {
        let facts = self.facts();
        run(&Blame {
            predicates: &self.program.statements,
            facts: &facts,
        })
    }

    fn failed(&self, blamed: Vec<Blamed>) -> Vec<Failed> {
        let mut told: Vec<Failed> = Vec::new();
        for one in blamed {
            let failed = match one {
                Blamed::Check(check) => {
                    let Some(check) = self.program.statements.checks.get(check as usize) else {
                        continue;
                    };
                    Failed {
                        test: wording::test(self.program, check),
                        found: wording::found(self.program, &self.view, self.sets.roles(), check),
                    }
                }
                Blamed::Condition(part) => conditions::failed(self.program, &self.facts(), part),
            };
            if !told.contains(&failed) {
                told.push(failed);
            }
        }
        told
    }

    /// The rule that stood against it; where nothing allowed it, the allow that lacks least.
    fn nearest(&self) -> Option<Nearest> {
        let (rule, wanted) = match self.decision.reason() {
            Reason::RoleConflict => return None,
            Reason::NotPermitted | Reason::Unauthenticated if self.decision.rule().is_none() => {
                (self.nearest_allow()?, true)
            }
            _ => (
                self.program.rules.get(self.deciding_rule()? as usize)?,
                false,
            ),
        };
        let differ = self.failed(self.blame(rule, wanted));
        Some(Nearest {
            rule: rule.id.to_string(),
            source: self.place(rule),
            differ,
        })
    }

    fn deciding_rule(&self) -> Option<u32> {
        self.decision.verdict().rule()
    }

    /// Of the layers that do not allow, the allow that lacks least.
    fn nearest_allow(&self) -> Option<&Rule> {
        let rules = &self.program.rules;
        let lacking = |rule: &&Rule| {
            rule.kind == EntryKind::Allow
                && !rule.shadow
                && self.decision.verdict().lacks(rule.layer)
        };
        self.with_facts(|blame| {
            rules
                .iter()
                .filter(lacking)
                .map(|rule| (blame.cost(rule.statement, true), rule))
                .min_by_key(|(cost, _)| *cost)
        })
        .map(|(_, rule)| rule)
    }
}

/// One outcome a rule, in source order: of its alternatives the one that says most.
fn outcomes(mut candidates: Vec<(u32, Truth)>) -> Vec<(u32, Truth)> {
    let weight = |truth: Truth| match truth {
        Truth::True => 0,
        Truth::Undecided => 1,
        Truth::NeedsPrincipal => 2,
        Truth::False => 3,
    };
    candidates.sort_by_key(|(rule, truth)| (*rule, weight(*truth)));
    candidates.dedup_by_key(|(rule, _)| *rule);
    candidates
}
