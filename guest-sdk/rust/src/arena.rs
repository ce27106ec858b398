//! The memory of small calls.
//!
//! A fresh instance starts from the component's first memory, and the standard allocator begins by asking for more,
//! which costs a host several microseconds a call: more than all the rest of a call with one row. So a part of the first
//! memory is an arena. What fits is put there, one behind the other; when nothing is left in it, it starts from its
//! beginning. What doesn't fit goes to the standard allocator.
#![expect(unsafe_code, reason = "an allocator hands out memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};

const ARENA_BYTES: usize = 64 << 10;

#[global_allocator]
static ALLOCATOR: Arena =
    Arena { memory: Memory(UnsafeCell::new([0; ARENA_BYTES])), end: Cell::new(0), alive: Cell::new(0) };

#[repr(align(64))]
struct Memory(UnsafeCell<[u8; ARENA_BYTES]>);

struct Arena {
    memory: Memory,
    /// where the next value goes
    end: Cell<usize>,
    /// how many values are in it
    alive: Cell<usize>,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Arena {}

impl Arena {
    fn start(&self) -> *mut u8 {
        self.memory.0.get().cast()
    }

    /// Where in the arena `pointer` points; `None` where it points elsewhere.
    fn place(&self, pointer: *mut u8) -> Option<usize> {
        pointer.addr().checked_sub(self.start().addr()).filter(|place| *place < ARENA_BYTES)
    }

    /// Puts a value into the arena, if there is room.
    fn put(&self, layout: Layout) -> Option<*mut u8> {
        let place = self.end.get().checked_next_multiple_of(layout.align())?;
        let end = place.checked_add(layout.size()).filter(|end| *end <= ARENA_BYTES && layout.align() <= 64)?;
        self.end.set(end);
        self.alive.set(self.alive.get() + 1);
        // SAFETY: `place` lies in the arena, and nothing else lies from there on.
        Some(unsafe { self.start().add(place) })
    }
}

// SAFETY: what lies in the arena does not overlap, since `end` only goes back over values that are gone; the rest is the
// standard allocator's.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of `System`.
        self.put(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.put(layout) {
            Some(pointer) => {
                // SAFETY: it has so many bytes. They may hold what lay there before.
                unsafe { pointer.write_bytes(0, layout.size()) };
                pointer
            }
            // SAFETY: the caller's promises are those of `System`.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(place) = self.place(pointer) else {
            // SAFETY: what does not lie in the arena came from `System`.
            return unsafe { System.dealloc(pointer, layout) };
        };
        self.alive.set(self.alive.get() - 1);
        if self.alive.get() == 0 {
            self.end.set(0);
        } else if place + layout.size() == self.end.get() {
            self.end.set(place);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match self.place(pointer) {
            // SAFETY: what does not lie in the arena came from `System`.
            None => unsafe { System.realloc(pointer, layout, size) },
            // The last value grows where it is.
            Some(place) if place + layout.size() == self.end.get() && place + size <= ARENA_BYTES => {
                self.end.set(place + size);
                pointer
            }
            Some(_) => {
                // SAFETY: `size` and the alignment are the caller's promise; old and new value don't overlap.
                unsafe {
                    let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                    if !new.is_null() {
                        new.copy_from_nonoverlapping(pointer, layout.size().min(size));
                        self.dealloc(pointer, layout);
                    }
                    new
                }
            }
        }
    }
}
