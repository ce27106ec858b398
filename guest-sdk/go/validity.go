package skewless

// Validity says which values are not null. Its zero value says that none is.
type Validity struct {
	bits  []byte
	start int
}

// ValidityOf reads bits, least significant first, from bit start on: one for each value, set where it is not null.
// Without bits, no value is null.
func ValidityOf(bits []byte, start int) Validity {
	return Validity{bits, start}
}

// Valid reports whether value i is not null.
func (v Validity) Valid(i int) bool {
	if v.bits == nil {
		return true
	}
	i += v.start
	return v.bits[i>>3]>>(i&7)&1 == 1
}

// Bits returns the bits, least significant first, and the place of the first value's among them; no bits where no value is
// null.
func (v Validity) Bits() (bits []byte, start int) {
	return v.bits, v.start
}

// Complete reports whether none of the values is known to be null.
func (v Validity) Complete() bool {
	return v.bits == nil
}

// setNull makes value i of count null.
func (v *Validity) setNull(i, count int) {
	if v.bits == nil {
		v.bits = allValid(count)
	}
	i += v.start
	v.bits[i>>3] &^= 1 << (i & 7)
}

func allValid(count int) []byte {
	bits := make([]byte, (count+7)/8)
	for i := range bits {
		bits[i] = 0xff
	}
	if rest := count & 7; rest != 0 {
		// Bits past the last value are zero.
		bits[len(bits)-1] = 1<<rest - 1
	}
	return bits
}
