//! `preflight: allow`: a browser's question before a request across origins, which carries no credential.

use super::verdict::Verdict;
use super::view::View;
use crate::decision::Reason;
use crate::program::predicate::Values;

/// What a preflight that is allowed so is reported with.
const DETAIL: &str = "preflight";

/// Lets a preflight pass where nothing else was missing than a credential or somebody who allows it.
/// What a deny rule says stands.
#[inline]
pub(super) fn pass(
    view: &View<'_>,
    verdicts: (Verdict, Option<Verdict>),
) -> (Verdict, Option<Verdict>) {
    if view.bound.program.limits.preflight.is_none() || !is_preflight(view) {
        return verdicts;
    }
    let (verdict, virtually) = verdicts;
    (allowed(verdict), virtually.map(allowed))
}

fn allowed(verdict: Verdict) -> Verdict {
    match verdict.reason {
        Reason::Unauthenticated | Reason::NotPermitted => {
            Verdict::plain(Reason::Allowed, Some(DETAIL))
        }
        _ => verdict,
    }
}

/// OPTIONS with `Origin` and `Access-Control-Request-Method` (Fetch standard, "CORS-preflight request").
fn is_preflight(view: &View<'_>) -> bool {
    let is_there = |slot| !matches!(view.value(slot), Values::Absent);
    let slots = view.bound.program.limits.preflight;
    view.bound.request.method == Some(b"OPTIONS")
        && slots.is_some_and(|slots| slots.into_iter().all(is_there))
}
