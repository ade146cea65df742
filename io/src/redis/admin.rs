//! Listing and resetting counters, for people: in pages, and with patience.

use super::Inner;
use super::connection::Failure;
use super::question::{integers, kind_of};
use gatelet::store::{Counter, CounterKey, Unavailable};
use redis::{FromRedisValue as _, Value};
use std::time::Duration;

/// Keys that the server looks at in one step.
const PAGE: usize = 500;
/// How much longer people wait than threads.
const PATIENCE: u32 = 20;

impl Inner {
    fn long(&self) -> Duration {
        self.patience.saturating_mul(PATIENCE)
    }

    /// Visits the keys of a limit, or of all, page by page.
    fn pages(
        &self,
        limit: Option<&str>,
        mut visit: impl FnMut(Vec<(char, String)>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.pool.look_up();
        let (budget, mut cursor) = (self.long(), 0_u64);
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.names.pattern());
            scan.arg("COUNT").arg(PAGE);
            let value = self.pool.ask(budget, |connection, started| {
                connection.ask(&scan, started, budget)
            })?;
            let (next, keys) = <(u64, Vec<Vec<u8>>)>::from_redis_value(value)
                .map_err(|error| Failure::new(Unavailable::Refused, error))?;
            let found = keys.into_iter().filter_map(|key| {
                let key = String::from_utf8(key).ok()?;
                let (letter, of, _) = self.names.read(&key)?;
                limit
                    .is_none_or(|limit| limit == of)
                    .then_some((letter, key))
            });
            let found: Vec<_> = found.collect();
            if !found.is_empty() {
                visit(found)?;
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    pub(super) fn list(
        &self,
        limit: Option<&str>,
        visit: &mut dyn FnMut(Counter),
    ) -> Result<(), Failure> {
        self.pages(limit, |page| {
            let (letters, keys): (Vec<_>, Vec<_>) = page.into_iter().unzip();
            let value = self.describe(&letters, &keys)?;
            let numbers = integers(&value)?;
            for ((letter, key), numbers) in letters.iter().zip(&keys).zip(numbers.chunks_exact(4)) {
                let (Some((_, limit, key)), Some(kind)) = (self.names.read(key), kind_of(*letter))
                else {
                    continue;
                };
                let unsigned = |at: usize| {
                    let number = numbers.get(at).copied().unwrap_or_default();
                    u64::try_from(number).unwrap_or(0)
                };
                // What has ended is kept for a while, and counts for nothing.
                if unsigned(3) == 0 {
                    continue;
                }
                visit(Counter {
                    limit: limit.to_owned(),
                    key,
                    kind,
                    used: unsigned(0),
                    leased: unsigned(1),
                    of: unsigned(2),
                    reset_ms: unsigned(3),
                });
            }
            Ok(())
        })
    }

    fn describe(&self, letters: &[char], keys: &[String]) -> Result<Value, Failure> {
        let budget = self.long();
        self.pool.ask(budget, |connection, started| {
            let describe = &self.scripts.describe;
            describe.run(connection, started, budget, keys, &|command| {
                for letter in letters {
                    command.arg(letter.to_string());
                }
            })
        })
    }

    pub(super) fn reset(&self, limit: &str, only: Option<CounterKey>) -> Result<u64, Failure> {
        let (budget, mut count) = (self.long(), 0);
        self.pages(Some(limit), |page| {
            let mut unlink = redis::cmd("UNLINK");
            let mut any = false;
            for (_, key) in &page {
                let is_wanted = self
                    .names
                    .read(key)
                    .is_some_and(|(_, _, key)| only.is_none_or(|only| only == key));
                if is_wanted {
                    unlink.arg(key);
                    any = true;
                }
            }
            if !any {
                return Ok(());
            }
            let value = self.pool.ask(budget, |connection, started| {
                connection.ask(&unlink, started, budget)
            })?;
            if let Value::Int(number) = value {
                count += u64::try_from(number).unwrap_or(0);
            }
            Ok(())
        })?;
        Ok(count)
    }
}
