/* The column form: the author's function is called once a batch, with typed arrays over the host's columns.
 *
 * The arrays see the call's memory itself. When the call ends they are detached, so that a script that kept one finds it
 * empty, never filled with what another call left there. */
#pragma once

#include "output.h"

#define BUFFERS_MAX 5 /* of a column: offsets, values or data, validity, and a list's own offsets and validity */

static JSValue *buffers;
static uint32_t buffers_length;

static JSValue buffer(const void *data, size_t length)
{
    JSValue value = JS_NewArrayBuffer(context, (uint8_t *)data, length, 0, NULL, NULL, false);
    if (JS_IsException(value))
        return value;
    /* Inputs can be read only, and not be moved to where `detach_buffers` would miss them. */
    ((JSArrayBuffer *)JS_GetOpaque(value, JS_CLASS_ARRAY_BUFFER))->immutable = true;
    buffers[buffers_length++] = JS_DupValue(context, value);
    return value;
}

static JSValue optional_buffer(const OptionalBytes *bytes)
{
    return bytes->present ? buffer(bytes->value.data, bytes->value.length) : JS_UNDEFINED;
}

static void set(JSValueConst object, const char *name, JSValue value)
{
    JS_SetPropertyStr(context, object, name, value);
}

/* The buffers of scalar values: `values`, or `offsets` and `data`. */
static void set_scalars(JSValueConst raw, const ScalarValues *scalars)
{
    if (scalars->type == STRING || scalars->type == BYTES) {
        set(raw, "offsets", buffer(scalars->variable.offsets, (size_t)scalars->variable.offsets_length * 4));
        set(raw, "data", buffer(scalars->variable.data, scalars->variable.data_length));
        return;
    }
    size_t bytes = scalars->type == BOOLEAN ? 1 : width(scalars->type);
    set(raw, "values", buffer(scalars->numbers.data, scalars->numbers.length * bytes));
}

static JSValue raw_column(const Column *column)
{
    JSValue raw = JS_NewObject(context);
    set(raw, "validity", optional_buffer(&column->validity));
    if (!column->is_list) {
        set_scalars(raw, &column->scalars);
        return raw;
    }
    JSValue elements = JS_NewObject(context);
    set(elements, "validity", optional_buffer(&column->lists.element_validity));
    set_scalars(elements, &column->lists.elements);
    set(raw, "offsets", buffer(column->lists.offsets, (size_t)column->lists.offsets_length * 4));
    set(raw, "elements", elements);
    return raw;
}

/* The function's argument, made by the SDK of the buffers of all columns. */
static JSValue open_columns(uint32_t rows, const Column *columns)
{
    uint32_t inputs = transform.signature.inputs.length;
    buffers = arena_allocate(inputs * BUFFERS_MAX * sizeof(JSValue));
    buffers_length = 0;
    JSValue raw = JS_NewArray(context);
    for (uint32_t i = 0; i < inputs; i++)
        JS_SetPropertyUint32(context, raw, i, raw_column(&columns[i]));
    JSValue arguments[] = { JS_NewUint32(context, rows), raw };
    JSValue opened = JS_Call(context, transform.open, JS_UNDEFINED, 2, arguments);
    JS_FreeValue(context, raw);
    return opened;
}

static void detach_buffers(void)
{
    for (uint32_t i = 0; i < buffers_length; i++) {
        JS_DetachArrayBuffer(context, buffers[i]);
        JS_FreeValue(context, buffers[i]);
    }
    buffers_length = 0;
}

/* The typed array that holds a type's numbers as the contract does; -1 if there is none. */
static int typed_array_of(ScalarType type)
{
    switch (type) {
    case INT32:
        return JS_TYPED_ARRAY_INT32;
    case INT64:
    case TIMESTAMP:
        return JS_TYPED_ARRAY_BIG_INT64;
    case FLOAT32:
        return JS_TYPED_ARRAY_FLOAT32;
    case FLOAT64:
        return JS_TYPED_ARRAY_FLOAT64;
    default:
        return -1;
    }
}

/* Copies a typed array that lies as the column does, but for the rows that `validity` says are null. */
static void copy_numbers(Builder *builder, JSValueConst values, const uint8_t *validity)
{
    JSObject *object = JS_VALUE_GET_OBJ(values);
    uint32_t bytes = width(builder->values.type);
    memcpy(builder->values.numbers, object->u.array.u.ptr, (size_t)builder->rows * bytes);
    for (uint32_t row = 0; row < builder->rows; row++) {
        if (!validity || bit(validity, row)) {
            set_bit(builder->validity, row);
        } else {
            memset((uint8_t *)builder->values.numbers + (size_t)row * bytes, 0, bytes);
            builder->nulls++;
        }
    }
}

/* Writes one output, of which the SDK has made an array of as many values as there are rows. */
static bool write_column(Builder *builder, JSValueConst values, JSValueConst validity_array)
{
    size_t length;
    const uint8_t *validity = JS_IsUndefined(validity_array) ? NULL : JS_GetUint8Array(context, &length, validity_array);
    int wanted = builder->field->type.is_list ? -1 : typed_array_of(builder->values.type);
    if (wanted >= 0 && JS_GetTypedArrayType(values) == wanted) {
        copy_numbers(builder, values, validity);
        return true;
    }
    for (uint32_t row = 0; row < builder->rows; row++) {
        JSValue value = validity && !bit(validity, row) ? JS_NULL : JS_GetPropertyUint32(context, values, row);
        bool written = !JS_IsException(value) && write_row(builder, row, value);
        JS_FreeValue(context, value);
        if (!written)
            return false;
    }
    return true;
}

static bool write_columns(uint32_t rows, JSValueConst result, Output *output)
{
    JSValue arguments[] = { JS_NewUint32(context, rows), result };
    JSValue closed = JS_Call(context, transform.close, JS_UNDEFINED, 2, arguments);
    if (JS_IsException(closed))
        return false;
    uint32_t outputs = transform.signature.outputs.length;
    output->columns = arena_allocate(outputs * sizeof(Column));
    output->columns_length = outputs;
    bool done = true;
    for (uint32_t i = 0; done && i < outputs; i++) {
        Builder builder = new_builder(i, rows);
        JSValue column = JS_GetPropertyUint32(context, closed, i);
        JSValue values = get(column, "values"), validity = get(column, "validity");
        done = write_column(&builder, values, validity);
        output->columns[i] = finish(&builder);
        JS_FreeValue(context, validity);
        JS_FreeValue(context, values);
        JS_FreeValue(context, column);
    }
    JS_FreeValue(context, closed);
    return done;
}

/* Calls the function once. Returns false with an exception pending. */
static bool apply_columns(uint32_t rows, const Column *columns, Output *output)
{
    JSValue arguments[] = { open_columns(rows, columns), JS_NewUint32(context, rows) };
    JSValue result = JS_EXCEPTION;
    if (!JS_IsException(arguments[0]))
        result = JS_Call(context, transform.function, JS_UNDEFINED, 2, arguments);
    bool done = !JS_IsException(result) && write_columns(rows, result, output);
    JS_FreeValue(context, result);
    JS_FreeValue(context, arguments[0]);
    detach_buffers();
    return done;
}
