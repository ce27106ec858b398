// The globals that the engine gives a script beyond the language's own, and those it takes away. Native code has put
// `write`, `encode` and `decode` there for this module.

import { close } from "./sandbox.js";

const { write, encode, decode } = globalThis;
["write", "encode", "decode"].forEach((name) => delete globalThis[name]);

const isData = (value) => typeof value === "object" && value !== null && !(value instanceof Error);
const shown = (value) => {
  try {
    return isData(value) ? JSON.stringify(value) : String(value);
  } catch {
    return String(value); // a bigint within, or a cycle
  }
};

/** Lines for the host, of which it keeps 16 KiB a call. */
const log = (...values) => write(`${values.map(shown).join(" ")}\n`);
globalThis.console = { log, info: log, warn: log, error: log, debug: log };

globalThis.TextEncoder = class TextEncoder {
  encoding = "utf-8";

  encode(text = "") {
    return encode(String(text).toWellFormed());
  }
};

globalThis.TextDecoder = class TextDecoder {
  encoding = "utf-8";
  #ignoreBOM;

  constructor(encoding = "utf-8", { ignoreBOM = false } = {}) {
    if (!/^utf-?8$/i.test(encoding)) throw new RangeError(`there is no decoder for ${encoding}: utf-8 is the only one`);
    this.#ignoreBOM = ignoreBOM;
  }

  decode(bytes = new Uint8Array()) {
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
    const text = decode(view);
    return !this.#ignoreBOM && text.startsWith("\ufeff") ? text.slice(1) : text;
  }
};

close();
