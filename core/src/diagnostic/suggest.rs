//! "Did you mean": the known name nearest to one that is unknown.

use strsim::damerau_levenshtein;

/// Names longer than this are not compared: the distance takes time in proportion to the square.
const MAX_NAME_CHARS: usize = 64;
/// Most candidates that are looked at.
const MAX_CANDIDATES: usize = 10_000;

/// The candidate that differs from `name` in at most a third of the characters of its last
/// dotted part, if any: `principal.attr.` says nothing of what follows it.
pub(crate) fn suggest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let length = name.chars().count();
    if length > MAX_NAME_CHARS {
        return None;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    let allowed = last.chars().count().div_ceil(3);
    let close = candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .filter_map(|candidate| {
            // The lengths alone already say that these are too far apart.
            let other = candidate.chars().take(MAX_NAME_CHARS + allowed + 1).count();
            if other.abs_diff(length) > allowed {
                return None;
            }
            let distance = damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
            (distance <= allowed && distance < length).then_some((distance, candidate))
        });
    close
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
