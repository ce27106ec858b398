// Package glue is what the generated main package of a transform calls. Authors need nothing of it.
//
// The host lowers a batch into the guest's memory as the component model lays it out ([column] and the types beside it
// mirror wit/transform.wit, field by field). A [Batch] opens the columns as slices of that very memory; the generated
// loop reads them and writes outputs; what is returned points at the outputs. No number is copied on its way.
//
// What must stay true: memory that the host sees is reachable from a package variable until the next call begins, since
// the garbage collector, which moves nothing, doesn't see the host's addresses. Only exports_wasm.go, compiled for
// WebAssembly alone, knows of components; the rest is tested natively, where an address has 64 bits instead of 32.
package glue

// Transform is a transform as the generated code describes it.
type Transform struct {
	Signature Signature
	// Apply computes the outputs of a batch; it fails by [Batch.Fail] or by a panic.
	Apply func(*Batch)
	// Package is the path of the author's package: the place of a panic is looked for there.
	Package string
}

// Signature is what a transform takes and yields.
type Signature struct {
	Name, Version, Documentation string
	Inputs, Outputs              []Field
}

// Field is one input or output.
type Field struct {
	Name          string
	Type          DataType
	Nullable      bool
	Documentation string
}

// DataType is the type of a column.
type DataType struct {
	List   bool
	Scalar ScalarType
}

// ScalarType is the type of one value that is not a list. The order is that of the contract.
type ScalarType uint8

// The scalar types of the contract.
const (
	Boolean ScalarType = iota
	Int32
	Int64
	Float32
	Float64
	String
	Bytes
	Timestamp
)

// run computes a batch; what it returns stays until the next call begins.
func (t *Transform) run(rows int, columns []column) *result {
	batch := &current
	outputs := allocate[column](len(t.Signature.Outputs))[:0]
	*batch = Batch{rows: rows, inputs: columns, transform: t, outputs: outputs, failures: batch.failures[:0]}
	if message := batch.apply(); message != "" {
		return batch.failed(message)
	}
	return batch.computed()
}

// apply returns why the batch failed, if it did.
func (b *Batch) apply() (message string) {
	defer func() {
		if panicked := recover(); panicked != nil {
			message = describePanic(panicked, b.transform.Package)
		}
	}()
	if len(b.inputs) != len(b.transform.Signature.Inputs) {
		return "the host passed another number of columns than the signature has inputs"
	}
	b.transform.Apply(b)
	return b.failure
}
