//! Small tables, two threads, and what must hold however they interleave.

use crate::bounds::Bounds;
use crate::table::{Shape, Table};
use loom::sync::Arc;
use loom::thread;

/// Enough for every pair of critical sections to cut into each other both ways.
const PREEMPTIONS: usize = 3;

const A: u64 = 1 << 8;
const B: u64 = 2 << 8;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// One line of four cells, `filled` of which are alive until 100.
fn table(filled: u64) -> Arc<Table<2>> {
    let table = Table::new(Shape {
        capacity: 2,
        slots: 0,
    });
    for key in 0..filled {
        assert!(take(&table, (key + 10) << 8, 0, 100));
    }
    Arc::new(table)
}

/// Takes the one unit that a key has until some time.
fn take(table: &Table<2>, key: u64, now: u64, until: u64) -> bool {
    let Some(cell) = table.hold_or_claim(key, now) else {
        return false;
    };
    let [over_at, count] = cell.read();
    let count = if over_at <= now { 0 } else { count };
    if count == 0 {
        cell.write([until, 1]);
    }
    count == 0
}

fn cells(table: &Table<2>, key: u64) -> usize {
    table.each().filter(|cell| cell.key() == key).count()
}

/// Runs both at once; returns what they say.
fn both<T: 'static>(
    one: impl FnOnce() -> T + 'static,
    other: impl FnOnce() -> T + 'static,
) -> (T, T) {
    let one = thread::spawn(one);
    let other = other();
    (one.join().unwrap(), other)
}

#[test]
fn one_new_key_has_one_cell_and_one_admission() {
    check(|| {
        let table = table(2);
        let same = Arc::clone(&table);
        let (one, other) = both(move || take(&same, A, 1, 100), {
            let table = Arc::clone(&table);
            move || take(&table, A, 1, 100)
        });
        assert!(one ^ other);
        assert_eq!(cells(&table, A), 1);
    });
}

#[test]
fn one_known_key_admits_once() {
    check(|| {
        let table = table(1);
        assert!(take(&table, A, 0, 5));
        let same = Arc::clone(&table);
        let (one, other) = both(move || take(&same, A, 6, 100), {
            let table = Arc::clone(&table);
            move || take(&table, A, 6, 100)
        });
        assert!(one ^ other);
        assert_eq!(cells(&table, A), 1);
    });
}

#[test]
fn the_last_cell_goes_to_one_key() {
    check(|| {
        let table = table(3);
        let same = Arc::clone(&table);
        let (one, other) = both(move || take(&same, A, 1, 100), {
            let table = Arc::clone(&table);
            move || take(&table, B, 1, 100)
        });
        assert!(one ^ other, "one finds no place");
        assert_eq!(cells(&table, A) + cells(&table, B), 1);
    });
}

/// A's cell is over at 5. One thread's clock says so and gives it to B; the other's does not yet.
#[test]
fn a_cell_that_is_given_away_takes_no_charge_of_its_old_key() {
    check(|| {
        let table = table(3);
        assert!(take(&table, A, 0, 5));
        let same = Arc::clone(&table);
        let (b, a) = both(move || take(&same, B, 6, 50), {
            let table = Arc::clone(&table);
            move || take(&table, A, 4, 60)
        });
        assert!(!a, "A has nothing left before 5");
        assert!(b, "A is over for B");
        assert_eq!((cells(&table, A), cells(&table, B)), (0, 1));
        let cell = table.hold(B).unwrap();
        assert_eq!(cell.read(), [50, 1]);
        assert_eq!(table.floor(), 5);
    });
}

/// A is taken again just when B finds it over: one of them has the cell, and what it holds is all its own.
#[test]
fn a_cell_is_taken_again_or_given_away() {
    check(|| {
        let table = table(3);
        assert!(take(&table, A, 0, 5));
        let same = Arc::clone(&table);
        let (b, a) = both(move || take(&same, B, 6, 50), {
            let table = Arc::clone(&table);
            move || take(&table, A, 6, 60)
        });
        assert!(a ^ b, "the one without a cell is told so");
        let (key, until) = if a { (A, 60) } else { (B, 50) };
        assert_eq!(table.hold(key).unwrap().read(), [until, 1]);
        assert_eq!(cells(&table, A) + cells(&table, B), 1);
    });
}

/// Two units each, two threads, two limits of which the second lets one pass: what is undone is not lost.
#[test]
fn all_or_nothing() {
    check(|| {
        let first = table(0);
        let second = table(0);
        assert!(take(&second, A, 0, 100) && take(&second, B, 0, 1));
        let pass = |first: Arc<Table<2>>, second: Arc<Table<2>>| {
            move || {
                let charged = first.hold_or_claim(A, 2).is_some_and(|cell| {
                    let [_, count] = cell.read();
                    cell.write([100, count + 1]);
                    true
                });
                if charged && take(&second, B, 2, 100) {
                    return true;
                }
                if let Some(cell) = first.hold(A) {
                    let [until, count] = cell.read();
                    cell.write([until, count - 1]);
                }
                false
            }
        };
        let (one, other) = both(
            pass(Arc::clone(&first), Arc::clone(&second)),
            pass(Arc::clone(&first), Arc::clone(&second)),
        );
        assert!(one ^ other);
        assert_eq!(first.hold(A).unwrap().read(), [100, 1]);
    });
}

/// What is seen without holding a cell is some value of its key.
#[test]
fn a_glance_sees_only_its_own_key() {
    check(|| {
        let table = Arc::new(Table::<1>::new(Shape {
            capacity: 2,
            slots: 0,
        }));
        for (key, until) in [(10, 100), (11, 100), (12, 100), (A >> 8, 5)] {
            table.hold_or_claim(key << 8, 0).unwrap().write([until]);
        }
        let same = Arc::clone(&table);
        let (seen, _) = both(move || same.find(A).and_then(|cell| cell.first()), {
            let table = Arc::clone(&table);
            move || {
                table.hold_or_claim(B, 6).unwrap().write([50]);
                None
            }
        });
        assert!(matches!(seen, None | Some(5)), "{seen:?}");
    });
}

/// Counters of one word are changed in one go where the word is what was seen.
#[test]
fn a_word_is_replaced_once() {
    check(|| {
        let table = Arc::new(Table::<1>::new(Shape {
            capacity: 2,
            slots: 0,
        }));
        for (key, until) in [(10, 100), (11, 100), (12, 100), (A >> 8, 5)] {
            table.hold_or_claim(key << 8, 0).unwrap().write([until]);
        }
        let replace = |table: Arc<Table<1>>, new| {
            move || {
                let cell = table.find(A);
                cell.is_some_and(|cell| cell.replace_first(5, new))
            }
        };
        let given = Arc::clone(&table);
        let third = thread::spawn(move || {
            let held = given.hold_or_claim(B, 6);
            held.map(|cell| cell.write([90])).is_some()
        });
        let (one, other) = both(
            replace(Arc::clone(&table), 60),
            replace(Arc::clone(&table), 70),
        );
        let given = third.join().unwrap();
        assert!(!(one && other), "both saw 5, and one of them changed it");
        assert!(!(given && (one || other)), "it was over, or taken");
        let left = table.each().filter(|cell| !matches!(cell.read(), [100]));
        let left: Vec<_> = left.map(|cell| (cell.key(), cell.read())).collect();
        let expected = match (given, one, other) {
            (true, ..) => (B, [90]),
            (_, true, _) => (A, [60]),
            (_, _, true) => (A, [70]),
            _ => (A, [5]),
        };
        assert_eq!(left, [expected]);
    });
}

#[test]
fn bounds_belong_together_and_never_go_back() {
    check(|| {
        let bounds = Arc::new(Bounds::new());
        let same = Arc::clone(&bounds);
        let writer = thread::spawn(move || {
            same.advance(10, 20);
            same.advance(0, 10);
        });
        let other = Arc::clone(&bounds);
        let later = thread::spawn(move || other.advance(20, 30));
        let seen = bounds.read();
        let known = [(0, 0), (0, 10), (10, 20), (20, 30)];
        assert!(seen.is_none_or(|seen| known.contains(&seen)), "{seen:?}");
        let again = bounds.read();
        if let (Some((_, before)), Some((_, after))) = (seen, again) {
            assert!(after >= before);
        }
        writer.join().unwrap();
        later.join().unwrap();
    });
}
