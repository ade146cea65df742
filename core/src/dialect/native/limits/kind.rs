//! How a limit counts, and how much it lets through.

use crate::diagnostic::{Code, Diagnostic};
use crate::limits::{
    EXACT_SLIDING, MAX_BURST_NS, MAX_DISTINCT, MAX_LIMIT, MAX_LIMIT_ENTRIES, MAX_LIMIT_PERIOD_MS,
};
use crate::program::vocabulary::limits::{Calendar, CalendarUnit, LimitKind};
use crate::rule::Amount;
use crate::text::{Key, MappingReader, Node, Span};
use crate::time;

use super::super::condition::OwnCaptures;
use super::super::document::{Entry, entries};
use super::super::matching::Scope;
use super::super::words::word;
use super::by;

/// Keys of which a limit has one; it says how the limit counts.
const KINDS: [&str; 5] = ["rate", "window", "sliding", "concurrency", "distinct"];
/// Keys that belong to one or some of them.
const PARTS: &[(&str, &[&str])] = &[
    ("burst", &["rate"]),
    ("limit", &["window", "sliding", "distinct"]),
    ("zone", &["window"]),
    ("exact", &["sliding"]),
    ("lease", &["concurrency"]),
    ("within", &["distinct"]),
];
const DEFAULT_LEASE_MS: u64 = 60_000;

/// Reads the kind of a limit and its amount.
pub(super) fn read<'a>(
    reader: &mut MappingReader<'a>,
    limit: Span,
    scope: &mut Scope<'_, 'a>,
) -> Option<(LimitKind, Amount)> {
    let kinds = KINDS.map(|name| reader.take_entry(name).map(|entry| (name, entry)));
    let given: Vec<_> = kinds.into_iter().flatten().collect();
    let parts: Vec<_> = PARTS
        .iter()
        .filter_map(|(name, of)| Some((*name, *of, reader.take_entry(name)?)))
        .collect();
    let one = match given.as_slice() {
        [one] => *one,
        [] => {
            let message = "this limit does not say how it counts";
            let error = Diagnostic::error(Code::LIMIT_KIND, limit, message);
            scope
                .diagnostics
                .push(error.help(format!("write one of `{}`", KINDS.join("`, `"))));
            return None;
        }
        [(first, (first_key, _)), (_, (second, _)), ..] => {
            let message = format!(
                "`{}` stands beside `{first}`, and a limit counts in one way",
                second.text
            );
            let error = Diagnostic::error(Code::LIMIT_KIND, second.span, message);
            let error = error.related(first_key.span, "the other one");
            scope.diagnostics.push(error.help("write two limits"));
            return None;
        }
    };
    let (name, (_, node)) = one;
    for (part, of, (key, _)) in &parts {
        if !of.contains(&name) {
            let message = format!("`{part}` has no meaning for `{name}`");
            let error = Diagnostic::error(Code::LIMIT_CONTRADICTS, key.span, message);
            let owners = of.join("` or `");
            scope
                .diagnostics
                .push(error.help(format!("leave it out; it belongs to `{owners}`")));
        }
    }
    let mut lower = Lower {
        limit,
        parts: parts
            .into_iter()
            .filter(|(_, of, _)| of.contains(&name))
            .map(|(part, _, entry)| (part, entry))
            .collect(),
        scope,
    };
    lower.kind(name, node)
}

struct Lower<'l, 's, 'a> {
    limit: Span,
    parts: Vec<(&'static str, Entry<'a>)>,
    scope: &'l mut Scope<'s, 'a>,
}

impl<'a> Lower<'_, '_, 'a> {
    fn part(&self, name: &str) -> Option<Entry<'a>> {
        let found = self.parts.iter().find(|(part, _)| *part == name);
        found.map(|(_, entry)| *entry)
    }

    fn required(&mut self, name: &str, kind: &str) -> Option<Entry<'a>> {
        let found = self.part(name);
        if found.is_none() {
            let message = format!("`{kind}` needs the key \"{name}\"");
            self.scope
                .diagnostics
                .push(Diagnostic::error(Code::MISSING_KEY, self.limit, message));
        }
        found
    }

    fn check<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        self.scope.diagnostics.check(result)
    }

    fn kind(&mut self, name: &str, node: &'a Node) -> Option<(LimitKind, Amount)> {
        match name {
            "rate" => self.rate(node),
            "window" => {
                let kind = self.window(node);
                let (_, limit) = self.required("limit", name)?;
                let amount = self.amount(limit);
                Some((kind?, amount?))
            }
            "sliding" => {
                let period_ms = self.check(period(node));
                let exact = self.part("exact");
                let exact = exact.and_then(|(_, node)| Some((node, self.check(node.as_bool())?)));
                let (_, limit) = self.required("limit", name)?;
                let amount = self.amount(limit)?;
                let exact = self.exact(exact, amount.most())?;
                let period_ms = period_ms?;
                Some((LimitKind::Sliding { period_ms, exact }, amount))
            }
            "concurrency" => {
                let lease = self.part("lease");
                let lease = lease.map(|(_, node)| self.check(period(node)));
                let amount = self.amount(node)?;
                self.at_most(
                    node,
                    &amount,
                    MAX_LIMIT_ENTRIES,
                    "what is under way is counted",
                );
                let lease_ms = lease.unwrap_or(Some(DEFAULT_LEASE_MS))?;
                Some((LimitKind::Concurrency { lease_ms }, amount))
            }
            _ => {
                let (_, within) = self.required("within", name)?;
                let period_ms = self.check(period(within));
                let (_, limit) = self.required("limit", name)?;
                let amount = self.amount(limit)?;
                self.at_most(
                    limit,
                    &amount,
                    MAX_DISTINCT,
                    "different values are told apart",
                );
                let period_ms = period_ms?;
                Some((LimitKind::Distinct { period_ms }, amount))
            }
        }
    }

    fn at_most(&mut self, node: &Node, amount: &Amount, most: u64, what: &str) {
        if amount.most() > most {
            let message = format!("{what} up to {most}");
            let error = Diagnostic::error(Code::BAD_LIMIT, node.span, message);
            self.scope.diagnostics.push(error);
        }
    }

    /// Small limits are counted exactly, unless it is said otherwise.
    fn exact(&mut self, given: Option<(&Node, bool)>, most: u64) -> Option<bool> {
        match given {
            None => Some(most <= EXACT_SLIDING),
            Some((node, true)) if most > MAX_LIMIT_ENTRIES => {
                let message = format!(
                    "each request is remembered, which is done for limits up to {MAX_LIMIT_ENTRIES}"
                );
                let error = Diagnostic::error(Code::LIMIT_CONTRADICTS, node.span, message);
                self.scope
                    .diagnostics
                    .push(error.help("leave `exact` out: two counters then estimate it"));
                None
            }
            Some((_, exact)) => Some(exact),
        }
    }

    fn rate(&mut self, node: &'a Node) -> Option<(LimitKind, Amount)> {
        let burst = match self.part("burst") {
            Some((_, node)) => self.check(positive(node)),
            None => Some(1),
        };
        let (count, period_ns) = self.check(rate(node))?;
        let burst = burst?;
        let whole = period_ns.div_ceil(count).checked_mul(burst);
        if whole.is_none_or(|whole| whole > MAX_BURST_NS) {
            let message = "at this rate the burst takes more than 73 years to come back";
            let error = Diagnostic::error(Code::RATE_WRAPS, node.span, message);
            self.scope
                .diagnostics
                .push(error.help("lower the burst, or raise the rate"));
            return None;
        }
        let kind = LimitKind::Rate {
            count,
            period_ns,
            burst,
        };
        Some((kind, Amount::Fixed(burst)))
    }

    fn window(&mut self, node: &'a Node) -> Option<LimitKind> {
        let mut reader = self.check(MappingReader::new(node).map_err(|error| {
            error.help("write `{ calendar: month }`, `{ fixed: 1h }` or `{ first_request: 1min }`")
        }))?;
        let calendar = reader.take_entry("calendar");
        let fixed = reader.take_entry("fixed");
        let first = reader.take_entry("first_request");
        let parts = ["every", "anchor", "zone"].map(|name| reader.take_entry(name));
        reader.finish(self.scope.diagnostics);
        let zone = self.part("zone");
        let given: Vec<_> = [calendar, fixed, first].into_iter().flatten().collect();
        let [(key, node)] = given.as_slice() else {
            let at = given.get(1).map_or(node.span, |(key, _)| key.span);
            let message = "a window is one of `calendar`, `fixed` and `first_request`";
            let error = Diagnostic::error(Code::LIMIT_KIND, at, message);
            self.scope.diagnostics.push(error);
            return None;
        };
        if calendar.is_none() {
            for (part, _) in parts.into_iter().chain([zone]).flatten() {
                self.belongs_to_calendars(part);
            }
            let period_ms = self.check(period(node))?;
            return Some(if &*key.text == "fixed" {
                LimitKind::Fixed { period_ms }
            } else {
                LimitKind::FirstRequest { period_ms }
            });
        }
        let [every, anchor, inner_zone] = parts;
        self.calendar(node, every, anchor, inner_zone, zone)
            .map(LimitKind::Calendar)
    }

    fn calendar(
        &mut self,
        unit: &Node,
        every: Option<Entry<'a>>,
        anchor: Option<Entry<'a>>,
        inner_zone: Option<Entry<'a>>,
        outer_zone: Option<Entry<'a>>,
    ) -> Option<Calendar> {
        let unit = self.check(word(unit, CalendarUnit::NAMES));
        let unit_ms = unit.map_or(0, CalendarUnit::most_ms);
        let every = every.map(|(_, node)| self.check(self::every(node, unit_ms)));
        let anchor_ms = anchor.map(|(_, node)| self.check(node.as_timestamp_ms()));
        if let (Some((key, _)), Some((other, _))) = (outer_zone, inner_zone) {
            let message = "the zone is given twice";
            let error = Diagnostic::error(Code::LIMIT_CONTRADICTS, key.span, message);
            self.scope
                .diagnostics
                .push(error.related(other.span, "it is given here too"));
        }
        let zone = inner_zone.or(outer_zone);
        let zone = zone.map(|(_, node)| self.check(self::zone(node)));
        Some(Calendar {
            unit: unit?,
            every: every.unwrap_or(Some(1))?,
            anchor_ms: anchor_ms.map_or(Some(None), |at| at.map(Some))?,
            zone: zone.map_or(Some(None), |zone| zone.map(Some))?,
        })
    }

    fn belongs_to_calendars(&mut self, key: &Key) {
        let message = format!("`{}` is for windows of the calendar", key.text);
        let error = Diagnostic::error(Code::LIMIT_CONTRADICTS, key.span, message);
        self.scope
            .diagnostics
            .push(error.help("leave it out, or write `calendar`"));
    }

    /// A number, or a number by the value of an attribute.
    fn amount(&mut self, node: &'a Node) -> Option<Amount> {
        if node.as_mapping().is_err() {
            return self.check(positive(node)).map(Amount::Fixed);
        }
        let mut reader = self.check(MappingReader::new(node))?;
        let diagnostics = &mut *self.scope.diagnostics;
        let attribute = reader.require("by", diagnostics);
        let default = reader.read_required("default", positive, diagnostics);
        let values = reader.require("values", diagnostics);
        reader.finish(diagnostics);
        let by = attribute.and_then(|node| {
            let text = self.scope.diagnostics.check(node.as_str())?;
            let own = OwnCaptures::new();
            let found = by::attribute(text, node, &own, self.scope.schema, self.scope.diagnostics);
            let found = found?;
            self.check(is_text(&found, node, self.scope.schema))?;
            Some((found, node.span))
        });
        let (mut tiers, mut intact) = (Vec::new(), true);
        for (key, node) in entries(values, self.scope.diagnostics) {
            match self.check(positive(node)) {
                Some(amount) => tiers.push((key.text.clone(), amount)),
                None => intact = false,
            }
        }
        let (by, span) = by?;
        let default = default?;
        (intact && values.is_some()).then_some(Amount::Tiers {
            by,
            tiers,
            default,
            span,
        })
    }
}

/// Tiers are chosen by text.
fn is_text(
    attribute: &crate::program::vocabulary::Attribute,
    node: &Node,
    schema: &super::super::schema::Schema<'_>,
) -> Result<(), Diagnostic> {
    use crate::program::vocabulary::{Attribute, AttributeType};
    let text = match attribute {
        Attribute::PrincipalAttribute(name)
        | Attribute::RequestAttribute(name)
        | Attribute::ResourceAttribute(name) => schema
            .attributes
            .get(&**name)
            .is_none_or(|(declared, _)| declared.ty == AttributeType::String),
        Attribute::SourceIp | Attribute::RemoteIp => false,
        _ => true,
    };
    if text {
        return Ok(());
    }
    let message = "a limit is chosen by text, and this is of another type";
    let error = Diagnostic::error(Code::BAD_LIMIT_KEY, node.span, message);
    Err(error.help("declare an attribute of type string"))
}

/// `50/s`, `100/5min`: how many, and in how many nanoseconds.
fn rate(node: &Node) -> Result<(u64, u64), Diagnostic> {
    const HELP: &str =
        "write 50/s, 300/min or 10/5min; units are s, min, h, day, week, month and year";
    let text = node.as_str().map_err(|error| error.help(HELP))?;
    let refuse = |message: &str, help: &str| {
        Err(Diagnostic::error(Code::BAD_RATE, node.span, message).help(help))
    };
    let Some((count, period)) = text.split_once('/') else {
        return refuse("a rate is a number, `/` and a period", HELP);
    };
    let digits = period
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(period.len());
    let (times, unit) = period.split_at_checked(digits).unwrap_or_default();
    let Some((_, unit_ms)) = time::PERIOD_UNITS.iter().find(|(name, _)| *name == unit) else {
        if unit == "m" {
            return refuse("`m` may mean minutes or months", "write `min` or `month`");
        }
        return refuse(&format!("`{unit}` is no period"), HELP);
    };
    let times = if times.is_empty() { "1" } else { times };
    let number = |text: &str| {
        let plain = !text.starts_with('+') && (text == "0" || !text.starts_with('0'));
        text.parse::<u64>().ok().filter(|_| plain)
    };
    let (Some(count), Some(times)) = (number(count), number(times)) else {
        return refuse("a rate counts in whole numbers", HELP);
    };
    if count == 0 {
        return refuse(
            "a rate of 0 lets nothing through",
            "write a rule that denies, or raise the rate",
        );
    }
    let period_ms = times
        .checked_mul(*unit_ms)
        .filter(|ms| (1..=MAX_LIMIT_PERIOD_MS).contains(ms));
    let Some(period_ns) = period_ms.and_then(|ms| ms.checked_mul(1_000_000)) else {
        return refuse("this period is none, or longer than a century", HELP);
    };
    if count > period_ns {
        return refuse(
            "this rate is more than one in a nanosecond",
            "lower it, or leave the limit out",
        );
    }
    Ok((count, period_ns))
}

/// A duration that is something, up to a century.
fn period(node: &Node) -> Result<u64, Diagnostic> {
    let given = node.as_duration_ms()?;
    if (1..=MAX_LIMIT_PERIOD_MS).contains(&given) {
        return Ok(given);
    }
    let message = if given == 0 {
        "a period of nothing"
    } else {
        "this is longer than a century"
    };
    Err(Diagnostic::error(Code::BAD_PERIOD, node.span, message))
}

fn positive(node: &Node) -> Result<u64, Diagnostic> {
    let given = node.as_u64()?;
    if (1..=MAX_LIMIT).contains(&given) {
        return Ok(given);
    }
    let (message, help) = if given == 0 {
        (
            "a limit of 0 lets nothing through".to_owned(),
            "write a rule that denies, or raise the limit",
        )
    } else {
        (
            format!("limits count up to {MAX_LIMIT}"),
            "leave the limit out if it is never reached",
        )
    };
    Err(Diagnostic::error(Code::BAD_LIMIT, node.span, message).help(help))
}

/// Units of one window, up to a century.
fn every(node: &Node, unit_ms: u64) -> Result<u32, Diagnostic> {
    let given = node.as_u64()?;
    let short = given
        .checked_mul(unit_ms)
        .is_some_and(|ms| ms <= MAX_LIMIT_PERIOD_MS);
    let every = u32::try_from(given).ok().filter(|_| short && given > 0);
    every.ok_or_else(|| {
        let message = "a window is at least one unit, and at most a century";
        Diagnostic::error(Code::BAD_PERIOD, node.span, message)
    })
}

/// A zone of the tz database; `None` is UTC.
fn zone(node: &Node) -> Result<Box<str>, Diagnostic> {
    let text = node.as_str()?;
    if time::is_zone(text) {
        return Ok(text.into());
    }
    let message = format!("\"{text}\" is no time zone");
    let error = Diagnostic::error(Code::UNKNOWN_ZONE, node.span, message);
    Err(match time::zone_like(text) {
        Some(close) => error.help(format!("did you mean \"{close}\"?")),
        None => error.help("write a name of the tz database such as Europe/Berlin, an offset such as +02:00, or UTC"),
    })
}
