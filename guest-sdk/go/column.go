package skewless

import "iter"

// Column is an input or output of a transform in the column form where rows may be null. Where none is, it is a plain
// slice.
type Column[T any] struct {
	// Values has one value for each row: 0, false or empty where the row is null.
	Values []T
	// Validity says which rows are not null.
	Validity Validity
}

// NewColumn returns a column of rows rows to be written: all of them 0, false or empty, none null.
func NewColumn[T any](rows int) Column[T] {
	return Column[T]{Values: make([]T, rows)}
}

// ColumnOf returns a column of the values given, one a row; nil is null. It is for tests.
func ColumnOf[T any](values ...*T) Column[T] {
	column := NewColumn[T](len(values))
	for row, value := range values {
		if value == nil {
			column.SetNull(row)
		} else {
			column.Values[row] = *value
		}
	}
	return column
}

// Len returns the number of rows.
func (c Column[T]) Len() int {
	return len(c.Values)
}

// IsNull reports whether a row is null.
func (c Column[T]) IsNull(row int) bool {
	return !c.Validity.Valid(row)
}

// SetNull makes a row null.
func (c *Column[T]) SetNull(row int) {
	c.Validity.setNull(row, len(c.Values))
}

// Rows returns the values in order, nil where a row is null.
func (c Column[T]) Rows() iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		for row := range c.Values {
			value := &c.Values[row]
			if c.IsNull(row) {
				value = nil
			}
			if !yield(row, value) {
				return
			}
		}
	}
}
