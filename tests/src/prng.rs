//! A small seeded generator of pseudo-random numbers (`SplitMix64`), so that a failure can be replayed.

/// The state: one number, the seed at first.
#[derive(Clone, Debug)]
pub struct Prng(u64);

impl Prng {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed from the operating system, by way of the standard library's hash keys.
    #[must_use]
    pub fn fresh_seed() -> u64 {
        use std::hash::{BuildHasher, RandomState};
        RandomState::new().hash_one(0_u8)
    }

    /// The seeds of a run: the one of `GATELET_SEED`, to replay it; else the known ones and a fresh one, which is printed.
    ///
    /// # Panics
    /// `GATELET_SEED` is no number.
    #[must_use]
    pub fn seeds(known: &[u64]) -> Vec<u64> {
        match std::env::var("GATELET_SEED").map(|text| text.parse()) {
            Ok(Ok(seed)) => vec![seed],
            Ok(Err(error)) => panic!("GATELET_SEED: {error}"),
            Err(_) => {
                let fresh = Self::fresh_seed();
                println!("fresh seed: GATELET_SEED={fresh}");
                known.iter().copied().chain([fresh]).collect()
            }
        }
    }

    /// The next 64 bits (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.bits()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// True in `percent` of a hundred draws.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the elements.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A few of the elements, at least `least`, in their order, none twice.
    pub fn some<T: Clone>(&mut self, of: &[T], least: usize, most: usize) -> Vec<T> {
        let wanted = least + self.below(most.min(of.len()) + 1 - least);
        let mut left = of.len();
        let mut missing = wanted;
        let mut taken = Vec::with_capacity(wanted);
        for element in of {
            if self.below(left) < missing {
                taken.push(element.clone());
                missing -= 1;
            }
            left -= 1;
        }
        taken
    }
}
