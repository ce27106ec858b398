/* Values of the contract's columns enter, JavaScript values leave. */
#pragma once

#include "transform.h"

static inline bool bit(const uint8_t *bits, uint32_t index) { return bits[index >> 3] >> (index & 7) & 1; }

static inline bool is_valid(const OptionalBytes *validity, uint32_t index)
{
    return !validity->present || bit(validity->value.data, index);
}

static JSValue scalar_value(const ScalarValues *values, uint32_t index)
{
    const void *data = values->numbers.data;
    switch (values->type) {
    case BOOLEAN:
        return JS_NewBool(context, bit(data, index));
    case INT32:
        return JS_NewInt32(context, ((const int32_t *)data)[index]);
    case INT64:
    case TIMESTAMP:
        return JS_NewBigInt64(context, ((const int64_t *)data)[index]);
    case FLOAT32:
        return JS_NewFloat64(context, ((const float *)data)[index]);
    case FLOAT64:
        return JS_NewFloat64(context, ((const double *)data)[index]);
    default: {
        int32_t start = values->variable.offsets[index], end = values->variable.offsets[index + 1];
        const uint8_t *bytes = values->variable.data + start;
        return values->type == STRING ? JS_NewStringLen(context, (const char *)bytes, end - start)
                                      : JS_NewUint8ArrayCopy(context, bytes, end - start);
    }
    }
}

/* An array of the list's elements, null where one is null. */
static JSValue list_value(const ListValues *lists, uint32_t row)
{
    int32_t start = lists->offsets[row], length = lists->offsets[row + 1] - start;
    JSValue array = JS_NewArray(context);
    if (JS_IsException(array) || !length)
        return array;
    JSObject *object = JS_VALUE_GET_OBJ(array);
    if (expand_fast_array(context, object, length) < 0)
        goto failed;
    for (int32_t i = 0; i < length; i++) {
        bool valid = is_valid(&lists->element_validity, start + i);
        JSValue element = valid ? scalar_value(&lists->elements, start + i) : JS_NULL;
        if (JS_IsException(element))
            goto failed;
        object->u.array.u.values[i] = element;
        object->u.array.count = i + 1;
    }
    object->prop[0].u.value = JS_NewInt32(context, length);
    return array;
failed:
    JS_FreeValue(context, array);
    return JS_EXCEPTION;
}

/* The value of a row; null where it is null. */
static inline JSValue input_value(const Column *column, uint32_t row)
{
    if (!is_valid(&column->validity, row))
        return JS_NULL;
    return column->is_list ? list_value(&column->lists, row) : scalar_value(&column->scalars, row);
}
