//! Questions as arguments of scripts, and their answers.

use super::connection::Failure;
use gatelet::store::{Answer, Ask, Charge, CounterKey, Grant, Kind, Unavailable, Window};
use redis::{Cmd, Value};

/// Longest sliding span whose every charge is remembered, in charges.
const MAX_EXACT: u64 = 1_024;
/// Most units in flight that one request takes: each is a member of a set.
const MAX_FLIGHT: u64 = 1_024;

/// What keys begin with, and how they are told apart.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// `gatelet:w:plan:0123…`: the letter keeps what kinds store apart.
    pub(super) fn key(&self, letter: char, limit: &str, key: CounterKey) -> String {
        format!("{}:{letter}:{limit}:{key}", self.prefix)
    }

    pub(super) fn of(&self, charge: &Charge<'_>) -> String {
        self.key(letter(&charge.kind), charge.limit, charge.key)
    }

    /// Every key of every limit, as `SCAN` matches.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.prefix.len() + 2);
        for character in self.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern + ":*"
    }

    /// Letter, limit and key; nothing for what is not ours.
    pub(super) fn read<'k>(&self, key: &'k str) -> Option<(char, &'k str, CounterKey)> {
        let rest = key.strip_prefix(self.prefix.as_str())?.strip_prefix(':')?;
        let (letter, rest) = rest.split_once(':')?;
        let (limit, key) = rest.rsplit_once(':')?;
        let mut letters = letter.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            return None;
        };
        kind_of(letter)?;
        Some((letter, limit, key.parse().ok()?))
    }
}

fn letter(kind: &Kind) -> char {
    match kind {
        Kind::Rate { .. } => 'r',
        Kind::Window { .. } => 'w',
        Kind::Sliding { exact: true, .. } => 's',
        Kind::Sliding { exact: false, .. } => 't',
        Kind::Concurrency { .. } => 'c',
        Kind::Distinct { .. } => 'd',
        _ => '?',
    }
}

pub(super) fn kind_of(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "rate",
        'w' => "window",
        's' | 't' => "sliding",
        'c' => "concurrency",
        'd' => "distinct",
        _ => return None,
    })
}

/// Refuses what the scripts cannot count.
pub(super) fn check(charge: &Charge<'_>) -> Result<(), Failure> {
    let beyond = match charge.kind {
        Kind::Sliding {
            limit, exact: true, ..
        } => limit > MAX_EXACT,
        Kind::Concurrency { .. } => charge.cost > MAX_FLIGHT,
        _ => letter(&charge.kind) == '?',
    };
    let most = 2 * gatelet::store::MAX_UNITS;
    if beyond || !charge.kind.is_countable() || charge.cost.max(charge.owed) > most {
        let what = format!(
            "limit {}: {:?} is beyond this store",
            charge.limit, charge.kind
        );
        return Err(Failure::new(Unavailable::Unsupported, what));
    }
    Ok(())
}

/// Letter, cost, owed, limit, and six more: the width that `take` expects.
pub(super) fn write_charge(command: &mut Cmd, charge: &Charge<'_>) {
    let owed = match charge.kind {
        // Owed to a rate is time: no more than a burst is worth remembering.
        Kind::Rate { burst, .. } => charge.owed.min(burst),
        _ => charge.owed,
    };
    // Of a member there is one.
    let cost = match charge.kind {
        Kind::Distinct { .. } => 1,
        // More than a burst never fits; the number stays exact.
        Kind::Rate { burst, .. } => charge.cost.min(burst + 1),
        _ => charge.cost,
    };
    command
        .arg(letter(&charge.kind).to_string())
        .arg(cost)
        .arg(owed);
    let written = write_kind(command, &charge.kind);
    for _ in written..7 {
        command.arg("");
    }
}

/// What a letter needs to count; says how many arguments that is.
pub(super) fn write_kind(command: &mut Cmd, kind: &Kind) -> usize {
    match *kind {
        Kind::Rate {
            units,
            period_us,
            burst,
        } => {
            command.arg(units).arg(period_us).arg(burst);
            3
        }
        Kind::Window { limit, window } => {
            command.arg(limit);
            write_window(command, window);
            6
        }
        Kind::Sliding { limit, span_ms, .. } => {
            command.arg(limit).arg(span_ms);
            2
        }
        Kind::Concurrency { limit, lease_ms } => {
            command.arg(limit).arg(lease_ms);
            2
        }
        Kind::Distinct {
            limit,
            window,
            member,
        } => {
            command.arg(limit);
            write_window(command, window);
            command.arg(member.to_string());
            7
        }
        _ => 0,
    }
}

fn write_window(command: &mut Cmd, window: Window) {
    match window {
        Window::Fixed {
            anchor_ms,
            length_ms,
        } => {
            command.arg("f").arg(anchor_ms).arg(length_ms);
            command.arg("").arg("");
        }
        Window::Edges([before, from, to, after]) => {
            command.arg("e").arg(before).arg(from).arg(to).arg(after);
        }
        Window::FirstRequest { length_ms } => {
            command.arg("o").arg(length_ms);
            command.arg("").arg("").arg("");
        }
        // Let in by no check.
        _ => {
            command.arg("").arg("").arg("").arg("").arg("");
        }
    }
}

pub(super) fn write_ask(command: &mut Cmd, ask: &Ask<'_>, name: u64, process: u64) {
    let (least, most) = match ask.charge.kind {
        Kind::Rate { burst, .. } => (ask.charge.cost.min(burst + 1), ask.units.min(burst + 1)),
        _ => (ask.charge.cost, ask.units),
    };
    let least = least.max(1);
    command.arg(least).arg(most.max(least)).arg(ask.hold_ms);
    command.arg(ask.charge.owed.min(least_owed(&ask.charge.kind)));
    command.arg(name).arg(process);
    command.arg(letter(&ask.charge.kind).to_string());
    write_kind(command, &ask.charge.kind);
}

fn least_owed(kind: &Kind) -> u64 {
    match kind {
        Kind::Rate { burst, .. } => *burst,
        _ => u64::MAX,
    }
}

pub(super) fn write_settle(command: &mut Cmd, charge: &Charge<'_>, window: i64) {
    let (back, owed) = match charge.kind {
        Kind::Rate { burst, .. } => (charge.cost.min(burst), charge.owed.min(burst)),
        _ => (charge.cost, charge.owed),
    };
    command.arg("settle").arg(window).arg(back).arg(owed);
    command.arg(letter(&charge.kind).to_string());
    write_kind(command, &charge.kind);
}

pub(super) fn letter_of(charge: &Charge<'_>) -> char {
    letter(&charge.kind)
}

/// The integers of an answer.
pub(super) fn integers(value: &Value) -> Result<Vec<i64>, Failure> {
    let Value::Array(items) = value else {
        return Err(out_of_step());
    };
    items
        .iter()
        .map(|item| match item {
            Value::Int(number) => Ok(*number),
            _ => Err(out_of_step()),
        })
        .collect()
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// An answer that is not to this question: the connection is out of step, and the question's fate unknown.
fn out_of_step() -> Failure {
    Failure::new(
        Unavailable::Lost,
        "the server's answer is to another question",
    )
}

pub(super) fn read_answers(
    value: &Value,
    hold: u64,
    answers: &mut [Answer],
) -> Result<(), Failure> {
    let numbers = integers(value)?;
    let Some((name, numbers)) = numbers.split_first() else {
        return Err(out_of_step());
    };
    if unsigned(*name) != hold || numbers.len() != 5 * answers.len() {
        return Err(out_of_step());
    }
    for (place, numbers) in answers.iter_mut().zip(numbers.chunks_exact(5)) {
        if let [fits, remaining, reset_ms, retry_ms, window] = *numbers {
            *place = Answer {
                fits: fits == 1,
                remaining: unsigned(remaining),
                reset_ms: unsigned(reset_ms),
                retry_ms: unsigned(retry_ms),
                window,
                hold,
            };
        }
    }
    Ok(())
}

pub(super) fn read_grant(value: &Value, asked: u64, process: u64) -> Result<Grant, Failure> {
    let numbers = integers(value)?;
    let [units, window, valid_ms, named, name, rest @ ..] = numbers.as_slice() else {
        return Err(out_of_step());
    };
    let &[remaining, reset_ms, retry_ms] = rest else {
        return Err(out_of_step());
    };
    if unsigned(*name) != asked {
        return Err(out_of_step());
    }
    Ok(Grant {
        units: unsigned(*units),
        window: *window,
        valid_ms: unsigned(*valid_ms),
        lease: if *named == 1 { process } else { 0 },
        remaining: unsigned(remaining),
        reset_ms: unsigned(reset_ms),
        retry_ms: unsigned(retry_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let names = Names::new("shop[1]");
        for limit in ["plan", "a:b", "", "ü"] {
            let key = CounterKey([7; 16]);
            let text = names.key('w', limit, key);
            assert_eq!(names.read(&text), Some(('w', limit, key)));
        }
        assert_eq!(names.pattern(), "shop\\[1\\]:*");
        let hex = CounterKey::default().to_string();
        for other in [
            "other:w:plan:00".to_owned(),
            format!("shop[1]:w:{hex}"),
            format!("shop[1]:x:plan:{hex}"),
            format!("shop[1]:ww:plan:{hex}"),
            format!("shop[1]:w:plan:{}", hex.to_uppercase() + "0"),
            "shop[1]:w:plan:short".to_owned(),
        ] {
            assert_eq!(names.read(&other), None, "{other}");
        }
    }
}
