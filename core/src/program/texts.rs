//! Lists of texts that are held in one piece.

/// Texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pool: Box<[u8]>,
    /// Where each text ends.
    ends: Box<[u32]>,
}

impl Texts {
    /// Texts beyond 4 GiB together are not kept; what is read into them is bounded far below.
    pub(crate) fn new<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let (mut pool, mut ends) = (Vec::new(), Vec::new());
        for text in texts {
            pool.extend_from_slice(text);
            let Ok(end) = u32::try_from(pool.len()) else {
                break;
            };
            ends.push(end);
        }
        Self {
            pool: pool.into(),
            ends: ends.into(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.pool.get(start as usize..end as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = self.pool.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            text
        })
    }

    pub(crate) fn contains(&self, text: &[u8]) -> bool {
        self.iter().any(|one| one == text)
    }

    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Heap bytes.
    pub(crate) fn bytes_held(&self) -> usize {
        self.pool.len() + size_of_val(&*self.ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were_put_in() {
        for list in [&[][..], &[&b""[..]], &[b"a", b"", b"bcd", b"a"]] {
            let texts = Texts::new(list.iter().copied());
            assert_eq!(texts.iter().collect::<Vec<_>>(), list);
            assert_eq!(texts.len(), list.len());
            for (at, text) in list.iter().enumerate() {
                assert_eq!(texts.get(at), Some(*text));
                assert!(texts.contains(text));
            }
            assert_eq!(texts.get(list.len()), None);
            assert!(!texts.contains(b"bc"));
        }
    }
}
