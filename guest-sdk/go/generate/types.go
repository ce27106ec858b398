package generate

import (
	"go/ast"
	"go/types"
)

// dataType is a type of the contract, as it is written in Go.
type dataType struct {
	// scalar is what one value, or one element of a list, is written as: `float64`
	scalar   string
	list     bool
	nullable bool
	// pointer says that a value which may be null is written as a pointer
	pointer bool
	// elements says how the elements of a list that is returned are written: `[]*float64` may have nulls
	nullableElements bool
	// column is, in the column form, how the column is written
	column columnType
}

type columnType int

const (
	notColumn columnType = iota
	// plain is a slice: []float64
	plain
	// withNulls is a skewless.Column[float64]
	withNulls
)

// constants are the scalar types of the contract, by how glue names them.
var constants = map[string]string{
	"bool": "Boolean", "int32": "Int32", "int64": "Int64", "float32": "Float32", "float64": "Float64",
	"string": "String", "[]byte": "Bytes", "skewless.Timestamp": "Timestamp",
}

// instead are types that authors write first and the contract doesn't have, each with the one to write.
var instead = map[string]string{
	"int": "int64", "int8": "int32", "int16": "int32", "uint": "int64", "uint8": "int32", "uint16": "int32",
	"uint32": "int64", "uint64": "int64", "byte": "int32", "rune": "string", "time.Time": "skewless.Timestamp",
	"[]uint8": "[]byte", "Timestamp": "skewless.Timestamp",
}

const known = "bool, int32, int64, float32, float64, string, []byte, skewless.Timestamp"

// input reads the type of a parameter.
func (s *source) input(expression ast.Expr, columns bool) (dataType, error) {
	if columns {
		return s.columnOf(expression, s.inputValue)
	}
	if argument := instantiated(expression, "skewless.Column"); argument != nil {
		return dataType{}, s.mistake(expression, "a whole column is the input of a transform with `%s columns`", directive)
	}
	return s.nullable(expression, s.inputValue)
}

// output reads the type of a result, or of a field of a struct that is returned.
func (s *source) output(expression ast.Expr, columns bool) (dataType, error) {
	if columns {
		return s.columnOf(expression, s.outputValue)
	}
	return s.nullable(expression, s.outputValue)
}

func (s *source) columnOf(expression ast.Expr, value func(ast.Expr) (dataType, error)) (dataType, error) {
	if argument := instantiated(expression, "skewless.Column"); argument != nil {
		read, err := value(argument)
		read.column, read.nullable = withNulls, true
		return read, err
	}
	array, ok := expression.(*ast.ArrayType)
	if !ok || array.Len != nil {
		written := types.ExprString(expression)
		return dataType{}, s.mistake(expression,
			"with `%s columns`, write `[]%s`, or `skewless.Column[%s]` where rows may be null", directive, written, written)
	}
	read, err := value(array.Elt)
	read.column = plain
	return read, err
}

func (s *source) nullable(expression ast.Expr, value func(ast.Expr) (dataType, error)) (dataType, error) {
	pointer, ok := expression.(*ast.StarExpr)
	if !ok {
		return value(expression)
	}
	read, err := value(pointer.X)
	read.nullable, read.pointer = true, true
	return read, err
}

// inputValue is a scalar, or a list whose elements may be null.
func (s *source) inputValue(expression ast.Expr) (dataType, error) {
	if element := instantiated(expression, "skewless.List"); element != nil {
		read, err := s.scalar(element)
		read.list = true
		return read, err
	}
	if array, ok := expression.(*ast.ArrayType); ok && !isBytes(expression) {
		element := array.Elt
		if pointer, ok := element.(*ast.StarExpr); ok {
			element = pointer.X
		}
		return dataType{}, s.mistake(expression, "elements of a list may be null: write `skewless.List[%s]`",
			types.ExprString(element))
	}
	return s.scalar(expression)
}

// outputValue is a scalar, or a slice as a list.
func (s *source) outputValue(expression ast.Expr) (dataType, error) {
	if element := instantiated(expression, "skewless.List"); element != nil {
		return dataType{}, s.mistake(expression, "a list that is returned is a slice: write `[]%s`, or `[]*%[1]s` where elements may be null",
			types.ExprString(element))
	}
	array, ok := expression.(*ast.ArrayType)
	if !ok || array.Len != nil || isBytes(expression) {
		return s.scalar(expression)
	}
	element, isPointer := array.Elt, false
	if pointer, ok := array.Elt.(*ast.StarExpr); ok {
		element, isPointer = pointer.X, true
	}
	read, err := s.scalar(element)
	read.list, read.nullableElements = true, isPointer
	return read, err
}

func (s *source) scalar(expression ast.Expr) (dataType, error) {
	written := types.ExprString(expression)
	if _, ok := constants[written]; ok {
		return dataType{scalar: written}, nil
	}
	if better, ok := instead[written]; ok {
		return dataType{}, s.mistake(expression, "`%s` is no type of a feature: write `%s`", written, better)
	}
	return dataType{}, s.mistake(expression, "`%s` is no type of a feature: there are %s, and lists of these", written, known)
}

func isBytes(expression ast.Expr) bool {
	return types.ExprString(expression) == "[]byte"
}

// instantiated is the argument of a generic type with one.
func instantiated(expression ast.Expr, generic string) ast.Expr {
	index, ok := expression.(*ast.IndexExpr)
	if ok && types.ExprString(index.X) == generic {
		return index.Index
	}
	return nil
}
