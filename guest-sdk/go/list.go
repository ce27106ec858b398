package skewless

import "iter"

// List is a list in one row of an input. Each element may be null.
type List[T Scalar] struct {
	// Values has all elements: 0, false or empty where one is null.
	Values []T
	// Validity says which elements are not null.
	Validity Validity
}

// ListOf returns a list of the values given; nil is null. It is for tests; a list without nulls is made of a slice:
// List[float64]{Values: values}.
func ListOf[T Scalar](values ...*T) List[T] {
	list := List[T]{Values: make([]T, len(values))}
	for i, value := range values {
		if value == nil {
			list.Validity.setNull(i, len(values))
		} else {
			list.Values[i] = *value
		}
	}
	return list
}

// Len returns the number of elements, nulls included.
func (l List[T]) Len() int {
	return len(l.Values)
}

// IsNull reports whether element i is null.
func (l List[T]) IsNull(i int) bool {
	return !l.Validity.Valid(i)
}

// Present returns the elements that are not null, in order.
func (l List[T]) Present() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i, value := range l.Values {
			if l.Validity.Valid(i) && !yield(value) {
				return
			}
		}
	}
}
