package glue

import (
	"strconv"
	"unsafe"

	"skewless"
)

// nulls are the rows of an output that are null.
type nulls struct {
	// one bit a row, set where it is not null; none before the first null
	bits []byte
	rows int
}

// Null writes a row as null. Its value is whatever it is: the host reads none.
func (n *nulls) Null(row int) {
	if n.bits == nil {
		n.bits = allValid(n.rows)
	}
	n.bits[row>>3] &^= 1 << (row & 7)
}

func (n *nulls) option() option {
	if n.bits == nil {
		return option{}
	}
	return present(listOf(n.bits))
}

func allValid(rows int) []byte {
	valid := allocate[byte]((rows + 7) / 8)
	for i := range valid {
		valid[i] = 0xff
	}
	if rest := rows & 7; rest != 0 {
		valid[len(valid)-1] = 1<<rest - 1
	}
	return valid
}

// NumberOutput is an output of numbers. The generated code writes Values itself.
type NumberOutput[T number] struct {
	nulls
	Values []T
}

// NewNumbers makes room for an output of numbers.
func NewNumbers[T number](b *Batch) NumberOutput[T] {
	return NumberOutput[T]{nulls{rows: b.rows}, zeroed[T](b.rows)}
}

// Finish adds the output to the batch.
func (o *NumberOutput[T]) Finish(b *Batch) {
	b.scalarColumn(numbers(o.Values), o.option())
}

// BoolOutput is an output of booleans. The generated code writes Values itself.
type BoolOutput struct {
	nulls
	Values []bool
}

// NewBools makes room for an output of booleans.
func NewBools(b *Batch) BoolOutput {
	return BoolOutput{nulls{rows: b.rows}, zeroed[bool](b.rows)}
}

// Finish adds the output to the batch.
func (o *BoolOutput) Finish(b *Batch) {
	b.scalarColumn(bools(o.Values), o.option())
}

// VariableOutput is an output of strings or bytes. Each row is written once, in order.
type VariableOutput[T variable] struct {
	nulls
	offsets []int32
	data    []byte
}

// variableBytes is the length of a value that there is room for at first.
const variableBytes = 16

// NewVariables makes room for an output of strings or bytes.
func NewVariables[T variable](b *Batch) VariableOutput[T] {
	offsets := allocate[int32](b.rows + 1)
	offsets[0] = 0
	// Longer ones move to Go's heap.
	data := allocate[byte](variableBytes * b.rows)[:0]
	return VariableOutput[T]{nulls{rows: b.rows}, offsets, data}
}

// Set writes a row.
func (o *VariableOutput[T]) Set(row int, value T) {
	o.data = append(o.data, value...)
	o.offsets[row+1] = int32(len(o.data))
}

// Null writes a row as null.
func (o *VariableOutput[T]) Null(row int) {
	o.nulls.Null(row)
	o.offsets[row+1] = int32(len(o.data))
}

// Finish adds the output to the batch.
func (o *VariableOutput[T]) Finish(b *Batch) {
	b.scalarColumn(scalarValues{variableType[T](), listOf(o.offsets), listOf(keep(o.data))}, o.option())
}

// ListOutput is an output of lists. Each row is written once, in order.
type ListOutput[T skewless.Scalar] struct {
	nulls
	offsets  []int32
	elements []T
	// places of elements that are null
	missing []int
}

// NewLists makes room for an output of lists.
func NewLists[T skewless.Scalar](b *Batch) ListOutput[T] {
	offsets := allocate[int32](b.rows + 1)
	offsets[0] = 0
	return ListOutput[T]{nulls: nulls{rows: b.rows}, offsets: offsets}
}

// Set writes a row.
func (o *ListOutput[T]) Set(row int, list []T) {
	o.elements = append(o.elements, list...)
	o.offsets[row+1] = int32(len(o.elements))
}

// SetNullable writes a row; nil is an element that is null.
func (o *ListOutput[T]) SetNullable(row int, list []*T) {
	for _, element := range list {
		if element != nil {
			o.elements = append(o.elements, *element)
			continue
		}
		var empty T
		o.missing = append(o.missing, len(o.elements))
		o.elements = append(o.elements, empty)
	}
	o.offsets[row+1] = int32(len(o.elements))
}

// Null writes a row as null.
func (o *ListOutput[T]) Null(row int) {
	o.nulls.Null(row)
	o.offsets[row+1] = int32(len(o.elements))
}

// Finish adds the output to the batch.
func (o *ListOutput[T]) Finish(b *Batch) {
	column := column{validity: o.option()}
	column.values.lists = true
	lists := column.values.listValues()
	lists.offsets, lists.elements = listOf(o.offsets), scalars(o.elements)
	if o.missing != nil {
		validity := nulls{rows: len(o.elements)}
		for _, element := range o.missing {
			validity.Null(element)
		}
		lists.validity = validity.option()
	}
	b.column(column)
}

// Column adds an output that a transform in the column form returned.
func Column[T skewless.Scalar](b *Batch, values []T, validity skewless.Validity) {
	if !b.fits(len(values)) {
		return
	}
	b.scalarColumn(scalars(values), validityBits(validity, b.rows))
}

// Lists adds an output of lists that a transform in the column form returned.
func Lists[T skewless.Scalar](b *Batch, lists [][]T, validity skewless.Validity) {
	if !b.fits(len(lists)) {
		return
	}
	output := NewLists[T](b)
	for row, list := range lists {
		if validity.Valid(row) {
			output.Set(row, list)
		} else {
			output.Null(row)
		}
	}
	output.Finish(b)
}

// NullableLists adds an output of lists whose elements may be null.
func NullableLists[T skewless.Scalar](b *Batch, lists [][]*T, validity skewless.Validity) {
	if !b.fits(len(lists)) {
		return
	}
	output := NewLists[T](b)
	for row, list := range lists {
		if validity.Valid(row) {
			output.SetNullable(row, list)
		} else {
			output.Null(row)
		}
	}
	output.Finish(b)
}

// fits fails the batch unless as many values were returned as there are rows.
func (b *Batch) fits(returned int) bool {
	if returned != b.rows {
		b.failure = "the transform returned " + strconv.Itoa(returned) + " values for " + strconv.Itoa(b.rows) +
			" rows: return one value a row"
	}
	return returned == b.rows
}

func (b *Batch) scalarColumn(values scalarValues, validity option) {
	column := column{validity: validity}
	*column.values.scalars() = values
	b.column(column)
}

func validityBits(validity skewless.Validity, rows int) option {
	if validity.Complete() {
		return option{}
	}
	given, start := validity.Bits()
	if 8*len(given)-start < rows {
		panic("the validity of an output has fewer bits than there are rows")
	}
	validBits := allocate[byte]((rows + 7) / 8)
	if start&7 == 0 {
		copy(validBits, given[start>>3:])
	} else {
		clear(validBits)
		for row := range rows {
			if validity.Valid(row) {
				validBits[row>>3] |= 1 << (row & 7)
			}
		}
	}
	if rest := rows & 7; rest != 0 {
		// Bits past the last row are zero.
		validBits[len(validBits)-1] &= 1<<rest - 1
	}
	return present(listOf(validBits))
}

// scalars are values as they lie in memory: numbers are used where they are, others are copied.
func scalars[T skewless.Scalar](values []T) scalarValues {
	switch values := any(values).(type) {
	case []bool:
		return bools(values)
	case []int32:
		return numbers(keep(values))
	case []int64:
		return numbers(keep(values))
	case []float32:
		return numbers(keep(values))
	case []float64:
		return numbers(keep(values))
	case []skewless.Timestamp:
		return numbers(keep(values))
	case []string:
		return variables(values)
	case [][]byte:
		return variables(values)
	}
	panic("unreachable: there is no other scalar")
}

func numbers[T number](values []T) scalarValues {
	return scalarValues{scalar: numberType[T](), first: listOf(values)}
}

func bools(values []bool) scalarValues {
	packed := allocate[byte]((len(values) + 7) / 8)
	for i := range packed {
		var eight uint8
		for place, value := range values[i*8 : min(i*8+8, len(values))] {
			if value {
				eight |= 1 << place
			}
		}
		packed[i] = eight
	}
	return scalarValues{scalar: Boolean, first: listOf(packed)}
}

func variables[T variable](values []T) scalarValues {
	length := 0
	for _, value := range values {
		length += len(value)
	}
	offsets, data := allocate[int32](len(values)+1), allocate[byte](length)[:0]
	offsets[0] = 0
	for i, value := range values {
		data = append(data, value...)
		offsets[i+1] = int32(len(data))
	}
	return scalarValues{variableType[T](), listOf(offsets), listOf(data)}
}

func variableType[T variable]() ScalarType {
	var value T
	if unsafe.Sizeof(value) == unsafe.Sizeof("") {
		return String
	}
	return Bytes
}

func numberType[T number]() ScalarType {
	var value T
	switch any(value).(type) {
	case int32:
		return Int32
	case int64:
		return Int64
	case float32:
		return Float32
	case float64:
		return Float64
	}
	return Timestamp
}
