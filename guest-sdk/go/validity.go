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

// Complete reports whether none of the values is known to be null.
func (v Validity) Complete() bool {
	return v.bits == nil
}

// setNull makes value i of count null.
func (v *Validity) setNull(i, count int) {
	if v.bits == nil {
		v.bits = make([]byte, (count+7)/8)
		for valid := range count {
			v.bits[valid>>3] |= 1 << (valid & 7)
		}
	}
	v.bits[i>>3] &^= 1 << (i & 7)
}
