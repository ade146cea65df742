//! Conditions in a decision: what they read of the request, and what they come to.

use super::view::{Groups, Held, View};
use crate::limits::CONDITION_FUEL;
use crate::program::condition::{
    AttributeId, Attributes, Duration, EvalError, Evaluator, Ip, List, ListView, NoRecorder,
    Recorder, Timestamp, Value,
};
use crate::program::names::Names;
use crate::program::predicate::{ConditionPart, Slot, Values};
use crate::program::roles::RoleSet;
use crate::program::texts::Texts;
use crate::program::vocabulary::Truth;
use crate::request;

/// What a part of a condition comes to in a request.
pub(super) fn truth(held: &Held<'_, '_>, part: ConditionPart) -> Truth {
    match outcome(held, part, NoRecorder) {
        Ok(holds) => Truth::of(holds),
        Err(EvalError::NoPrincipal) => Truth::NeedsPrincipal,
        Err(_) => Truth::Undecided,
    }
}

/// Evaluates a part of a condition, or the whole, and lets `recorder` listen.
pub(super) fn outcome<R: Recorder>(
    held: &Held<'_, '_>,
    part: ConditionPart,
    recorder: R,
) -> Result<bool, EvalError> {
    let program = held.view.bound.program;
    let condition = program
        .conditions
        .get(part.condition as usize)
        .ok_or(EvalError::Malformed)?;
    let readings = Readings::new(held);
    let mut evaluator = Evaluator::new(
        &condition.program,
        &readings,
        held.arena,
        CONDITION_FUEL,
        recorder,
    );
    match part.node {
        Some(node) => evaluator.part_holds(node),
        None => evaluator.holds(),
    }
}

/// The attributes of a request as conditions see them.
struct Readings<'h, 'a> {
    view: &'h View<'a>,
    groups: GivenNames<'a>,
    roles: RoleNames<'h>,
}

/// Names as a list of strings.
#[derive(Debug)]
struct GivenNames<'a>(&'a [&'a [u8]]);

/// The names of the roles that the request acts in.
#[derive(Debug)]
struct RoleNames<'h> {
    set: &'h RoleSet,
    names: &'h Names,
}

impl ListView for GivenNames<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Option<Value<'_>> {
        text(self.0.get(index)?).ok()
    }
}

impl ListView for Texts {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<Value<'_>> {
        text(self.get(index)?).ok()
    }
}

impl ListView for RoleNames<'_> {
    fn len(&self) -> usize {
        self.set.len()
    }

    fn get(&self, index: usize) -> Option<Value<'_>> {
        text(self.names.name(self.set.get(index)?.0)).ok()
    }
}

impl ListView for request::Value<'_> {
    fn len(&self) -> usize {
        match self {
            request::Value::List(items) => items.len(),
            _ => 0,
        }
    }

    fn get(&self, index: usize) -> Option<Value<'_>> {
        match self {
            request::Value::List(items) => value(items.get(index)?).ok(),
            _ => None,
        }
    }
}

static NO_NAMES: GivenNames<'static> = GivenNames(&[]);

impl<'h, 'a> Readings<'h, 'a> {
    fn new(held: &Held<'h, 'a>) -> Self {
        let view = held.view;
        Self {
            view,
            groups: GivenNames(match view.caller.map(|caller| caller.groups()) {
                Some(Groups::Names(names)) => names,
                _ => &[],
            }),
            roles: RoleNames {
                set: held.roles,
                names: &view.bound.program.roles.names,
            },
        }
    }

    /// Why an attribute is not there: nobody is identified, or it is simply missing.
    fn missing(&self, slot: Slot) -> EvalError {
        let personal = match slot {
            Slot::PrincipalId | Slot::PrincipalProvider => true,
            Slot::Attribute(id) => self.view.is_principals(id),
            _ => false,
        };
        if personal && self.view.caller.is_none() {
            EvalError::NoPrincipal
        } else {
            EvalError::Absent
        }
    }
}

impl<'h, 'a> Readings<'h, 'a> {
    fn list(&self, slot: Slot) -> Result<Value<'_>, EvalError> {
        Ok(Value::List(List::View(
            match (slot, self.view.value(slot)) {
                (_, Values::Open(_)) => return Err(EvalError::Undecided),
                (Slot::Roles, _) => &self.roles,
                (_, Values::Texts(texts)) => texts,
                (Slot::Groups, _) => &self.groups,
                _ => &NO_NAMES,
            },
        )))
    }

    /// Whether it is an attribute that neither the host nor a token gave.
    fn is_missing(&self, slot: Slot) -> bool {
        matches!(slot, Slot::Attribute(id) if self.view.claim(id).is_none())
    }
}

impl Attributes for Readings<'_, '_> {
    fn get(&self, attribute: AttributeId) -> Result<Value<'_>, EvalError> {
        let slots = &self.view.bound.program.condition_slots;
        let slot = *slots.get(attribute.index()).ok_or(EvalError::Malformed)?;
        match slot {
            // Nobody has no roles, groups or scopes.
            Slot::Roles | Slot::Groups | Slot::Scopes => return self.list(slot),
            Slot::Attribute(id) => {
                if let Some(list) = self.view.given_list(id) {
                    return Ok(Value::List(List::View(list)));
                }
            }
            _ => {}
        }
        match self.view.value(slot) {
            Values::One(given) => value(&given),
            Values::Texts(texts) => Ok(Value::List(List::View(texts))),
            Values::Absent => Err(self.missing(slot)),
            // A declared attribute that is not optional is open where it is absent; `has` may ask for it.
            Values::Open(_) if self.is_missing(slot) => Err(self.missing(slot)),
            Values::Open(_) => Err(EvalError::Undecided),
            Values::Headers { .. } | Values::Parameters { .. } => Err(EvalError::Repeated),
            Values::Many(_) | Values::Names(_) => Err(EvalError::Malformed),
        }
    }
}

fn text(bytes: &[u8]) -> Result<Value<'_>, EvalError> {
    core::str::from_utf8(bytes)
        .map(Value::Str)
        .map_err(|_| EvalError::NotText)
}

/// A value of the request; a list is read where it stands, never through here.
fn value<'a>(given: &request::Value<'a>) -> Result<Value<'a>, EvalError> {
    Ok(match *given {
        request::Value::Bool(value) => Value::Bool(value),
        request::Value::Int(value) => Value::Int(value),
        request::Value::Double(value) => Value::Double(value),
        request::Value::String(bytes) => text(bytes)?,
        request::Value::Ip(ip) => Value::Ip(Ip::from(ip)),
        request::Value::Timestamp(ms) => Value::Timestamp(Timestamp::from_ms(ms)?),
        request::Value::Duration(ms) => {
            Value::Duration(Duration::from_nanos(i128::from(ms) * 1_000_000)?)
        }
        request::Value::List(_) => return Err(EvalError::NoOverload),
    })
}
