//! Windows: worked examples.

use super::*;
use crate::program::condition::Zone;

pub(super) fn calendar(unit: Unit, every: u32, anchor: Option<&str>, zone: &str) -> Kind {
    Kind::Window(Span::Calendar(Calendar {
        unit,
        every,
        anchor_ms: anchor.map(|anchor| parse_timestamp(anchor).unwrap()),
        zone: Zone::parse(zone).unwrap(),
    }))
}

/// (kind, now, the window's end)
#[test]
fn ends() {
    use Unit::{Day, Hour, Minute, Month, Week, Year};
    let rows: &[(Kind, &str, &str)] = &[
        (
            calendar(Minute, 1, None, "UTC"),
            "2024-07-08T07:35:28Z",
            "2024-07-08T07:36:00Z",
        ),
        (
            calendar(Hour, 1, None, "UTC"),
            "2024-07-08T07:35:28Z",
            "2024-07-08T08:00:00Z",
        ),
        (
            calendar(Day, 1, None, "UTC"),
            "2024-07-08T07:35:28Z",
            "2024-07-09T00:00:00Z",
        ),
        (
            calendar(Week, 1, None, "UTC"),
            "2024-07-08T07:35:28Z",
            "2024-07-14T00:00:00Z",
        ),
        (
            calendar(Week, 1, None, "UTC"),
            "2024-07-14T00:00:00Z",
            "2024-07-21T00:00:00Z",
        ),
        (
            calendar(Month, 1, None, "UTC"),
            "2024-02-08T07:35:28Z",
            "2024-03-01T00:00:00Z",
        ),
        (
            calendar(Year, 1, None, "UTC"),
            "2024-07-08T07:35:28Z",
            "2025-01-01T00:00:00Z",
        ),
        (
            calendar(Hour, 1, Some("2024-01-01T12:00:00Z"), "UTC"),
            "2024-01-01T12:15:42Z",
            "2024-01-01T13:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-07-01T05:00:00Z"), "UTC"),
            "2024-07-01T05:00:00Z",
            "2024-08-01T05:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-07-01T05:00:00Z"), "UTC"),
            "2024-08-01T04:59:59.999Z",
            "2024-08-01T05:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-07-01T05:00:00Z"), "UTC"),
            "2024-08-01T05:00:00Z",
            "2024-09-01T05:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-01-31T00:00:00Z"), "UTC"),
            "2024-02-10T00:00:00Z",
            "2024-02-29T00:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-01-31T00:00:00Z"), "UTC"),
            "2024-02-29T00:00:00Z",
            "2024-03-31T00:00:00Z",
        ),
        (
            calendar(Month, 1, Some("2024-01-31T00:00:00Z"), "UTC"),
            "2023-12-01T00:00:00Z",
            "2023-12-31T00:00:00Z",
        ),
        (
            calendar(Year, 1, Some("2024-02-29T00:00:00Z"), "UTC"),
            "2024-12-01T00:00:00Z",
            "2025-02-28T00:00:00Z",
        ),
        (
            calendar(Year, 1, Some("2024-02-29T00:00:00Z"), "UTC"),
            "2028-01-01T00:00:00Z",
            "2028-02-29T00:00:00Z",
        ),
        // Berlin sets its clocks forward on 2024-03-31 and back on 2024-10-27.
        (
            calendar(Day, 1, None, "Europe/Berlin"),
            "2024-03-31T12:00:00Z",
            "2024-03-31T22:00:00Z",
        ),
        (
            calendar(Day, 1, None, "Europe/Berlin"),
            "2024-10-27T12:00:00Z",
            "2024-10-27T23:00:00Z",
        ),
        (
            calendar(Month, 1, None, "Asia/Kathmandu"),
            "2024-05-31T18:14:59Z",
            "2024-05-31T18:15:00Z",
        ),
        (
            calendar(Hour, 1, None, "Asia/Kathmandu"),
            "2024-05-31T18:14:59Z",
            "2024-05-31T18:15:00Z",
        ),
        (
            Kind::Window(Span::FirstRequest { ms: MIN }),
            "2024-01-01T12:00:27Z",
            "2024-01-01T12:01:27Z",
        ),
        (
            Kind::Window(Span::Fixed { ms: H }),
            "2024-01-01T12:00:27Z",
            "2024-01-01T13:00:00Z",
        ),
    ];
    for (kind, now, end) in rows {
        let (outcome, _receipt) =
            counters(kind.clone(), 2).take(7, &ask(Allowance::count(2), 1), wall(now));
        assert!(outcome.admitted());
        let expected = wall(end).wall_ms - wall(now).wall_ms;
        assert_eq!(outcome.reset_ms(), expected as u64, "{kind:?} at {now}");
    }
}
