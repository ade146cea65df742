//! The same walk with a recorder, told for people.

use super::Engine;
use super::authorize::Listen;
use super::scratch::Scratch;
use crate::program::leaf::Entry;
use crate::program::predicate::Watch;
use crate::program::vocabulary::Truth;
use crate::request::Request;

/// How a decision came about.
#[derive(Clone, Debug, Default)]
pub struct Explanation {}

#[derive(Default)]
struct Recorder {
    candidates: Vec<(u32, Truth)>,
}

impl Watch for Recorder {
    fn checked(&mut self, _: u32, _: Truth) {}
}

impl Listen for Recorder {
    const EVERY_CANDIDATE: bool = true;

    fn candidate(&mut self, entry: &Entry, truth: Truth) {
        self.candidates.push((entry.rule(), truth));
    }
}

pub(super) fn explain(engine: &Engine, scratch: &mut Scratch, request: &Request<'_>) -> Explanation {
    let mut recorder = Recorder::default();
    let _ = engine.run(scratch, request, &mut recorder);
    Explanation {}
}
