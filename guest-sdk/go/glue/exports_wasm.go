package glue

import (
	"runtime"
	"unsafe"
)

// The border to the host: the exports that every component has.

// served is the transform of this component.
var served *Transform

// lowered is its signature in memory.
var lowered *signature

// finished says that the last call has returned, so its memory can be taken back once the host asks for more.
var finished bool

// Serve makes a transform that of this component. The generated code calls it before the first export is called.
func Serve(transform *Transform) {
	served = transform
	lowered = transform.Signature.describe()
}

// cabiRealloc gives the host memory to lower inputs into. It never grows what it gave, since nobody asks for that with
// lists whose length is known.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, _, newSize uint32) unsafe.Pointer {
	if finished {
		reset()
		finished = false
	}
	memory := allocateBytes(int(newSize))
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(memory), newSize), unsafe.Slice((*byte)(old), oldSize))
	}
	return memory
}

// describe is what `skewless build` calls before it takes the snapshot that every instance starts from.
//
//go:wasmexport describe
func describe() unsafe.Pointer {
	if !started {
		started = true
		settle()
	}
	return unsafe.Pointer(lowered)
}

var started bool

// settle collects the garbage of the start, so that the snapshot is small and the first collection far. Then it
// allocates something of each small size: a collection leaves the allocator without memory at hand, and to fetch some
// touches three times as many pages as to use it, which every fresh instance would pay for.
func settle() {
	runtime.GC()
	for size := 8; size <= 1024; size += 8 {
		settled = make([]byte, size)
		settledPointers = make([]*byte, size/8)
	}
	settled, settledPointers = nil, nil
}

var (
	settled         []byte
	settledPointers []*byte
)

//go:wasmexport apply
func apply(rows uint32, columns unsafe.Pointer, count uint32) unsafe.Pointer {
	if finished {
		// No input, so the host asked for no memory.
		reset()
	}
	outcome := served.run(int(rows), unsafe.Slice((*column)(columns), count))
	finished = true
	return unsafe.Pointer(outcome)
}
