//! Roles: their closure under inheritance, what excludes what, and the set that a caller holds.

use super::names::Names;

/// A role, numbered in the order of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RoleId(pub(crate) u32);

/// Lists of numbers by owner, kept in one piece.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    starts: Box<[u32]>,
    items: Box<[u32]>,
}

impl Lists {
    pub(crate) fn build<I: IntoIterator<Item = u32>>(lists: impl Iterator<Item = I>) -> Self {
        let (mut starts, mut items) = (vec![0], Vec::new());
        for list in lists {
            items.extend(list);
            starts.push(super::names::number(items.len()));
        }
        Self {
            starts: starts.into(),
            items: items.into(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, owner: u32) -> &[u32] {
        let owner = owner as usize;
        match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(start), Some(end)) => self
                .items
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many items all lists have together.
    #[inline]
    pub(crate) fn total(&self) -> usize {
        self.items.len()
    }

    /// Whether every list is empty.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn bytes_held(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.items)
    }
}

/// The roles that a policy declares.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    pub(crate) names: Names,
    /// By role: itself and all that it inherits.
    pub(crate) closure: Lists,
    /// By role: the roles that may not be held, or not be acted in, beside it. Empty where nothing is exclusive.
    pub(crate) excluded_held: Lists,
    pub(crate) excluded_active: Lists,
}

impl Roles {
    /// Two roles of `set` that exclude each other.
    #[inline(always)]
    pub(crate) fn conflict(excluded: &Lists, set: &RoleSet) -> Option<(RoleId, RoleId)> {
        if excluded.is_empty() {
            // Most policies exclude nothing, and pay no call for it.
            None
        } else {
            find_conflict(excluded, set)
        }
    }
}

#[inline(never)]
fn find_conflict(excluded: &Lists, set: &RoleSet) -> Option<(RoleId, RoleId)> {
    set.iter().find_map(|role| {
        let other = excluded
            .get(role.0)
            .iter()
            .find(|other| set.has(RoleId(**other)))?;
        Some((role, RoleId(*other)))
    })
}

/// A set of roles, reused from decision to decision without allocating or being wiped.
#[derive(Debug, Default)]
pub(crate) struct RoleSet {
    /// One bit for all roles of the same number modulo 64: most questions end here.
    signature: u64,
    /// By role: the use of the set in which it was last put in.
    marks: Box<[u32]>,
    /// Numbers the uses of this set; a mark of 0 is of none.
    use_number: u32,
    /// Room for every role; those held stand first.
    list: Box<[u32]>,
    len: usize,
}

impl RoleSet {
    pub(crate) fn for_roles(count: usize) -> Self {
        Self {
            signature: 0,
            marks: vec![0; count].into(),
            use_number: 1,
            list: vec![0; count].into(),
            len: 0,
        }
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        (self.signature, self.len) = (0, 0);
        self.use_number = self.use_number.wrapping_add(1);
        if self.use_number == 0 {
            self.renumber();
        }
    }

    #[cold]
    fn renumber(&mut self) {
        self.marks.fill(0);
        self.use_number = 1;
    }

    /// Roles beyond the count that the set was made for are not taken.
    #[inline(always)]
    pub(crate) fn insert(&mut self, role: RoleId) {
        if let Some(mark) = self.marks.get_mut(role.0 as usize)
            && *mark != self.use_number
            && let Some(place) = self.list.get_mut(self.len)
        {
            *mark = self.use_number;
            *place = role.0;
            self.signature |= 1 << (role.0 % 64);
            self.len += 1;
        }
    }

    #[inline(always)]
    pub(crate) fn has(&self, role: RoleId) -> bool {
        self.signature >> (role.0 % 64) & 1 != 0
            && self
                .marks
                .get(role.0 as usize)
                .is_some_and(|mark| *mark == self.use_number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RoleId> {
        self.list.iter().take(self.len).copied().map(RoleId)
    }

    /// The role at a place; the order is that of insertion.
    pub(crate) fn get(&self, index: usize) -> Option<RoleId> {
        self.list.get(index).copied().map(RoleId)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_until_cleared() {
        let mut set = RoleSet::for_roles(200);
        for role in [0, 63, 64, 128, 199, 64, 200, 5000] {
            set.insert(RoleId(role));
        }
        let mut roles: Vec<u32> = set.iter().map(|r| r.0).collect();
        roles.sort_unstable();
        assert_eq!(roles, [0, 63, 64, 128, 199]);
        assert!(
            set.has(RoleId(64))
                && !set.has(RoleId(1))
                && !set.has(RoleId(65))
                && !set.has(RoleId(200))
        );
        set.use_number = u32::MAX;
        set.clear();
        assert_eq!(set.len(), 0);
        assert!((0..200).all(|role| !set.has(RoleId(role))));
    }
}
