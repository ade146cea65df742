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

    /// The one variable: the element of a list, the key of a map.
    fn single(self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::List(list) => list.get(index),
            Self::Map(map) => map.entry(index).map(|(key, _)| key),
        }
    }

    /// The first of two variables: the index of an element, the key of a map.
    fn key(self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::List(_) => i64::try_from(index).ok().map(Value::Int),
            Self::Map(map) => map.entry(index).map(|(key, _)| key),
        }
    }

    /// The second of two variables.
    fn element(self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::List(list) => list.get(index),
            Self::Map(map) => map.entry(index).map(|(_, value)| value),
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
    #[inline]
    fn turn<T>(
        &mut self,
        comprehension: &Comprehension,
        range: Range<'a>,
        index: usize,
        scope: Scope<'_, 'a>,
        run: impl FnOnce(&mut Self, Scope<'_, 'a>) -> Result<T, EvalError>,
    ) -> Result<T, EvalError> {
        self.spend(comprehension.weight)?;
        if !comprehension.two_variables {
            let value = range.single(index).ok_or(EvalError::IndexOutOfRange)?;
            return run(
                self,
                Some(&Frame {
                    value,
                    outer: scope,
                }),
            );
        }
        let key = range.key(index).ok_or(EvalError::IndexOutOfRange)?;
        let value = range.element(index).ok_or(EvalError::IndexOutOfRange)?;
        let outer = Frame {
            value: key,
            outer: scope,
        };
        run(
            self,
            Some(&Frame {
                value,
                outer: Some(&outer),
            }),
        )
    }

    /// `all`, `exists` and `exists_one`. The first two absorb errors.
    #[inline(never)]
    pub(super) fn quantify(&mut self, id: ComprehensionId, scope: Scope<'_, 'a>) -> Outcome {
        let (comprehension, range) = self.range(id, scope)?;
        let mut error = None;
        let mut count = 0_usize;
        for index in 0..range.len() {
            let outcome = self.turn(comprehension, range, index, scope, |this, scope| {
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

    /// What one turn adds, or nothing if the filter says no.
    fn made(
        &mut self,
        comprehension: &Comprehension,
        range: Range<'a>,
        index: usize,
        scope: Scope<'_, 'a>,
    ) -> Result<Option<Value<'a>>, EvalError> {
        self.turn(comprehension, range, index, scope, |this, scope| {
            if comprehension.kind == LoopKind::Filter {
                let holds = this.truth(comprehension.body, scope)?;
                return Ok(scope.map(|frame| frame.value).filter(|_| holds));
            }
            if let Some(filter) = comprehension.filter
                && !this.truth(filter, scope)?
            {
                return Ok(None);
            }
            this.value(comprehension.body, scope).map(Some)
        })
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
            let made = self.made(comprehension, range, index, scope)?;
            if let (Some(value), Some(slot)) = (made, slots.get_mut(filled)) {
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
            let Some(value) = self.made(comprehension, range, index, scope)? else {
                continue;
            };
            self.spend(compare_cost(filled))?;
            let (key, value) = match (comprehension.kind, value) {
                (LoopKind::Map, value) => {
                    let key = range.key(index).ok_or(EvalError::IndexOutOfRange)?;
                    (map_key(key)?, value)
                }
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
