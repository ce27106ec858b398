package glue

import "unsafe"

// The types of the contract as they lie in memory, after the canonical ABI of the component model. Go lays structs out
// in the same way; what is a variant there is its number and room for the largest case here.

// list is a list or a text: where its elements begin, and how many there are.
type list struct{ data, count address }

// scalarValues is the variant scalar-values; its numbers are those of [ScalarType].
type scalarValues struct {
	scalar ScalarType
	// numbers and bitmaps are one list; strings and bytes are offsets and data
	first, second list
}

type listValues struct {
	offsets  list
	elements scalarValues
	validity option
}

// values is the variant values: 0 for scalars, 1 for lists.
type values struct {
	lists bool
	// room for the larger case, listValues
	payload [10]address
}

// option is an optional list.
type option struct {
	present bool
	list    list
}

type column struct {
	values   values
	validity option
}

type rowFailure struct {
	row    uint32
	reason list
}

// result is result<output, string>.
type result struct {
	failed bool
	// columns of the output, or the text of the error
	first    list
	failures list
}

type field struct {
	name          list
	list          bool
	scalar        ScalarType
	nullable      bool
	logicalType   option
	documentation list
}

type signature struct {
	name, version, documentation, inputs, outputs list
}

func (v *values) scalars() *scalarValues {
	return (*scalarValues)(unsafe.Pointer(&v.payload))
}

func (v *values) listValues() *listValues {
	return (*listValues)(unsafe.Pointer(&v.payload))
}

// slice is the memory of a list.
func slice[T any](l list) []T {
	if l.count == 0 {
		return nil
	}
	return unsafe.Slice((*T)(l.data.pointer()), int(l.count))
}

// listOf is where a slice lies. The caller keeps it alive.
func listOf[T any](elements []T) list {
	if len(elements) == 0 {
		// Any address that is aligned will do.
		return list{data: 8}
	}
	return list{addressOf(unsafe.Pointer(unsafe.SliceData(elements))), address(len(elements))}
}

// text is where a string lies. The caller keeps it alive.
func text(s string) list {
	return listOf(unsafe.Slice(unsafe.StringData(s), len(s)))
}

func present(l list) option {
	return option{true, l}
}

// describe is the signature in memory. All of it is kept by what is returned and by the signature given.
func (s *Signature) describe() *signature {
	return &signature{
		name:          text(s.Name),
		version:       text(s.Version),
		documentation: text(s.Documentation),
		inputs:        listOf(kept(fields(s.Inputs))),
		outputs:       listOf(kept(fields(s.Outputs))),
	}
}

func fields(described []Field) []field {
	lowered := make([]field, len(described))
	for i, one := range described {
		lowered[i] = field{
			name:          text(one.Name),
			list:          one.Type.List,
			scalar:        one.Type.Scalar,
			nullable:      one.Nullable,
			documentation: text(one.Documentation),
		}
	}
	return lowered
}

// described keeps what describe returned, for ever: signatures don't change.
var described []any

func kept[T any](slice []T) []T {
	described = append(described, slice)
	return slice
}
