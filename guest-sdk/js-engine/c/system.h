/* What the C library needs of an operating system, answered without one, and the memory of a call.
 *
 * The linker takes these before it looks into the C library's archive, so that nothing of WASI is linked. The clock
 * stands still, the time zone is UTC, and standard output is nowhere: the script's `console` has its own way out. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "contract.h"

/* The one import: text for the host, which keeps the first 16 KiB of a call. */
__attribute__((import_module("skewless:transform/diagnostics@0.1.0"), import_name("write")))
void diagnostics_write(const uint8_t *message, uint32_t length);

_Noreturn static void give_up(const char *message)
{
    diagnostics_write((const uint8_t *)message, strlen(message));
    __builtin_trap();
}

_Noreturn void abort(void) { give_up("the JavaScript engine gave up"); }

_Noreturn void __assert_fail(const char *condition, const char *file, int line, const char *function)
{
    (void)file, (void)line, (void)function;
    give_up(condition);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    *now = (struct timeval){ 0 };
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){ 0 };
    return 0;
}

/* The engine asks for the offset to UTC alone. */
struct tm *localtime_r(const time_t *restrict instant, struct tm *restrict local)
{
    (void)instant;
    *local = (struct tm){ 0 };
    return local;
}

/* The back ends of standard output, with the signatures that the C library expects. */
size_t __stdio_write(FILE *file, const unsigned char *bytes, size_t length) { (void)file, (void)bytes; return length; }
size_t __stdout_write(FILE *file, const unsigned char *bytes, size_t length) { (void)file, (void)bytes; return length; }
off_t __stdio_seek(FILE *file, off_t offset, int whence) { (void)file, (void)offset, (void)whence; return -1; }
int __stdio_close(FILE *file) { (void)file; return 0; }

/* Memory that lives as long as a call: what the host passes in, and what is passed back. Small calls stay within
 * `first`; larger ones take blocks from the heap, which `arena_reset` gives back. */
#define FIRST_BYTES 16384
#define BLOCK_BYTES_MIN (256u << 10)

typedef struct Block {
    struct Block *next;
    _Alignas(16) uint8_t bytes[];
} Block;

static _Alignas(16) uint8_t first[FIRST_BYTES];
static Block *blocks;
static uint8_t *arena_next = first, *arena_end = first + FIRST_BYTES;

static void *arena_allocate(size_t size)
{
    if (size > UINT32_MAX - 64)
        give_up("a call asks for more memory than there can be");
    size = (size + 15) & ~(size_t)15;
    if (size > (size_t)(arena_end - arena_next)) {
        size_t capacity = size > BLOCK_BYTES_MIN ? size : BLOCK_BYTES_MIN;
        Block *block = malloc(sizeof(Block) + capacity);
        if (!block)
            give_up("out of memory");
        block->next = blocks;
        blocks = block;
        arena_next = block->bytes;
        arena_end = block->bytes + capacity;
    }
    void *memory = arena_next;
    arena_next += size;
    return memory;
}

static void *arena_zeroed(size_t size) { return memset(arena_allocate(size), 0, size); }

static Bytes arena_copy(const void *data, size_t length)
{
    return (Bytes){ memcpy(arena_allocate(length), data, length), length };
}

static void arena_reset(void)
{
    while (blocks) {
        Block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
    arena_next = first;
    arena_end = first + FIRST_BYTES;
}

/* Where the host puts what it passes. It never grows what it asked for. */
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t new_size)
{
    (void)alignment;
    void *memory = arena_allocate(new_size);
    return old ? memcpy(memory, old, old_size < new_size ? old_size : new_size) : memory;
}
