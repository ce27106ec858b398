package glue

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"skewless"
)

// The host, played natively: it lowers columns into the arena, calls, and lifts what is returned.

func numbersColumn[T number](values ...T) column {
	memory := allocate[T](len(values))
	copy(memory, values)
	var lowered column
	*lowered.values.scalars() = scalarValues{scalar: numberType[T](), first: listOf(memory)}
	return lowered
}

func stringsColumn(texts ...string) column {
	var lowered column
	*lowered.values.scalars() = variables(texts)
	return lowered
}

func listsColumn(offsets []int32, elements []float64, validity []byte) column {
	var lowered column
	lowered.values.lists = true
	*lowered.values.listValues() = listValues{offsets: listOf(offsets), elements: numbers(elements)}
	if validity != nil {
		lowered.values.listValues().validity = present(listOf(validity))
	}
	return lowered
}

func withValidity(c column, bits ...byte) column {
	c.validity = present(listOf(bits))
	return c
}

// called returns the outputs as text, one a column, with failures behind them.
func called(t *testing.T, transform *Transform, rows int, columns ...column) string {
	t.Helper()
	defer reset()
	outcome := transform.run(rows, columns)
	runtime.GC()
	if outcome.failed {
		return "failed: " + string(slice[byte](outcome.first))
	}
	var parts []string
	for _, output := range slice[column](outcome.first) {
		parts = append(parts, lifted(&output, rows))
	}
	for _, failure := range slice[rowFailure](outcome.failures) {
		parts = append(parts, fmt.Sprintf("row %d: %s", failure.row, slice[byte](failure.reason)))
	}
	return strings.Join(parts, "; ")
}

func lifted(output *column, rows int) string {
	validity := validityOf(output.validity)
	values := make([]string, rows)
	for row := range values {
		switch {
		case !validity.Valid(row):
			values[row] = "null"
		case output.values.lists:
			lists := output.values.listValues()
			offsets := slice[int32](lists.offsets)
			elementValidity := validityOf(lists.validity)
			var elements []string
			for i := offsets[row]; i < offsets[row+1]; i++ {
				if elementValidity.Valid(int(i)) {
					elements = append(elements, liftedScalar(&lists.elements, int(i)))
				} else {
					elements = append(elements, "null")
				}
			}
			values[row] = fmt.Sprint(elements)
		default:
			values[row] = liftedScalar(output.values.scalars(), row)
		}
	}
	return strings.Join(values, " ")
}

func liftedScalar(values *scalarValues, i int) string {
	switch values.scalar {
	case Boolean:
		return fmt.Sprint(BoolColumn{slice[byte](values.first), i + 1}.At(i))
	case Int32:
		return fmt.Sprint(slice[int32](values.first)[i])
	case Int64:
		return fmt.Sprint(slice[int64](values.first)[i])
	case Float32:
		return fmt.Sprint(slice[float32](values.first)[i])
	case Float64:
		return fmt.Sprint(slice[float64](values.first)[i])
	case String, Bytes:
		return fmt.Sprintf("%q", openVariables[string](values).At(i))
	}
	return slice[skewless.Timestamp](values.first)[i].String()
}

func of(apply func(*Batch), inputs ...DataType) *Transform {
	fields := make([]Field, len(inputs))
	for i, input := range inputs {
		fields[i] = Field{Name: fmt.Sprintf("input%d", i), Type: input}
	}
	return &Transform{Apply: apply, Package: "skewless/glue", Signature: Signature{Name: "test", Inputs: fields}}
}

func TestNumbersAreReadWhereTheyLieAndWrittenWithNulls(t *testing.T) {
	transform := of(func(b *Batch) {
		in, valid := Numbers[int64](b, 0), b.Validity(0)
		out := NewNumbers[float64](b)
		for row := range b.Rows() {
			if !valid.Valid(row) || in[row] == 0 {
				out.Null(row)
				continue
			}
			out.Values[row] = 1 / float64(in[row])
		}
		out.Finish(b)
	}, DataType{Scalar: Int64})
	if got := called(t, transform, 4, withValidity(numbersColumn[int64](4, 0, 7, -2), 0b1011)); got != "0.25 null null -0.5" {
		t.Error(got)
	}
	if got := called(t, transform, 9, numbersColumn[int64](1, 1, 1, 1, 1, 1, 1, 1, 0)); got != "1 1 1 1 1 1 1 1 null" {
		t.Error(got)
	}
}

func TestTextsAreReadAndWritten(t *testing.T) {
	transform := of(func(b *Batch) {
		in := Variables[string](b, 0)
		domain, known := NewVariables[string](b), NewBools(b)
		for row := range b.Rows() {
			_, after, found := strings.Cut(in.At(row), "@")
			known.Values[row] = found
			if !found {
				domain.Null(row)
				continue
			}
			domain.Set(row, strings.ToLower(after))
		}
		domain.Finish(b)
		known.Finish(b)
	}, DataType{Scalar: String})
	got := called(t, transform, 4, stringsColumn("a@Example.com", "", "ü@é", "nobody"))
	if got != `"example.com" null "é" null; true false true false` {
		t.Error(got)
	}
}

func TestTextsMayOutgrowTheirRoom(t *testing.T) {
	transform := of(func(b *Batch) {
		out := NewVariables[string](b)
		for row := range b.Rows() {
			out.Set(row, strings.Repeat("é", 20*row))
		}
		out.Finish(b)
	})
	if got := called(t, transform, 3); got != `"" "`+strings.Repeat("é", 20)+`" "`+strings.Repeat("é", 40)+`"` {
		t.Error(got)
	}
}

func TestListsAreReadAndWrittenWithNullElements(t *testing.T) {
	transform := of(func(b *Batch) {
		in := NumberLists[float64](b, 0)
		same, counts := NewLists[float64](b), NewNumbers[int32](b)
		for row := range b.Rows() {
			list := in.At(row)
			var elements []*float64
			for i, value := range list.Values {
				if list.IsNull(i) {
					elements = append(elements, nil)
				} else {
					elements = append(elements, new(value))
				}
			}
			for range list.Present() {
				counts.Values[row]++
			}
			if row == 2 {
				same.Null(row)
			} else {
				same.SetNullable(row, elements)
			}
		}
		same.Finish(b)
		counts.Finish(b)
	}, DataType{List: true, Scalar: Float64})
	got := called(t, transform, 4, listsColumn([]int32{0, 2, 2, 3, 5}, []float64{1, 2, 3, 0, 5}, []byte{0b10111}))
	if got != "[1 2] [] null [null 5]; 2 0 1 1" {
		t.Error(got)
	}
}

func TestColumnsOfEveryTypeAreReturned(t *testing.T) {
	some, others := skewless.ValidityOf([]byte{0xFD}, 0), skewless.ValidityOf([]byte{0, 0b11011000}, 11)
	transform := of(func(b *Batch) {
		Column(b, []bool{true, false}, skewless.Validity{})
		Column(b, []int32{1, 2}, some)
		Column(b, []int64{1, 2}, others)
		Column(b, []float32{1, 2}, some)
		Column(b, []float64{1, 2}, some)
		Column(b, []string{"a", "bc"}, skewless.Validity{})
		Column(b, [][]byte{{1}, nil}, some)
		Column(b, []skewless.Timestamp{0, 1}, some)
		Lists(b, [][]string{{"x", "y"}, nil}, skewless.Validity{})
		Lists(b, [][]bool{nil, {true}}, some)
		NullableLists(b, [][]*int64{{nil, new(int64(3))}, {}}, skewless.Validity{})
	})
	expected := `true false; 1 null; 1 2; 1 null; 1 null; "a" "bc"; "\x01" null; 1970-01-01T00:00:00Z null; ` +
		`["x" "y"] []; [] null; [null 3] []`
	if got := called(t, transform, 2); got != expected {
		t.Error(got)
	}
}

func TestARowFailsAndSparesTheOthers(t *testing.T) {
	transform := of(func(b *Batch) {
		out := NewNumbers[int64](b)
		for row := range b.Rows() {
			if row == 1 {
				b.FailRow(row, errors.New("bad \xff row"))
				out.Null(row)
			}
		}
		out.Finish(b)
	})
	if got := called(t, transform, 3); got != "0 null 0; row 1: bad \uFFFD row" {
		t.Error(got)
	}
	if got := called(t, transform, 1); got != "0" {
		t.Error("the failure of another call is left:", got)
	}
}

func TestABatchFailsWithAReason(t *testing.T) {
	for expected, apply := range map[string]func(*Batch){
		"failed: no model": func(b *Batch) { b.Fail(errors.New("no model")) },
		"failed: the transform returned an error without a text": func(b *Batch) { b.Fail(errors.New("")) },
		"failed: the transform returned 1 values for 2 rows: return one value a row": func(b *Batch) {
			Column(b, []int64{1}, skewless.Validity{})
		},
	} {
		if got := called(t, of(apply), 2); got != expected {
			t.Error(got)
		}
	}
}

func TestAPanicFailsTheBatchAndSaysWhere(t *testing.T) {
	var empty []int
	transform := of(func(b *Batch) { _ = empty[b.Rows()] })
	_, file, line, _ := runtime.Caller(0)
	file = file[strings.LastIndexByte(file, '/')+1:]
	expected := fmt.Sprintf("failed: panic at %s:%d: runtime error: index out of range [2] with length 0", file, line-1)
	if got := called(t, transform, 2); got != expected {
		t.Error(got)
	}
	for expected, panicked := range map[string]any{
		"nothing left": "nothing left", "an error": errors.New("an error"), "7": 7,
		"a value that is no text: panic with a string or an error to have it said here": struct{}{},
	} {
		got := called(t, of(func(*Batch) { panic(panicked) }), 1)
		if !strings.HasPrefix(got, "failed: panic at glue_test.go:") || !strings.HasSuffix(got, ": "+expected) {
			t.Error(got)
		}
	}
}

func TestAnOutputWithTooFewBitsIsRefused(t *testing.T) {
	transform := of(func(b *Batch) { Column(b, make([]bool, 9), skewless.ValidityOf([]byte{0xFF}, 0)) })
	if got := called(t, transform, 9); !strings.HasSuffix(got, "the validity of an output has fewer bits than there are rows") {
		t.Error(got)
	}
}

func TestAColumnOfAnotherTypeIsTheHostsMistake(t *testing.T) {
	transform := of(func(b *Batch) { Numbers[int64](b, 0) }, DataType{Scalar: Int64})
	if got := called(t, transform, 1, numbersColumn(1.5)); !strings.HasSuffix(got, "input `input0` is not a column of the type in the signature") {
		t.Error(got)
	}
	if got := called(t, transform, 1); got != "failed: the host passed another number of columns than the signature has inputs" {
		t.Error(got)
	}
}

func TestACallThatOutgrowsTheArenaKeepsWhatItHas(t *testing.T) {
	defer reset()
	first := allocate[uint64](8)
	first[7] = 42
	large := allocate[uint64](len(firstChunk))
	large[0], large[len(large)-1] = 1, 1
	runtime.GC()
	if first[7] != 42 || len(arena.outgrown) == 0 {
		t.Error(first[7], len(arena.outgrown))
	}
}

func TestASignatureIsLowered(t *testing.T) {
	lowered := (&Signature{Name: "n", Version: "v", Documentation: "d", Outputs: []Field{
		{"o", DataType{List: true, Scalar: Bytes}, true, "what it is"},
	}}).describe()
	runtime.GC()
	output := slice[field](lowered.outputs)[0]
	got := []any{string(slice[byte](lowered.name)), string(slice[byte](output.name)), output.list, output.scalar, output.nullable,
		output.logicalType.present, string(slice[byte](output.documentation)), len(slice[field](lowered.inputs))}
	if expected := []any{"n", "o", true, Bytes, true, false, "what it is", 0}; !reflect.DeepEqual(got, expected) {
		t.Error(got)
	}
}
