/* The scripts: `skewless build` puts them behind the memory that the module was linked with.
 *
 * There they lie one after the other as name and source, each a length of 32 bits, its bytes, and a zero; a name of
 * length 0 ends them. The first is the SDK's entrance, the last the author's. */
#pragma once

#include "transform.h"

extern uint8_t __heap_end; /* the linker's: where the memory ended */

typedef struct {
    const char *name;
    const char *source;
    uint32_t source_length;
} Script;

static const uint8_t *read_text(const uint8_t *at, const char **text, uint32_t *length)
{
    memcpy(length, at, 4);
    *text = (const char *)at + 4;
    return at + 4 + *length + 1;
}

/* The script at `index`, or that of `name`; returns whether there is one. */
static bool find_script(uint32_t index, const char *name, Script *script)
{
    const uint8_t *at = &__heap_end;
    for (uint32_t i = 0;; i++) {
        uint32_t name_length;
        at = read_text(at, &script->name, &name_length);
        if (!name_length)
            return false;
        at = read_text(at, &script->source, &script->source_length);
        if (name ? !strcmp(name, script->name) : i == index)
            return true;
    }
}

static uint32_t scripts_count(void)
{
    Script script;
    uint32_t count = 0;
    while (find_script(count, NULL, &script))
        count++;
    return count;
}

/* The pending exception as text: by the SDK's `explain(error, row)`, or, before there is one, by its own word. */
static Bytes explained(JSValueConst row)
{
    JSValue error = JS_GetException(context), arguments[] = { error, row };
    JSValue text = JS_IsUndefined(transform.explain) ? JS_DupValue(context, error)
                                                     : JS_Call(context, transform.explain, JS_UNDEFINED, 2, arguments);
    size_t length = 0;
    const char *bytes = JS_ToCStringLen(context, &length, text);
    Bytes copy = bytes ? arena_copy(bytes, length) : arena_copy("an error that can't be told", 27);
    JS_FreeCString(context, bytes);
    JS_FreeValue(context, text);
    JS_FreeValue(context, error);
    JS_ResetUncatchableError(context);
    return copy;
}

/* Ends the build with the pending exception's words. */
_Noreturn static void give_up_with_exception(void)
{
    Bytes text = explained(JS_UNDEFINED);
    diagnostics_write(text.data, text.length);
    __builtin_trap();
}

/* Compiles a module without running it. */
static JSModuleDef *compile(const Script *script)
{
    JSValue module = JS_Eval(context, script->source, script->source_length, script->name,
                             JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module))
        return NULL;
    JSModuleDef *compiled = JS_VALUE_GET_PTR(module);
    JS_FreeValue(context, module);
    return compiled;
}

/* What an `import` names: `skewless` is the SDK, all else as ever. */
static char *script_name(JSContext *ctx, const char *base, const char *specifier, void *opaque)
{
    (void)opaque;
    if (!strcmp(specifier, "skewless"))
        return js_strdup(ctx, "skewless/index.js");
    return js_default_module_normalize_name(ctx, base, specifier);
}

/* What an `import` finds: the scripts, and nothing else. */
static JSModuleDef *load_script(JSContext *ctx, const char *name, void *opaque)
{
    (void)opaque;
    Script script;
    if (find_script(0, name, &script))
        return compile(&script);
    JS_ThrowReferenceError(ctx,
                           "can't import `%s`: a script of its own may import \"skewless\" alone; with esbuild "
                           "installed (npm install --save-dev esbuild), `skewless build` bundles the rest",
                           name);
    return NULL;
}

/* Runs a module to its end; returns its namespace. */
static JSValue evaluate_script(uint32_t index)
{
    Script script;
    if (!find_script(index, NULL, &script))
        give_up("there are no scripts");
    JSModuleDef *module = compile(&script);
    if (!module)
        give_up_with_exception();
    JSValue promise = JS_EvalFunction(context, JS_DupValue(context, JS_MKPTR(JS_TAG_MODULE, module)));
    JSContext *ran;
    int more;
    while ((more = JS_ExecutePendingJob(runtime, &ran)) > 0)
        ;
    JSPromiseStateEnum state = JS_IsException(promise) ? JS_PROMISE_REJECTED : JS_PromiseState(context, promise);
    if (state == JS_PROMISE_REJECTED && !JS_IsException(promise))
        JS_Throw(context, JS_PromiseResult(context, promise));
    if (more < 0 || state == JS_PROMISE_REJECTED)
        give_up_with_exception();
    if (state == JS_PROMISE_PENDING)
        give_up("a top-level `await` waits for what never comes: there are no timers and no network");
    JS_FreeValue(context, promise);
    return JS_GetModuleNamespace(context, module);
}
