//! The key ids that a source was asked for and does not have: as many as fit, the oldest go.

use crate::limits::MAX_UNKNOWN_KEY_IDS;

/// SHA-256 of a key id: of one size, whatever a token holds.
type Id = [u8; 32];

/// Key ids with the time until which they count as unknown; until an attempt has ended they only wait.
#[derive(Debug, Default)]
pub(super) struct UnknownKeyIds {
    /// In the order in which they came; a ring once it is full.
    entries: Vec<Entry>,
    oldest: usize,
}

#[derive(Debug)]
struct Entry {
    id: Id,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// An attempt that may bring it has not ended.
    Waiting,
    /// An attempt has ended without it.
    UnknownUntil(u64),
}

impl UnknownKeyIds {
    /// Whether an attempt for this key id has brought nothing lately.
    pub(super) fn is_unknown(&self, id: &Id, now: u64) -> bool {
        self.entries.iter().any(|entry| {
            entry.id == *id && matches!(entry.state, State::UnknownUntil(until) if now < until)
        })
    }

    /// Notes that an attempt may bring this key id.
    pub(super) fn wait(&mut self, id: Id) {
        let entry = Entry {
            id,
            state: State::Waiting,
        };
        if let Some(known) = self.entries.iter_mut().find(|known| known.id == id) {
            known.state = State::Waiting;
        } else if self.entries.len() < MAX_UNKNOWN_KEY_IDS {
            self.entries.push(entry);
        } else if let Some(oldest) = self.entries.get_mut(self.oldest) {
            *oldest = entry;
            self.oldest = (self.oldest + 1) % MAX_UNKNOWN_KEY_IDS;
        }
    }

    /// A key set came: whoever still asks for what waited for it asks for what is not in it.
    pub(super) fn settle(&mut self, until: u64) {
        for entry in &mut self.entries {
            if entry.state == State::Waiting {
                entry.state = State::UnknownUntil(until);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Id {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        id
    }

    #[test]
    fn waiting_is_not_unknown() {
        let mut ids = UnknownKeyIds::default();
        ids.wait(id(1));
        assert!(!ids.is_unknown(&id(1), 0));
        ids.settle(100);
        assert!(ids.is_unknown(&id(1), 99));
        assert!(!ids.is_unknown(&id(1), 100));
        assert!(!ids.is_unknown(&id(2), 0));
        ids.wait(id(1));
        assert!(!ids.is_unknown(&id(1), 0), "asked again");
        assert_eq!(ids.len(), 1);
    }

    #[test]
    fn the_oldest_go() {
        let mut ids = UnknownKeyIds::default();
        for number in 0..MAX_UNKNOWN_KEY_IDS + 10 {
            ids.wait(id(number));
        }
        ids.settle(100);
        assert_eq!(ids.len(), MAX_UNKNOWN_KEY_IDS);
        for number in 0..MAX_UNKNOWN_KEY_IDS + 10 {
            assert_eq!(ids.is_unknown(&id(number), 0), number >= 10, "{number}");
        }
    }
}
