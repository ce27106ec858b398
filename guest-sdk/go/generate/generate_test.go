package generate

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// described reads the transform in a file.
func described(t *testing.T, file string) (*transform, error) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "author.go"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := read(folder)
	if err != nil {
		return nil, err
	}
	var function *ast.FuncDecl
	if function, err = source.transform(); err != nil {
		return nil, err
	}
	return source.describe(function)
}

const author = `// Package author is an example.
package author

import "skewless"

// RunwayWind is the wind as a plane on the runway meets it.
type RunwayWind struct {
	// Headwind is the wind against the direction of take-off.
	Headwind float64
	Gusts    *[]float64 // Gusts of the last hour.
	Label    string
}

// WindOnRunway splits the wind.
//
// It has a second paragraph.
//
//skewless:transform version=1.2.0
func WindOnRunway(
	// Direction it comes from,
	// in degrees.
	direction float64,
	speedKmH *float64, // Its speed.
	userID string, recent skewless.List[int32], // Which is which.
	at skewless.Timestamp,
) (*RunwayWind, error) {
	return nil, nil
}
`

func TestSignaturesComeFromFunctions(t *testing.T) {
	read, err := described(t, author)
	if err != nil {
		t.Fatal(err)
	}
	if got := read.signature("author"); got != `var transform = glue.Transform{
	Signature: glue.Signature{
		Name: "wind_on_runway",
		Version: "1.2.0",
		Documentation: "wind_on_runway splits the wind.\n\nIt has a second paragraph.",
		Inputs: []glue.Field{
			{"direction", glue.DataType{false, glue.Float64}, false, "Direction it comes from,\nin degrees."},
			{"speed_km_h", glue.DataType{false, glue.Float64}, true, "Its speed."},
			{"user_id", glue.DataType{false, glue.String}, false, ""},
			{"recent", glue.DataType{true, glue.Int32}, false, "Which is which."},
			{"at", glue.DataType{false, glue.Timestamp}, false, ""},
		},
		Outputs: []glue.Field{
			{"headwind", glue.DataType{false, glue.Float64}, true, "headwind is the wind against the direction of take-off."},
			{"gusts", glue.DataType{true, glue.Float64}, true, "gusts of the last hour."},
			{"label", glue.DataType{false, glue.String}, true, ""},
		},
	},
	Apply: apply,
	Package: "author",
}
` {
		t.Error(got)
	}
}

func TestARowAtATimeIsALoop(t *testing.T) {
	read, err := described(t, author)
	if err != nil {
		t.Fatal(err)
	}
	source, err := read.write("example.com/author")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func apply")
	if body != `(batch *glue.Batch) {
	rows := batch.Rows()
	in0 := glue.Numbers[float64](batch, 0)[:rows]
	in1 := glue.Numbers[float64](batch, 1)[:rows]
	valid1 := batch.Validity(1)
	in2 := glue.Variables[string](batch, 2)
	in3 := glue.NumberLists[int32](batch, 3)
	in4 := glue.Numbers[skewless.Timestamp](batch, 4)[:rows]
	out0 := glue.NewNumbers[float64](batch)
	values0 := out0.Values[:rows]
	out1 := glue.NewLists[float64](batch)
	out2 := glue.NewVariables[string](batch)
	for row := range rows {
		var argument1 *float64
		if valid1.Valid(row) {
			argument1 = &in1[row]
		}
		returned, err := author.WindOnRunway(in0[row], argument1, in2.At(row), in3.At(row), in4[row])
		if err != nil {
			batch.FailRow(row, err)
			out0.Null(row)
			out1.Null(row)
			out2.Null(row)
			continue
		}
		if returned == nil {
			out0.Null(row)
			out1.Null(row)
			out2.Null(row)
			continue
		}
		values0[row] = returned.Headwind
		if returned.Gusts == nil {
			out1.Null(row)
		} else {
			out1.Set(row, *returned.Gusts)
		}
		out2.Set(row, returned.Label)
	}
	out0.Finish(batch)
	out1.Finish(batch)
	out2.Finish(batch)
}
` {
		t.Error(body)
	}
}

func TestWholeColumnsAreOneCall(t *testing.T) {
	read, err := described(t, `package author

import "skewless"

//skewless:transform columns name=trend
func DelayTrend(delays skewless.Column[skewless.List[float64]], ids []string) (mean skewless.Column[float64], tags [][]string, err error) {
	return
}
`)
	if err != nil {
		t.Fatal(err)
	}
	if read.name != "trend" || read.outputs[0].dataType.nullable != true || read.outputs[1].dataType.nullable {
		t.Errorf("%+v", read)
	}
	if got := read.body(); got != `rows := batch.Rows()
in0 := glue.NumberLists[float64](batch, 0)
valid0 := batch.Validity(0)
in1 := glue.Variables[string](batch, 1)
result0, result1, err := author.DelayTrend(skewless.Column[skewless.List[float64]]{Values: in0.All(), Validity: valid0}, in1.All())
if err != nil {
batch.Fail(err)
return
}
_ = rows
glue.Column(batch, result0.Values, result0.Validity)
glue.Lists(batch, result1, skewless.Validity{})
` {
		t.Error(got)
	}
}

func TestAValueMayBeFollowedByOk(t *testing.T) {
	read, err := described(t, `package author

// Ratio is a ratio.
//
//skewless:transform
func Ratio(a float64, flag *bool) (share float64, ok bool) { return a, true }
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.outputs) != 1 || !read.outputs[0].dataType.nullable || read.outputs[0].documentation != "share is a ratio." {
		t.Errorf("%+v", read.outputs)
	}
	if body := read.body(); !strings.Contains(body, "result0, ok := author.Ratio(in0[row], argument1)\nif !ok {\nout0.Null(row)\ncontinue\n}\n") {
		t.Error(body)
	}
}

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	for source, expected := range map[string]string{
		"func F(a int) float64 { return 0 }":                             "author.go:4:10: `int` is no type of a feature: write `int64`",
		"func F(a time.Time) float64 { return 0 }":                       "author.go:4:10: `time.Time` is no type of a feature: write `skewless.Timestamp`",
		"func F(a *uint8) float64 { return 0 }":                          "author.go:4:11: `uint8` is no type of a feature: write `int32`",
		"func F(a map[string]int) float64 { return 0 }":                  "author.go:4:10: `map[string]int` is no type of a feature: there are bool, int32, int64, float32, float64, string, []byte, skewless.Timestamp, and lists of these",
		"func F(a []float64) float64 { return 0 }":                       "author.go:4:10: elements of a list may be null: write `skewless.List[float64]`",
		"func F(a skewless.Column[bool]) bool { return 0 }":              "author.go:4:10: a whole column is the input of a transform with `//skewless:transform columns`",
		"func F(float64) float64 { return 0 }":                           "author.go:4:8: give the input a name: `name type`",
		"func F(a ...float64) float64 { return 0 }":                      "author.go:4:8: a transform takes a fixed number of inputs",
		"func F(größe float64) float64 { return 0 }":                     "author.go:4:8: `größe` can't be the name of an input: use letters, digits and `_`, a letter first, at most 64 bytes",
		"func F(a float64) {}":                                           "author.go:4:1: a transform returns its outputs: add a result, such as `float64`",
		"func F(a float64) error { return nil }":                         "author.go:4:1: a transform returns its outputs: add a result before the error, such as `float64`",
		"func F(a float64) (float64, bool) { return 0 }":                 "author.go:4:20: name the outputs: `(headwind, crosswind float64)`, or return a struct with a field for each",
		"func F(a float64) (x, X float64) { return 0 }":                  "author.go:4:20: two outputs are named `x`",
		"func F(a float64) skewless.List[bool] { return }":               "author.go:4:19: a list that is returned is a slice: write `[]bool`, or `[]*bool` where elements may be null",
		"func f(a float64) float64 { return 0 }":                         "author.go:4:1: `f` isn't exported: begin its name with a capital letter",
		"func (t T) F(a float64) float64 { return 0 }":                   "author.go:4:1: a transform is a function, not a method",
		"func F[T any](a T) float64 { return 0 }":                        "author.go:4:1: a transform can't be generic: each input and output has one type",
		"type T struct{}":                                                "author.go:3:1: `//skewless:transform` belongs directly above a function",
		"func F(a float64) S { return S{} }\ntype S struct{ a float64 }": "author.go:5:16: field `a` isn't exported: begin its name with a capital letter",
		"func F(a float64) S { return S{} }\ntype S struct{}":            "author.go:5:8: the struct has no field, and a transform has at least one output",
	} {
		_, err := described(t, "package author\n\n//skewless:transform\n"+source+"\n")
		if err == nil {
			t.Errorf("%s: no mistake", source)
			continue
		}
		message := err.Error()
		if _, after, found := strings.Cut(message, "author.go"); found {
			message = "author.go" + after
		}
		if message != expected {
			t.Errorf("%s:\n     %s\nnot  %s", source, message, expected)
		}
	}
}

func TestMistakesInDirectives(t *testing.T) {
	for source, expected := range map[string]string{
		"package author\n\n//skewless:transform rows\nfunc F(a bool) bool { return a }\n":                                                      "author.go:3:1: unknown argument `rows`: there are `columns`, `name=…` and `version=…`",
		"package author\n\nimport \"C\"\n":                                                                                                     "no Go file can be compiled for wasip1 without cgo; left out: author.go",
		"package main\n\n//skewless:transform\nfunc F(a bool) bool { return a }\n":                                                             "author.go:4:1: package main can't be called: give the package another name",
		"package author\n\n//skewless:transform columns\nfunc F(a bool) []bool { return nil }\n":                                               "author.go:4:10: with `//skewless:transform columns`, write `[]bool`, or `skewless.Column[bool]` where rows may be null",
		"package author\n\n//skewless:transform\nfunc F(a bool) bool { return a }\n\n//skewless:transform\nfunc G(a bool) bool { return a }\n": "author.go:7:1: a package holds one transform, and `F` is one too: give each a folder",
	} {
		_, err := described(t, source)
		if err == nil || !strings.HasSuffix(err.Error(), expected) {
			t.Errorf("%s:\n     %v\nnot  %s", source, err, expected)
		}
	}
	if _, err := described(t, "package author\n"); err == nil || !strings.Contains(err.Error(), "has the line `//skewless:transform` above it") {
		t.Error(err)
	}
}

func TestSymbolsAreEscapedAsGoDoes(t *testing.T) {
	for path, expected := range map[string]string{
		"transforms/x_y": "transforms/x_y", "example.com/a/v1.2": "example.com/a/v1%2e2", "plain": "plain",
	} {
		if got := symbols(path); got != expected {
			t.Error(got)
		}
	}
}

func TestNamesAreThoseOfFeatures(t *testing.T) {
	for name, expected := range map[string]string{
		"SpendPerOrder": "spend_per_order", "userID": "user_id", "HTTPCode": "http_code", "x": "x", "purchases_7d": "purchases_7d",
		"Purchases7d": "purchases7d", "AvgSpend7D": "avg_spend7d", "URL": "url",
	} {
		if got := snakeCase(name); got != expected {
			t.Errorf("%s: %s, not %s", name, got, expected)
		}
	}
}
