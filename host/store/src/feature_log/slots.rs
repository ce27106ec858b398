//! A table of the numbers of things, to find what is the same as another.

/// The numbers of things, where the hashes of those say, or behind that. The things themselves are with whoever asks.
pub(super) struct Slots(Vec<u32>);

/// No number.
pub(super) const FREE: u32 = u32::MAX;

impl Default for Slots {
    fn default() -> Self {
        Self(vec![FREE; 16])
    }
}

impl Slots {
    /// The number that stands where a hash says, or [`FREE`]; mostly that with this hash.
    pub(super) fn first(&self, hash: u64) -> u32 {
        self.0[hash as usize & (self.0.len() - 1)]
    }

    /// The number with this hash that `is` it; else the slot that it would have.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let mut slot = hash as usize & (self.0.len() - 1);
        loop {
            match self.0[slot] {
                FREE => return Err(slot),
                number if is(number) => return Ok(number),
                _ => slot = (slot + 1) & (self.0.len() - 1),
            }
        }
    }

    /// Puts the last of so many numbers there; where half of the slots are taken then, there will be twice as many.
    pub(super) fn take(&mut self, slot: usize, numbers: usize, hash: impl Fn(usize) -> u64) -> u32 {
        let last = (numbers - 1) as u32;
        self.0[slot] = last;
        if numbers * 2 > self.0.len() {
            self.0 = vec![FREE; self.0.len() * 2];
            for number in 0..numbers {
                if let Err(slot) = self.find(hash(number), |_| false) {
                    self.0[slot] = number as u32;
                }
            }
        }
        last
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(FREE);
    }
}

/// A hash of a number: all of its bits, also of those that are mostly zero, are in all bits of it.
pub(super) fn folded(value: u64) -> u64 {
    let product = u128::from(value ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    product as u64 ^ (product >> 64) as u64
}
