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

/// Unit, anchor, zone, now, and the window's end. Berlin sets its clocks forward on 2024-03-31 and back on 2024-10-27.
const ENDS: &str = "
    Minute - UTC 2024-07-08T07:35:28 2024-07-08T07:36:00
    Hour - UTC 2024-07-08T07:35:28 2024-07-08T08:00:00
    Day - UTC 2024-07-08T07:35:28 2024-07-09T00:00:00
    Week - UTC 2024-07-08T07:35:28 2024-07-14T00:00:00
    Week - UTC 2024-07-14T00:00:00 2024-07-21T00:00:00
    Month - UTC 2024-02-08T07:35:28 2024-03-01T00:00:00
    Year - UTC 2024-07-08T07:35:28 2025-01-01T00:00:00
    Hour 2024-01-01T12:00:00 UTC 2024-01-01T12:15:42 2024-01-01T13:00:00
    Month 2024-07-01T05:00:00 UTC 2024-07-01T05:00:00 2024-08-01T05:00:00
    Month 2024-07-01T05:00:00 UTC 2024-08-01T04:59:59.999 2024-08-01T05:00:00
    Month 2024-07-01T05:00:00 UTC 2024-08-01T05:00:00 2024-09-01T05:00:00
    Month 2024-01-31T00:00:00 UTC 2024-02-10T00:00:00 2024-02-29T00:00:00
    Month 2024-01-31T00:00:00 UTC 2024-02-29T00:00:00 2024-03-31T00:00:00
    Month 2024-01-31T00:00:00 UTC 2023-12-01T00:00:00 2023-12-31T00:00:00
    Year 2024-02-29T00:00:00 UTC 2024-12-01T00:00:00 2025-02-28T00:00:00
    Year 2024-02-29T00:00:00 UTC 2028-01-01T00:00:00 2028-02-29T00:00:00
    Day - Europe/Berlin 2024-03-31T12:00:00 2024-03-31T22:00:00
    Day - Europe/Berlin 2024-10-27T12:00:00 2024-10-27T23:00:00
    Month - Asia/Kathmandu 2024-05-31T18:14:59 2024-05-31T18:15:00
    Hour - Asia/Kathmandu 2024-05-31T18:14:59 2024-05-31T18:15:00
";

#[test]
fn ends() {
    let rows = ENDS.lines().filter(|row| !row.is_empty());
    for row in rows {
        let [unit, anchor, zone, now, end] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let unit = match unit {
            "Minute" => Unit::Minute,
            "Hour" => Unit::Hour,
            "Day" => Unit::Day,
            "Week" => Unit::Week,
            "Month" => Unit::Month,
            "Year" => Unit::Year,
            _ => panic!("{row}"),
        };
        let anchor = (anchor != "-").then(|| format!("{anchor}Z"));
        check(calendar(unit, 1, anchor.as_deref(), zone), now, end);
    }
}

/// Where clocks change, too: each window begins where the one before it ends, and none is shorter.
#[test]
fn windows_of_hours_follow_each_other() {
    for (zone, day) in [
        ("Europe/Berlin", "2026-03-29T00:00:00Z"),
        ("Europe/Berlin", "2026-10-25T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
    ] {
        for every in [1, 5, 6] {
            let calendar = Calendar {
                unit: Unit::Hour,
                every,
                anchor_ms: None,
                zone: Zone::parse(zone).unwrap(),
            };
            let first = wall(day).wall_ms;
            for hour in 0..24 {
                let [before, start, end, after] = calendar.edges(first + hour * 3_600_000);
                let length = i64::from(every) * 3_600_000;
                assert_eq!(
                    [start - before, end - start, after - end],
                    [length; 3],
                    "{zone} {every} {hour}"
                );
                assert_eq!(calendar.edges(end)[1], end, "{zone} {every} {hour}");
            }
        }
    }
}

#[test]
fn ends_of_other_windows() {
    let first = Kind::Window(Span::FirstRequest { ms: MIN });
    check(first, "2024-01-01T12:00:27", "2024-01-01T12:01:27");
    let fixed = Kind::Window(Span::Fixed { ms: H });
    check(fixed, "2024-01-01T12:00:27", "2024-01-01T13:00:00");
}

/// A request at some time is told that its window ends then.
fn check(kind: Kind, now: &str, end: &str) {
    let (now, end) = (wall(&format!("{now}Z")), wall(&format!("{end}Z")));
    let (outcome, _receipt) = counters(kind.clone(), 2).take(7, &ask(Allowance::count(2), 1), now);
    assert!(outcome.admitted());
    let expected = u64::try_from(end.wall_ms - now.wall_ms).unwrap();
    assert_eq!(outcome.reset_ms(), expected, "{kind:?} at {now:?}");
}
