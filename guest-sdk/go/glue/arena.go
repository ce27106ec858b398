package glue

import "unsafe"

// arena is the memory of one call: what the host lowers into it, and the outputs. It is given out from the front to the
// back and taken back as a whole when the next call begins.
//
// It starts in a package variable, outside the collector's heap and all zero, so that it costs the component no byte
// and an instance only the pages that a call touches. It takes a batch of 8,192 rows of four numbers.
var arena = struct {
	chunk []uint64
	used  int
	// chunks that were too small for this call
	outgrown [][]uint64
	// Go memory that the host reads after the call
	kept []unsafe.Pointer
}{chunk: firstChunk[:]}

var firstChunk [512 << 10 / 8]uint64

// allocate returns memory for count values of T, which hold anything.
func allocate[T any](count int) []T {
	var t T
	return unsafe.Slice((*T)(allocateBytes(count*int(unsafe.Sizeof(t)))), count)
}

// zeroed returns memory for count values of T, which are zero.
func zeroed[T any](count int) []T {
	memory := allocate[T](count)
	clear(memory)
	return memory
}

// allocateBytes returns memory that is aligned to 8 bytes.
func allocateBytes(size int) unsafe.Pointer {
	words := (size + 7) / 8
	if words > len(arena.chunk)-arena.used {
		arena.outgrown = append(arena.outgrown, arena.chunk)
		// A chunk that the next call finds large enough, if that is like this one.
		arena.chunk, arena.used = make([]uint64, 2*(len(arena.chunk)+words)), 0
	}
	if words == 0 {
		return unsafe.Pointer(&arena.chunk[0])
	}
	memory := unsafe.Pointer(&arena.chunk[arena.used])
	arena.used += words
	return memory
}

// reset takes all memory back.
func reset() {
	arena.used = 0
	clear(arena.outgrown)
	arena.outgrown = arena.outgrown[:0]
	clear(arena.kept)
	arena.kept = arena.kept[:0]
}

// keep keeps Go memory until the next call begins.
func keep[T any](slice []T) []T {
	if len(slice) > 0 {
		arena.kept = append(arena.kept, unsafe.Pointer(unsafe.SliceData(slice)))
	}
	return slice
}
