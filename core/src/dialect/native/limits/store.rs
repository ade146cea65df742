//! `store`: counters beyond one process.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::limits::EXACT_SLIDING;
use crate::program::vocabulary::limits::{LimitKind, OnDown, StoreMode, StoreSettings};
use crate::rule::Amount;
use crate::text::{Key, MappingReader, Node};

use super::super::words::word;

const MODES: &[(&str, StoreMode)] = &[("strict", StoreMode::Strict), ("leased", StoreMode::Leased)];
const ON_DOWN: &[(&str, OnDown)] = &[
    ("deny", OnDown::Deny),
    ("share", OnDown::Share),
    ("open", OnDown::Open),
];
const DEFAULT_BUDGET_MS: u32 = 5;
const MAX_BUDGET_MS: u64 = 10_000;
const DEFAULT_BATCH: u32 = 100;
const MAX_BATCH: u64 = 1_000_000;

/// Settings of a limit's store; `strict` is worth a warning, because it makes a decision wait.
pub(super) fn lower(
    key: &Key,
    node: &Node,
    (kind, amount): (&LimitKind, &Amount),
    diagnostics: &mut Diagnostics,
) -> Option<StoreSettings> {
    let mut reader = diagnostics.check(MappingReader::new(node))?;
    let mode = reader.read_required("redis", |node| word(node, MODES), diagnostics);
    let on_down = reader.read("on_down", |node| word(node, ON_DOWN), diagnostics);
    let budget = reader.read("budget", budget, diagnostics);
    let batch = reader.take_entry("batch");
    let given_batch = batch.and_then(|(_, node)| diagnostics.check(self::batch(node)));
    let share = reader.take_entry("share");
    let given_share = share.and_then(|(_, node)| diagnostics.check(self::share(node)));
    reader.finish(diagnostics);
    let mode = mode?;
    let mut refuse = |key: &Key, message: &str, help: &str| {
        let error = Diagnostic::error(Code::BAD_STORE, key.span, message);
        diagnostics.push(error.help(help));
    };
    let default = match kind {
        LimitKind::Rate { .. } => OnDown::Share,
        _ => OnDown::Deny,
    };
    let on_down = on_down.unwrap_or(default);
    if let (StoreMode::Strict, Some((key, _))) = (mode, batch) {
        refuse(
            key,
            "`batch` is the size of a lease, and `strict` takes none",
            "leave it out, or write `redis: leased`",
        );
    }
    if let (false, Some((key, _))) = (on_down == OnDown::Share, share) {
        refuse(
            key,
            "`share` is for `on_down: share`",
            "leave it out, or write `on_down: share`",
        );
    }
    if let Some((message, help)) = uncountable(kind, amount, mode) {
        refuse(key, message, help);
    }
    if mode == StoreMode::Strict {
        let message = "a decision waits for the store: the call blocks until it has answered";
        let warning = Diagnostic::warning(Code::STORE_BLOCKS, key.span, message);
        diagnostics.push(warning.help("`redis: leased` spends units that were taken before"));
    }
    Some(StoreSettings {
        mode,
        on_down,
        budget_ms: budget.unwrap_or(DEFAULT_BUDGET_MS),
        batch: given_batch.unwrap_or(DEFAULT_BATCH),
        share_percent: given_share.unwrap_or(100),
    })
}

/// Why a store cannot count so, and the way out.
fn uncountable(
    kind: &LimitKind,
    amount: &Amount,
    mode: StoreMode,
) -> Option<(&'static str, &'static str)> {
    match (mode, kind) {
        (
            StoreMode::Leased,
            LimitKind::Sliding { .. } | LimitKind::Concurrency { .. } | LimitKind::Distinct { .. },
        ) => Some((
            "only rates and windows have units that can be leased",
            "write `redis: strict`, or leave `store` out: each process then counts by itself",
        )),
        (StoreMode::Strict, LimitKind::Sliding { exact: true, .. })
            if amount.most() > EXACT_SLIDING =>
        {
            Some((
                "a store counts a sliding window exactly up to a limit of 1,024",
                "leave `exact` out: above it two counters estimate",
            ))
        }
        _ => None,
    }
}

fn budget(node: &Node) -> Result<u32, Diagnostic> {
    let given = node.as_duration_ms()?;
    let bounded = u32::try_from(given)
        .ok()
        .filter(|_| (1..=MAX_BUDGET_MS).contains(&given));
    bounded.ok_or_else(|| {
        let message = "a decision waits between 1 ms and 10 s for a store";
        Diagnostic::error(Code::BAD_DURATION, node.span, message)
    })
}

fn batch(node: &Node) -> Result<u32, Diagnostic> {
    let given = node.as_u64()?;
    let bounded = u32::try_from(given)
        .ok()
        .filter(|_| (1..=MAX_BATCH).contains(&given));
    bounded.ok_or_else(|| {
        let message = format!("this number is out of range: 1 to {MAX_BATCH}");
        Diagnostic::error(Code::BAD_NUMBER, node.span, message)
    })
}

/// A part in whole percent, rounded up.
fn share(node: &Node) -> Result<u8, Diagnostic> {
    let given = node.as_f64()?;
    let percent = (1..=100u8).find(|percent| f64::from(*percent) >= given * 100.0 - 1e-6);
    percent.filter(|_| given > 0.0).ok_or_else(|| {
        let message = "a share is more than 0 and at most 1";
        let error = Diagnostic::error(Code::BAD_NUMBER, node.span, message);
        error.help("such as 0.5, which all processes together give out of the limit")
    })
}
