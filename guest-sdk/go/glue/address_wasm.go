package glue

import "unsafe"

// address is a place in the guest's memory, which the host sees.
type address uint32

func (a address) pointer() unsafe.Pointer {
	return unsafe.Pointer(uintptr(a))
}

func addressOf(pointer unsafe.Pointer) address {
	return address(uintptr(pointer))
}
