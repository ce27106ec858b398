//! Bitmaps as Arrow lays them out: least significant bit first, zeros past the end.

/// A bitmap that was passed in: the validity of a column, or the values of a boolean one.
#[derive(Debug, Clone, Copy)]
pub struct Bits<'a>(&'a [u8]);

impl<'a> Bits<'a> {
    /// The first `count` bits; `None` if there are not that many.
    pub(crate) fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        bytes.get(..count.div_ceil(8)).map(Self)
    }

    /// Whether bit `index` is set.
    #[inline]
    pub(crate) fn get(self, index: usize) -> bool {
        self.0[index / 8] >> (index % 8) & 1 == 1
    }

    /// The bytes, eight bits each.
    pub(crate) fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A bitmap that is being written: all zeros, until bits are set or pushed.
#[derive(Debug, Default)]
pub struct BitsBuilder {
    bytes: Vec<u8>,
    count: usize,
    any: bool,
}

impl BitsBuilder {
    /// `count` bits, none set.
    pub(crate) fn zeros(count: usize) -> Self {
        Self { bytes: vec![0; count.div_ceil(8)], count, any: false }
    }

    /// Sets bit `index`.
    #[inline]
    pub(crate) fn set(&mut self, index: usize) {
        self.bytes[index / 8] |= 1 << (index % 8);
        self.any = true;
    }

    /// Appends a bit.
    pub(crate) fn push(&mut self, bit: bool) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        self.count += 1;
        if bit {
            self.set(self.count - 1);
        }
    }

    /// The bitmap.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// The opposite of the bitmap, or `None` if no bit is set: what was null becomes what is valid.
    pub(crate) fn finish_inverted(mut self) -> Option<Vec<u8>> {
        if !self.any {
            return None;
        }
        self.bytes.iter_mut().for_each(|byte| *byte = !*byte);
        if let (Some(last), bits @ 1..) = (self.bytes.last_mut(), self.count % 8) {
            *last &= (1 << bits) - 1;
        }
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_null_becomes_invalid_and_the_tail_stays_zero() {
        let mut nulls = BitsBuilder::zeros(10);
        nulls.set(1);
        nulls.set(8);
        assert_eq!(nulls.finish_inverted(), Some(vec![0b1111_1101, 0b10]));
        assert_eq!(BitsBuilder::zeros(10).finish_inverted(), None);
    }

    #[test]
    fn pushed_bits_read_back() {
        let pattern = [true, false, true, true, false, false, false, true, true, false];
        let mut builder = BitsBuilder::default();
        pattern.iter().for_each(|bit| builder.push(*bit));
        let bytes = builder.finish();
        let bits = Bits::new(&bytes, pattern.len()).unwrap();
        assert!(pattern.iter().enumerate().all(|(index, bit)| bits.get(index) == *bit));
        assert!(Bits::new(&bytes, 17).is_none());
    }
}
