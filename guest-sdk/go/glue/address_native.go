//go:build !wasm

package glue

import "unsafe"

// address is a place in memory. Natively, tests play the host.
type address uintptr

func (a address) pointer() unsafe.Pointer {
	// Written so, since a native collector never moves what tests have kept alive.
	return *(*unsafe.Pointer)(unsafe.Pointer(&a))
}

func addressOf(pointer unsafe.Pointer) address {
	return address(uintptr(pointer))
}
