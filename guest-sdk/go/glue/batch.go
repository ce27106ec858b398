package glue

import "strings"

// Batch is a call: the inputs' columns, and the outputs as far as they are written.
type Batch struct {
	transform *Transform
	rows      int
	inputs    []column
	outputs   []column
	failures  []rowFailure
	failure   string
}

// current is the batch of this call; there is never more than one.
var current Batch

// outcome is what the host reads after the call.
var outcome result

// Rows returns the number of rows.
func (b *Batch) Rows() int {
	return b.rows
}

// FailRow records that a row failed. The generated code also writes its outputs as null.
func (b *Batch) FailRow(row int, err error) {
	reason := strings.ToValidUTF8(err.Error(), "\uFFFD")
	keep([]string{reason})
	b.failures = append(b.failures, rowFailure{uint32(row), text(reason)})
}

// Fail records that the batch failed.
func (b *Batch) Fail(err error) {
	b.failure = err.Error()
	if b.failure == "" {
		b.failure = "the transform returned an error without a text"
	}
}

func (b *Batch) computed() *result {
	outcome = result{first: listOf(b.outputs), failures: listOf(b.failures)}
	return &outcome
}

func (b *Batch) failed(message string) *result {
	message = strings.ToValidUTF8(message, "\uFFFD")
	keep([]string{message})
	outcome = result{failed: true, first: text(message)}
	return &outcome
}

// column adds an output.
func (b *Batch) column(column column) {
	b.outputs = append(b.outputs, column)
}
