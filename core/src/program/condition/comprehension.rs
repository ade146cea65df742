//! Loops over lists and maps.

use super::eval::{
    Evaluated, Evaluator, Frame, Outcome, Scope, compare_cost, insert_entry, map_key,
};
use super::{
    Attributes, Comprehension, ComprehensionId, EvalError, List, LoopKind, Map, Recorder, Value,
};

impl Comprehension {
    /// Whether its value is a bool.
    pub(super) fn is_quantifier(&self) -> bool {
        matches!(
            self.kind,
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne
        )
    }
}

/// What a loop runs over.
#[derive(Clone, Copy)]
enum Range<'a> {
    List(List<'a>),
    Map(Map<'a>),
}

impl<'a> Range<'a> {
    fn len(self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
        }
    }

    /// Index and element, or key and value.
    fn entry(self, index: usize) -> Option<(Value<'a>, Value<'a>)> {
        match self {
            Self::List(list) => {
                let position = i64::try_from(index).unwrap_or(i64::MAX);
                list.get(index).map(|item| (Value::Int(position), item))
            }
            Self::Map(map) => map.entry(index),
        }
    }
}

impl<'a, A: Attributes, R: Recorder> Evaluator<'a, A, R> {
    fn range(
        &mut self,
        id: ComprehensionId,
        scope: Scope<'_, 'a>,
    ) -> Result<(&'a Comprehension, Range<'a>), EvalError> {
        let comprehension = self
            .program
            .comprehensions
            .get(id.index())
            .ok_or(EvalError::Malformed)?;
        let range = match self.value(comprehension.range, scope)? {
            Value::List(list) => Range::List(list),
            Value::Map(map) => Range::Map(map),
            _ => return Err(EvalError::NoOverload),
        };
        Ok((comprehension, range))
    }

    /// Runs one turn with the loop's variables in sight.
    fn turn<T>(
        &mut self,
        comprehension: &Comprehension,
        (first, second): (Value<'a>, Value<'a>),
        range: Range<'a>,
        scope: Scope<'_, 'a>,
        run: impl FnOnce(&mut Self, Scope<'_, 'a>) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        if comprehension.two_variables {
            let outer = Frame {
                value: first,
                outer: scope,
            };
            run(
                self,
                Some(&Frame {
                    value: second,
                    outer: Some(&outer),
                }),
            )
        } else {
            // The one variable of a list is the element, that of a map the key.
            let value = if matches!(range, Range::List(_)) {
                second
            } else {
                first
            };
            run(
                self,
                Some(&Frame {
                    value,
                    outer: scope,
                }),
            )
        }
    }

    /// `all`, `exists` and `exists_one`. The first two absorb errors.
    #[inline(never)]
    pub(super) fn quantify(&mut self, id: ComprehensionId, scope: Scope<'_, 'a>) -> Outcome {
        let (comprehension, range) = self.range(id, scope)?;
        let mut error = None;
        let mut count = 0_usize;
        for index in 0..range.len() {
            self.spend(comprehension.weight)?;
            let Some(entry) = range.entry(index) else {
                continue;
            };
            let outcome = self.turn(comprehension, entry, range, scope, |this, scope| {
                this.truth(comprehension.body, scope)
            });
            match (comprehension.kind, outcome) {
                (_, Err(EvalError::OutOfFuel)) => return outcome,
                (LoopKind::All, Ok(false)) => return Ok(false),
                (LoopKind::Exists, Ok(true)) => return Ok(true),
                (LoopKind::All | LoopKind::Exists, Err(reason)) => {
                    error = error.or(Some(reason));
                }
                (_, Err(reason)) => return Err(reason),
                (_, Ok(true)) => count += 1,
                (_, Ok(false)) => {}
            }
        }
        match error {
            Some(reason) => Err(reason),
            None => Ok(match comprehension.kind {
                LoopKind::All => true,
                LoopKind::Exists => false,
                _ => count == 1,
            }),
        }
    }

    /// The loops that build a list or a map.
    #[inline(never)]
    pub(super) fn build(&mut self, id: ComprehensionId, scope: Scope<'_, 'a>) -> Evaluated<'a> {
        let (comprehension, range) = self.range(id, scope)?;
        match comprehension.kind {
            LoopKind::Filter | LoopKind::List => self.build_list(comprehension, range, scope),
            LoopKind::Map | LoopKind::MapEntry => self.build_map(comprehension, range, scope),
            _ => self.quantify(id, scope).map(Value::Bool),
        }
    }

    /// The body's value in one turn, or nothing if the filter says no.
    fn filtered(
        &mut self,
        comprehension: &Comprehension,
        range: Range<'a>,
        index: usize,
        scope: Scope<'_, 'a>,
    ) -> Result<Option<(Value<'a>, Value<'a>)>, EvalError> {
        self.spend(comprehension.weight)?;
        let Some(entry) = range.entry(index) else {
            return Ok(None);
        };
        let one = if matches!(range, Range::List(_)) {
            entry.1
        } else {
            entry.0
        };
        let value = self.turn(comprehension, entry, range, scope, |this, scope| {
            if comprehension.kind == LoopKind::Filter {
                return Ok(this.truth(comprehension.body, scope)?.then_some(one));
            }
            if let Some(filter) = comprehension.filter
                && !this.truth(filter, scope)?
            {
                return Ok(None);
            }
            this.value(comprehension.body, scope).map(Some)
        })?;
        Ok(value.map(|value| (entry.0, value)))
    }

    fn build_list(
        &mut self,
        comprehension: &Comprehension,
        range: Range<'a>,
        scope: Scope<'_, 'a>,
    ) -> Evaluated<'a> {
        let slots = self.arena.slice(range.len(), Value::Null)?;
        let mut filled = 0;
        for index in 0..range.len() {
            let made = self.filtered(comprehension, range, index, scope)?;
            if let (Some((_, value)), Some(slot)) = (made, slots.get_mut(filled)) {
                *slot = value;
                filled += 1;
            }
        }
        Ok(Value::List(List::Values(
            slots.get(..filled).unwrap_or_default(),
        )))
    }

    fn build_map(
        &mut self,
        comprehension: &Comprehension,
        range: Range<'a>,
        scope: Scope<'_, 'a>,
    ) -> Evaluated<'a> {
        let slots = self.arena.slice(range.len(), (Value::Null, Value::Null))?;
        let mut filled = 0;
        for index in 0..range.len() {
            let Some((key, value)) = self.filtered(comprehension, range, index, scope)? else {
                continue;
            };
            self.spend(compare_cost(filled))?;
            let (key, value) = match (comprehension.kind, value) {
                (LoopKind::Map, value) => (map_key(key)?, value),
                (_, Value::Map(map)) if map.len() == 1 => {
                    map.entry(0).ok_or(EvalError::Malformed)?
                }
                _ => return Err(EvalError::NoOverload),
            };
            insert_entry(slots, filled, key, value)?;
            filled += 1;
        }
        Ok(Value::Map(Map::Entries(
            slots.get(..filled).unwrap_or_default(),
        )))
    }
}
