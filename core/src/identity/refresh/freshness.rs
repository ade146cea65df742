//! How long what was fetched may be used: what the answer's headers say of it (RFC 9111).

/// The time to live that the headers grant, in milliseconds; absent where they say nothing.
pub(super) fn time_to_live(cache_control: Option<&str>, age: Option<&str>) -> Option<u64> {
    let header = cache_control?;
    let mut lifetime = None;
    for directive in header.split(',') {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim().trim_matches('"')),
            None => (directive.trim(), ""),
        };
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(0);
        }
        if name.eq_ignore_ascii_case("max-age") {
            // Of two, and of what is no number, the shorter (RFC 9111 §4.2.1).
            let seconds = seconds(value).unwrap_or(0);
            lifetime = Some(lifetime.map_or(seconds, |before: u64| before.min(seconds)));
        }
    }
    // What a cache on the way has used up already.
    let used = age.and_then(|age| seconds(age.trim())).unwrap_or(0);
    lifetime.map(|seconds| seconds.saturating_sub(used).saturating_mul(1_000))
}

/// A number of seconds; what is too large to hold is as long as can be (RFC 9111 §1.2.2).
fn seconds(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::time_to_live;

    #[test]
    fn headers() {
        let table = [
            (None, None, None),
            (None, Some("10"), None),
            (Some("max-age=300"), None, Some(300_000)),
            (
                Some("public, MAX-AGE=300, must-revalidate"),
                None,
                Some(300_000),
            ),
            (Some("max-age=\"300\""), None, Some(300_000)),
            (Some("max-age=300"), Some("100"), Some(200_000)),
            (Some("max-age=300"), Some("400"), Some(0)),
            (Some("max-age=300"), Some("soon"), Some(300_000)),
            (Some("max-age=300, max-age=20"), None, Some(20_000)),
            (Some("max-age=-1"), None, Some(0)),
            (Some("max-age"), None, Some(0)),
            (Some("no-store"), None, Some(0)),
            (Some("max-age=300, no-cache"), None, Some(0)),
            (Some("s-maxage=300"), None, None),
            (Some("public"), None, None),
            (Some(""), None, None),
            (
                Some("max-age=99999999999999999999999"),
                None,
                Some(u64::MAX),
            ),
        ];
        for (cache_control, age, expected) in table {
            assert_eq!(
                time_to_live(cache_control, age),
                expected,
                "{cache_control:?} {age:?}"
            );
        }
    }
}
