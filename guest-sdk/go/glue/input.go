package glue

import (
	"unsafe"

	"skewless"
)

// number is a scalar that lies in memory as itself.
type number interface {
	int32 | int64 | float32 | float64 | skewless.Timestamp
}

// variable is a scalar of varying length.
type variable interface{ string | []byte }

// Validity says which rows of an input are not null.
func (b *Batch) Validity(input int) skewless.Validity {
	return validityOf(b.inputs[input].validity)
}

// Numbers opens an input of numbers: the memory itself.
func Numbers[T number](b *Batch, input int) []T {
	return slice[T](b.scalars(input).first)[:b.rows]
}

// Bools opens an input of booleans.
func Bools(b *Batch, input int) BoolColumn {
	return BoolColumn{slice[byte](b.scalars(input).first), b.rows}
}

// Variables opens an input of strings or bytes.
func Variables[T variable](b *Batch, input int) VariableColumn[T] {
	return openVariables[T](b.scalars(input))
}

// NumberLists opens an input of lists of numbers.
func NumberLists[T number](b *Batch, input int) ListColumn[T] {
	return openLists(b, input, func(elements *scalarValues, _ int) []T { return slice[T](elements.first) })
}

// BoolLists opens an input of lists of booleans.
func BoolLists(b *Batch, input int) ListColumn[bool] {
	return openLists(b, input, func(elements *scalarValues, count int) []bool {
		return BoolColumn{slice[byte](elements.first), count}.All()
	})
}

// VariableLists opens an input of lists of strings or bytes.
func VariableLists[T variable](b *Batch, input int) ListColumn[T] {
	return openLists(b, input, func(elements *scalarValues, _ int) []T { return openVariables[T](elements).All() })
}

// BoolColumn is a bitmap.
type BoolColumn struct {
	bits []byte
	rows int
}

// At returns the value of a row.
func (c BoolColumn) At(row int) bool {
	return c.bits[row>>3]>>(row&7)&1 == 1
}

// All returns the values of all rows.
func (c BoolColumn) All() []bool {
	all := make([]bool, c.rows)
	for row := range all {
		all[row] = c.At(row)
	}
	return all
}

// VariableColumn is strings or bytes, one after the other.
type VariableColumn[T variable] struct {
	offsets []int32
	data    T
}

// At returns the value of a row: a part of the memory itself.
func (c VariableColumn[T]) At(row int) T {
	return c.data[c.offsets[row]:c.offsets[row+1]]
}

// All returns the values of all rows.
func (c VariableColumn[T]) All() []T {
	all := make([]T, len(c.offsets)-1)
	for row := range all {
		all[row] = c.At(row)
	}
	return all
}

// ListColumn is lists, one after the other.
type ListColumn[T skewless.Scalar] struct {
	offsets  []int32
	elements []T
	bits     []byte
}

// At returns the list of a row.
func (c ListColumn[T]) At(row int) skewless.List[T] {
	start, end := c.offsets[row], c.offsets[row+1]
	return skewless.List[T]{Values: c.elements[start:end:end], Validity: skewless.ValidityOf(c.bits, int(start))}
}

// All returns the lists of all rows.
func (c ListColumn[T]) All() []skewless.List[T] {
	all := make([]skewless.List[T], len(c.offsets)-1)
	for row := range all {
		all[row] = c.At(row)
	}
	return all
}

// scalars are the values of an input that has one a row, of the type in the signature.
func (b *Batch) scalars(input int) *scalarValues {
	column, declared := &b.inputs[input], b.transform.Signature.Inputs[input]
	if column.values.lists || column.values.scalars().scalar != declared.Type.Scalar {
		panic("input `" + declared.Name + "` is not a column of the type in the signature")
	}
	return column.values.scalars()
}

func openLists[T skewless.Scalar](b *Batch, input int, open func(*scalarValues, int) []T) ListColumn[T] {
	column, declared := &b.inputs[input], b.transform.Signature.Inputs[input]
	lists := column.values.listValues()
	if !column.values.lists || lists.elements.scalar != declared.Type.Scalar {
		panic("input `" + declared.Name + "` is not a column of the type in the signature")
	}
	offsets := slice[int32](lists.offsets)
	elements := open(&lists.elements, int(offsets[len(offsets)-1]))
	return ListColumn[T]{offsets, elements, bitmap(lists.validity)}
}

func openVariables[T variable](values *scalarValues) VariableColumn[T] {
	data := slice[byte](values.second)
	// A string has the first two words of a slice.
	return VariableColumn[T]{slice[int32](values.first), *(*T)(unsafe.Pointer(&data))}
}

func validityOf(validity option) skewless.Validity {
	return skewless.ValidityOf(bitmap(validity), 0)
}

func bitmap(validity option) []byte {
	if !validity.present {
		return nil
	}
	return slice[byte](validity.list)
}
