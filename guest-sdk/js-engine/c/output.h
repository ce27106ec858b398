/* JavaScript values enter, the contract's columns leave.
 *
 * A value of another type than the signature's is refused, by the SDK, which has the words for it. Nothing is converted
 * silently: an int64 is a bigint, never a number. */
#pragma once

#include "input.h"

/* Values of one scalar type while they are written, one after the other. */
typedef struct {
    ScalarType type;
    uint32_t capacity; /* values there is room for */
    void *numbers;     /* or bits */
    int32_t *offsets;
    uint8_t *data;
    uint32_t data_length, data_capacity;
} Values;

/* An output column while it is written, row after row. */
typedef struct {
    uint32_t index; /* among the outputs */
    const Field *field;
    uint32_t rows;
    uint8_t *validity;
    uint32_t nulls;
    int32_t *list_offsets;
    uint32_t elements;
    uint8_t *element_validity;
    uint32_t element_nulls;
    Values values;
} Builder;

static uint32_t width(ScalarType type)
{
    switch (type) {
    case INT32:
    case FLOAT32:
        return 4;
    case INT64:
    case FLOAT64:
    case TIMESTAMP:
        return 8;
    default:
        return 0;
    }
}

static inline void set_bit(uint8_t *bits, uint32_t index) { bits[index >> 3] |= 1 << (index & 7); }

static void *grown(void *old, size_t old_size, size_t size)
{
    void *memory = arena_zeroed(size);
    return old_size ? memcpy(memory, old, old_size) : memory;
}

static void reserve_values(Values *values, uint32_t capacity)
{
    uint32_t old = values->capacity, bytes = width(values->type);
    if (values->type == STRING || values->type == BYTES)
        values->offsets = grown(values->offsets, old ? 4 * (old + 1) : 0, 4 * ((size_t)capacity + 1));
    else if (values->type == BOOLEAN)
        values->numbers = grown(values->numbers, (old + 7) / 8, ((size_t)capacity + 7) / 8);
    else
        values->numbers = grown(values->numbers, (size_t)old * bytes, (size_t)capacity * bytes);
    values->capacity = capacity;
}

static void append_data(Values *values, const void *bytes, uint32_t length)
{
    uint64_t needed = (uint64_t)values->data_length + length;
    if (needed > INT32_MAX)
        give_up("an output column has more than 2 GiB");
    if (needed > values->data_capacity) {
        uint32_t capacity = needed < 1024 ? 1024 : 2 * (uint32_t)needed;
        values->data = grown(values->data, values->data_length, capacity);
        values->data_capacity = capacity;
    }
    memcpy(values->data + values->data_length, bytes, length);
    values->data_length = needed;
}

static inline void end_value(Values *values, uint32_t index)
{
    if (values->offsets)
        values->offsets[index + 1] = values->data_length;
}

/* Whether the UTF-8 that the engine wrote holds a surrogate, which is no text. */
static bool has_surrogate(const char *text, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        if ((uint8_t)text[i] == 0xed && (uint8_t)text[i + 1] >= 0xa0)
            return true;
    return false;
}

static bool write_string(Values *values, JSValueConst value)
{
    size_t length;
    const char *text;
    if (!JS_IsString(value) || !(text = JS_ToCStringLen(context, &length, value)))
        return false;
    bool well_formed = !has_surrogate(text, length);
    if (well_formed)
        append_data(values, text, length);
    JS_FreeCString(context, text);
    return well_formed;
}

static bool write_bytes(Values *values, JSValueConst value)
{
    size_t length;
    if (JS_GetTypedArrayType(value) != JS_TYPED_ARRAY_UINT8)
        return false;
    const uint8_t *bytes = JS_GetUint8Array(context, &length, value);
    if (!bytes && length)
        return false;
    append_data(values, bytes, length);
    return true;
}

static inline bool write_bigint(int64_t *to, JSValueConst value)
{
    int tag = JS_VALUE_GET_TAG(value);
    if (tag == JS_TAG_SHORT_BIG_INT)
        *to = JS_VALUE_GET_SHORT_BIG_INT(value);
    else if (tag == JS_TAG_BIG_INT && ((JSBigInt *)JS_VALUE_GET_PTR(value))->len * JS_LIMB_BITS <= 64)
        JS_ToBigInt64(context, to, value);
    else
        return false;
    return true;
}

static inline bool write_int32(int32_t *to, JSValueConst value)
{
    if (JS_VALUE_GET_TAG(value) == JS_TAG_INT) {
        *to = JS_VALUE_GET_INT(value);
        return true;
    }
    double number = JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(value)) ? JS_VALUE_GET_FLOAT64(value) : 0.5;
    if (!(number >= INT32_MIN && number <= INT32_MAX))
        return false;
    *to = (int32_t)number;
    return *to == number;
}

static inline bool number(double *to, JSValueConst value)
{
    int tag = JS_VALUE_GET_TAG(value);
    if (tag == JS_TAG_INT)
        *to = JS_VALUE_GET_INT(value);
    else if (JS_TAG_IS_FLOAT64(tag))
        *to = JS_VALUE_GET_FLOAT64(value);
    else
        return false;
    return true;
}

/* Writes a value that is not null. Returns whether it is of the type. */
static inline bool write_scalar(Values *values, uint32_t index, JSValueConst value)
{
    double double_value;
    switch (values->type) {
    case BOOLEAN:
        if (JS_VALUE_GET_TAG(value) != JS_TAG_BOOL)
            return false;
        if (JS_VALUE_GET_BOOL(value))
            set_bit(values->numbers, index);
        return true;
    case INT32:
        return write_int32((int32_t *)values->numbers + index, value);
    case INT64:
    case TIMESTAMP:
        return write_bigint((int64_t *)values->numbers + index, value);
    case FLOAT32:
        if (!number(&double_value, value))
            return false;
        ((float *)values->numbers)[index] = (float)double_value;
        return true;
    case FLOAT64:
        return number((double *)values->numbers + index, value);
    case STRING:
        return write_string(values, value);
    default:
        return write_bytes(values, value);
    }
}

/* Makes room for `more` elements of a list. */
static void reserve_elements(Builder *builder, uint32_t more)
{
    uint64_t needed = (uint64_t)builder->elements + more;
    if (needed > INT32_MAX / 2)
        give_up("an output column has more than 1,073,741,823 elements");
    uint32_t old = builder->values.capacity;
    if (needed <= old)
        return;
    uint32_t capacity = needed < 16 ? 16 : 2 * (uint32_t)needed;
    builder->element_validity = grown(builder->element_validity, (old + 7) / 8, (capacity + 7) / 8);
    reserve_values(&builder->values, capacity);
}

static bool write_element(Builder *builder, JSValueConst element)
{
    uint32_t index = builder->elements;
    if (JS_IsNull(element))
        builder->element_nulls++;
    else if (write_scalar(&builder->values, index, element))
        set_bit(builder->element_validity, index);
    else
        return false;
    end_value(&builder->values, index);
    builder->elements++;
    return true;
}

static bool write_list(Builder *builder, JSValueConst value)
{
    int64_t length;
    if (!(JS_IsArray(value) || JS_GetTypedArrayType(value) >= 0) || JS_GetLength(context, value, &length) < 0 ||
        length > INT32_MAX)
        return false;
    reserve_elements(builder, length);
    for (int64_t i = 0; i < length; i++) {
        JSValue element = JS_GetPropertyInt64(context, value, i);
        bool written = !JS_IsException(element) && write_element(builder, element);
        JS_FreeValue(context, element);
        if (!written)
            return false;
    }
    return true;
}

static Builder new_builder(uint32_t output, uint32_t rows)
{
    const Field *field = &transform.signature.outputs.data[output];
    Builder builder = { .index = output, .field = field, .rows = rows, .values.type = field->type.scalar };
    builder.validity = arena_zeroed((rows + 7) / 8);
    if (field->type.is_list)
        builder.list_offsets = arena_zeroed(4 * ((size_t)rows + 1));
    else
        reserve_values(&builder.values, rows);
    return builder;
}

static void write_null(Builder *builder, uint32_t row)
{
    builder->nulls++;
    if (builder->list_offsets)
        builder->list_offsets[row + 1] = builder->elements;
    else
        end_value(&builder->values, row);
}

/* Has the SDK throw an error about a value that an output can't hold; so does any getter of the author's that threw. */
static bool refuse(uint32_t output, JSValueConst value)
{
    if (JS_HasException(context))
        return false;
    JSValue arguments[] = { JS_NewInt32(context, output), value };
    JS_FreeValue(context, JS_Call(context, transform.refuse, JS_UNDEFINED, 2, arguments));
    if (!JS_HasException(context))
        JS_ThrowTypeError(context, "an output has a value of another type than its own");
    return false;
}

/* Writes a row's value; an exception is pending if it returns false. */
static inline bool write_row(Builder *builder, uint32_t row, JSValueConst value)
{
    if (JS_IsNull(value) && builder->field->nullable) {
        write_null(builder, row);
        return true;
    }
    if (builder->list_offsets) {
        if (!write_list(builder, value))
            return refuse(builder->index, value);
        builder->list_offsets[row + 1] = builder->elements;
    } else {
        if (!write_scalar(&builder->values, row, value))
            return refuse(builder->index, value);
        end_value(&builder->values, row);
    }
    set_bit(builder->validity, row);
    return true;
}

static ScalarValues finish_values(const Values *values, uint32_t count)
{
    ScalarValues finished = { .type = values->type };
    if (values->type == STRING || values->type == BYTES) {
        static int32_t none[1];
        finished.variable.offsets = values->offsets ? values->offsets : none;
        finished.variable.offsets_length = count + 1;
        finished.variable.data = values->data;
        finished.variable.data_length = values->data_length;
    } else {
        finished.numbers.data = values->numbers;
        finished.numbers.length = values->type == BOOLEAN ? (count + 7) / 8 : count;
    }
    return finished;
}

static OptionalBytes bitmap(uint8_t *bits, uint32_t count, uint32_t nulls)
{
    return (OptionalBytes){ nulls > 0, { bits, (count + 7) / 8 } };
}

static Column finish(const Builder *builder)
{
    Column column = { .validity = bitmap(builder->validity, builder->rows, builder->nulls) };
    if (!builder->list_offsets) {
        column.scalars = finish_values(&builder->values, builder->rows);
        return column;
    }
    column.is_list = 1;
    column.lists = (ListValues){
        .offsets = builder->list_offsets,
        .offsets_length = builder->rows + 1,
        .elements = finish_values(&builder->values, builder->elements),
        .element_validity = bitmap(builder->element_validity, builder->elements, builder->element_nulls),
    };
    return column;
}
