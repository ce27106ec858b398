/* The JavaScript engine as a transform: QuickJS with the contract's exports.
 *
 * `skewless build` puts scripts behind the module's memory, runs the first `describe`, and keeps the memory as it is then:
 * the engine started, the scripts evaluated, the author's transform found. A component made of that begins each call
 * where this ended.
 *
 * One translation unit with the engine's own sources, since rows are made of its shapes (`rows.h`). */

#include "quickjs.c"

#include "dtoa.c"
#include "libregexp.c"
#include "libunicode.c"

#include "columns.h"
#include "rows.h"
#include "scripts.h"

/* How much of the linear stack a script may use. Each call of a function takes more of the machine's stack than of this
 * one, and the host ends a call that uses up the machine's: the script shall get its RangeError first. */
#define STACK_BYTES_MAX (96 << 10)

/* The host keeps 16 KiB of a call's messages; what is over is not worth a crossing. */
#define MESSAGES_BYTES_MAX (16u << 10)

/* How large the heap grows before cycles are looked for; values without cycles are freed at once anyway. */
#define GC_THRESHOLD_BYTES (4 << 20)

static uint32_t messages_bytes;

/* `write(text)`: a message for the host. */
static JSValue write_message(JSContext *ctx, JSValueConst self, int count, JSValueConst *arguments)
{
    (void)self, (void)count;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, arguments[0]);
    if (!text)
        return JS_EXCEPTION;
    if (messages_bytes < MESSAGES_BYTES_MAX) {
        messages_bytes += length;
        diagnostics_write((const uint8_t *)text, length);
    }
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

/* `encode(text)`: bytes of UTF-8. */
static JSValue encode_text(JSContext *ctx, JSValueConst self, int count, JSValueConst *arguments)
{
    (void)self, (void)count;
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, arguments[0]);
    if (!text)
        return JS_EXCEPTION;
    JSValue bytes = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, length);
    JS_FreeCString(ctx, text);
    return bytes;
}

/* `decode(bytes)`: text of UTF-8. */
static JSValue decode_text(JSContext *ctx, JSValueConst self, int count, JSValueConst *arguments)
{
    (void)self, (void)count;
    size_t length;
    const uint8_t *bytes = JS_GetUint8Array(ctx, &length, arguments[0]);
    return bytes || !length ? JS_NewStringLen(ctx, (const char *)bytes, length) : JS_EXCEPTION;
}

/* Promises never settle within a call: what waits for them is dropped. Returns whether anything did. */
static bool drop_jobs(void)
{
    bool any = false;
    struct list_head *element, *next;
    list_for_each_safe(element, next, &runtime->job_list) {
        JSJobEntry *job = list_entry(element, JSJobEntry, link);
        list_del(&job->link);
        for (int i = 0; i < job->argc; i++)
            JS_FreeValue(job->ctx, job->argv[i]);
        js_free(job->ctx, job);
        any = true;
    }
    return any;
}

/* The linker's: static constructors. Calling it once here keeps the linker from doing so around every export. */
void __wasm_call_ctors(void);

/* Starts the engine and evaluates the scripts. */
static void start(void)
{
    __wasm_call_ctors();
    runtime = JS_NewRuntime();
    context = JS_NewContext(runtime);
    JS_SetMaxStackSize(runtime, STACK_BYTES_MAX);
    JS_SetModuleLoaderFunc(runtime, script_name, load_script, NULL);
    JSValue global = JS_GetGlobalObject(context);
    JS_SetPropertyStr(context, global, "write", JS_NewCFunction(context, write_message, "write", 1));
    JS_SetPropertyStr(context, global, "encode", JS_NewCFunction(context, encode_text, "encode", 1));
    JS_SetPropertyStr(context, global, "decode", JS_NewCFunction(context, decode_text, "decode", 1));
    JS_FreeValue(context, global);
    transform.explain = JS_UNDEFINED;
    JSValue sdk = evaluate_script(0);
    transform.explain = get(sdk, "explain");
    JSValue author = evaluate_script(scripts_count() - 1);
    JSValue describe = get(sdk, "describe"), exported = get(author, "default");
    JSValue description = JS_Call(context, describe, JS_UNDEFINED, 1, &exported);
    if (JS_IsException(description))
        give_up_with_exception();
    read_transform(description, sdk);
    JS_FreeValue(context, description);
    JS_FreeValue(context, exported);
    JS_FreeValue(context, describe);
    JS_FreeValue(context, author);
    JS_FreeValue(context, sdk);
    drop_jobs();
    JS_RunGC(runtime);
    JS_SetGCThreshold(runtime, GC_THRESHOLD_BYTES);
    arena_reset();
    messages_bytes = 0;
}

__attribute__((export_name("describe")))
Signature *describe(void)
{
    if (!context)
        start();
    return &transform.signature;
}

__attribute__((export_name("apply")))
Result *apply(uint32_t rows, const Column *columns, uint32_t columns_length)
{
    if (!context || columns_length != transform.signature.inputs.length)
        give_up("the transform was not described, or the columns are not those of its signature");
    JS_UpdateStackTop(runtime);
    Result *result = arena_zeroed(sizeof(Result));
    uint32_t row = 0;
    bool done = transform.columns ? apply_columns(rows, columns, &result->output)
                                  : apply_rows(rows, columns, &result->output, &row);
    if (done && drop_jobs()) {
        JS_ThrowTypeError(context, "a transform can't wait for a promise: it must return its values at once");
        done = false;
    }
    if (!done) {
        Bytes error = explained(transform.columns ? JS_UNDEFINED : JS_NewUint32(context, row));
        *result = (Result){ .is_error = 1, .error = error };
        drop_jobs();
    }
    return result;
}

/* The host has read the result. */
__attribute__((export_name("cabi_post_apply")))
void after_apply(Result *result)
{
    (void)result;
    arena_reset();
    messages_bytes = 0;
}
