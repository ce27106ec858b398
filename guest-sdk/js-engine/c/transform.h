/* The transform: what the author's script exports, read once and kept with its signature.
 *
 * The SDK's `transform` has checked it all and made a plain object of it (see `guest-sdk/js/src/transform.js`), so what is read here
 * is of the expected shape. */
#pragma once

#include "system.h"

typedef struct {
    Signature signature;
    JSAtom *outputs; /* the names of the outputs */
    JSValue function;
    JSValue row; /* an object with the inputs' names, all undefined: rows have its shape */
    JSValue row_error; /* the class of errors that fail a row */
    /* The SDK's: makes columns of buffers, outputs of what the function returned, errors, and text of errors. */
    JSValue open, close, refuse, explain;
    bool single;  /* the function returns the only output's value, not an object of outputs */
    bool columns; /* the function takes whole columns */
} Transform;

static JSRuntime *runtime;
static JSContext *context;
static Transform transform;

static JSValue get(JSValueConst object, const char *name)
{
    JSValue value = JS_GetPropertyStr(context, object, name);
    if (JS_IsException(value))
        give_up("the description of the transform can't be read");
    return value;
}

static int32_t get_int(JSValueConst object, const char *name)
{
    JSValue value = get(object, name);
    int32_t number = 0;
    JS_ToInt32(context, &number, value);
    JS_FreeValue(context, value);
    return number;
}

/* A text that stays for good. */
static Bytes get_text(JSValueConst object, const char *name)
{
    JSValue value = get(object, name);
    size_t length;
    const char *text = JS_ToCStringLen(context, &length, value);
    Bytes bytes = { malloc(length + 1), length };
    memcpy(bytes.data, text, length + 1);
    JS_FreeCString(context, text);
    JS_FreeValue(context, value);
    return bytes;
}

static Fields get_fields(JSValueConst description, const char *name)
{
    JSValue list = get(description, name);
    Fields fields = { .length = get_int(list, "length") };
    fields.data = calloc(fields.length + 1, sizeof(Field));
    for (uint32_t i = 0; i < fields.length; i++) {
        JSValue field = JS_GetPropertyUint32(context, list, i);
        fields.data[i] = (Field){
            .name = get_text(field, "name"),
            .type = { .is_list = get_int(field, "list"), .scalar = get_int(field, "scalar") },
            .nullable = get_int(field, "nullable"),
            .documentation = get_text(field, "documentation"),
        };
        JS_FreeValue(context, field);
    }
    JS_FreeValue(context, list);
    return fields;
}

static void read_transform(JSValueConst description, JSValueConst sdk)
{
    transform.signature = (Signature){
        .name = get_text(description, "name"),
        .version = get_text(description, "version"),
        .documentation = get_text(description, "documentation"),
        .inputs = get_fields(description, "inputs"),
        .outputs = get_fields(description, "outputs"),
    };
    Fields inputs = transform.signature.inputs, outputs = transform.signature.outputs;
    transform.function = get(description, "function");
    transform.single = get_int(description, "single");
    transform.columns = get_int(description, "columns");
    transform.open = get(sdk, "open");
    transform.close = get(sdk, "close");
    transform.refuse = get(sdk, "refuse");
    transform.row_error = get(sdk, "RowError");
    transform.outputs = calloc(outputs.length + 1, sizeof(JSAtom));
    for (uint32_t i = 0; i < outputs.length; i++)
        transform.outputs[i] = JS_NewAtomLen(context, (char *)outputs.data[i].name.data, outputs.data[i].name.length);
    transform.row = JS_NewObject(context);
    for (uint32_t i = 0; i < inputs.length; i++)
        JS_SetPropertyStr(context, transform.row, (char *)inputs.data[i].name.data, JS_UNDEFINED);
}
