/* The row form: the author's function is called once a row, with an object of the inputs.
 *
 * Making an object for each row would cost more than most functions do. So the last row's object serves again, unless
 * the author kept it or changed its shape: nobody can tell. */
#pragma once

#include "output.h"

static JSObject *fresh_row(void)
{
    JSShape *shape = JS_VALUE_GET_OBJ(transform.row)->shape;
    JSProperty empty[shape->prop_count + 1];
    for (int i = 0; i < shape->prop_count; i++)
        empty[i].u.value = JS_UNDEFINED;
    JSValue row = JS_NewObjectFromShape(context, js_dup_shape(shape), JS_CLASS_OBJECT, empty);
    return JS_IsException(row) ? NULL : JS_VALUE_GET_OBJ(row);
}

static inline bool can_serve_again(const JSObject *row)
{
    return row && JS_REF_COUNT(row) == 1 && row->shape == JS_VALUE_GET_OBJ(transform.row)->shape && row->extensible &&
           !row->first_weak_ref;
}

/* An object with the inputs of row `index`; `old` is used up. */
static JSObject *next_row(JSObject *old, const Column *columns, uint32_t index)
{
    JSObject *row = old;
    if (!can_serve_again(old)) {
        if (old)
            JS_FreeValue(context, JS_MKPTR(JS_TAG_OBJECT, old));
        row = fresh_row();
    }
    for (uint32_t i = 0; row && i < transform.signature.inputs.length; i++) {
        JSValue value = input_value(&columns[i], index);
        if (JS_IsException(value)) {
            JS_FreeValue(context, JS_MKPTR(JS_TAG_OBJECT, row));
            return NULL;
        }
        JSValue before = row->prop[i].u.value;
        row->prop[i].u.value = value;
        JS_FreeValue(context, before);
    }
    return row;
}

/* Writes what the function returned for a row. */
static bool write_outputs(Builder *builders, uint32_t row, JSValueConst result)
{
    if (transform.single)
        return write_row(&builders[0], row, result);
    uint32_t outputs = transform.signature.outputs.length;
    bool none = JS_IsNull(result); /* all outputs are null */
    if (!none && !JS_IsObject(result))
        return refuse(outputs, result);
    for (uint32_t i = 0; i < outputs; i++) {
        JSValue value = none ? JS_NULL : JS_GetProperty(context, result, transform.outputs[i]);
        bool written = !JS_IsException(value) && write_row(&builders[i], row, value);
        JS_FreeValue(context, value);
        if (!written)
            return false;
    }
    return true;
}

/* If the pending error is one that fails a row, takes it and notes it. */
static bool note_failure(Builder *builders, uint32_t row, Output *output)
{
    JSValue error = JS_GetException(context);
    if (JS_IsInstanceOf(context, error, transform.row_error) != 1) {
        JS_Throw(context, error);
        return false;
    }
    JSValue message = JS_GetPropertyStr(context, error, "message");
    size_t length = 0;
    const char *text = JS_ToCStringLen(context, &length, message);
    output->failures[output->failures_length++] = (RowFailure){ row, arena_copy(text ? text : "", length) };
    JS_FreeCString(context, text);
    JS_FreeValue(context, message);
    JS_FreeValue(context, error);
    for (uint32_t i = 0; i < transform.signature.outputs.length; i++)
        write_null(&builders[i], row);
    return true;
}

/* Calls the function for every row. Returns false with an exception pending, and `*row` where it happened. */
static bool apply_rows(uint32_t rows, const Column *columns, Output *output, uint32_t *row)
{
    uint32_t outputs = transform.signature.outputs.length;
    Builder *builders = arena_allocate(outputs * sizeof(Builder));
    for (uint32_t i = 0; i < outputs; i++)
        builders[i] = new_builder(i, rows);
    output->failures = arena_allocate(rows * sizeof(RowFailure));
    JSObject *object = NULL;
    bool done = true;
    for (*row = 0; done && *row < rows; ++*row) {
        object = next_row(object, columns, *row);
        if (!object)
            return false;
        JSValue argument = JS_MKPTR(JS_TAG_OBJECT, object);
        JSValue result = JS_Call(context, transform.function, JS_UNDEFINED, 1, &argument);
        done = !JS_IsException(result) && write_outputs(builders, *row, result);
        JS_FreeValue(context, result);
        done = done || note_failure(builders, *row, output);
    }
    if (object)
        JS_FreeValue(context, JS_MKPTR(JS_TAG_OBJECT, object));
    *row -= !done;
    output->columns = arena_allocate(outputs * sizeof(Column));
    output->columns_length = outputs;
    for (uint32_t i = 0; done && i < outputs; i++)
        output->columns[i] = finish(&builders[i]);
    return done;
}
