/* The contract's types as they lie in memory at the border of a component: the canonical ABI's layout of
 * `wit/transform.wit`, which for wasm32 is C's layout of these structs. The assertions hold the sizes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the enum `scalar-type`, and of the cases of the variant `scalar-values`. */
typedef enum { BOOLEAN, INT32, INT64, FLOAT32, FLOAT64, STRING, BYTES, TIMESTAMP } ScalarType;

/* A `string` or a `list<u8>`. */
typedef struct {
    uint8_t *data;
    uint32_t length;
} Bytes;

typedef struct {
    uint8_t present;
    Bytes value;
} OptionalBytes;

typedef struct {
    uint8_t is_list;
    uint8_t scalar;
} DataType;

typedef struct {
    Bytes name;
    DataType type;
    uint8_t nullable;
    OptionalBytes logical_type;
    Bytes documentation;
} Field;

typedef struct {
    Field *data;
    uint32_t length;
} Fields;

typedef struct {
    Bytes name;
    Bytes version;
    Bytes documentation;
    Fields inputs;
    Fields outputs;
} Signature;

typedef struct {
    uint8_t type;
    union {
        struct {
            void *data;
            uint32_t length;
        } numbers; /* and the bitmap of booleans, its length in bytes */
        struct {
            int32_t *offsets;
            uint32_t offsets_length;
            uint8_t *data;
            uint32_t data_length;
        } variable;
    };
} ScalarValues;

typedef struct {
    int32_t *offsets;
    uint32_t offsets_length;
    ScalarValues elements;
    OptionalBytes element_validity;
} ListValues;

typedef struct {
    uint8_t is_list;
    union {
        ScalarValues scalars;
        ListValues lists;
    };
    OptionalBytes validity;
} Column;

typedef struct {
    uint32_t row;
    Bytes reason;
} RowFailure;

typedef struct {
    Column *columns;
    uint32_t columns_length;
    RowFailure *failures;
    uint32_t failures_length;
} Output;

typedef struct {
    uint8_t is_error;
    union {
        Output output;
        Bytes error;
    };
} Result;

_Static_assert(sizeof(Field) == 32 && sizeof(Signature) == 40, "layout of a signature");
_Static_assert(sizeof(ScalarValues) == 20 && sizeof(ListValues) == 40, "layout of values");
_Static_assert(sizeof(Column) == 56 && sizeof(Result) == 20, "layout of columns and results");
