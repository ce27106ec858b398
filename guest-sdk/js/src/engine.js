// The SDK's entrance for the engine: what its C code calls, with the author's transform once it is known.

import { refuse as refuseOutput } from "./check.js";
import { closeColumns, openColumn } from "./column.js";
import { setDecoder } from "./decode.js";
import { close as closeSandbox } from "./sandbox.js";
import { descriptionOf } from "./transform.js";
import { version } from "./version.js";

export { RowError, explain } from "./errors.js";

const { write, decode } = globalThis;
delete globalThis.write;
delete globalThis.decode;
setDecoder(decode);

const shown = (value) => (typeof value === "object" && value !== null && !(value instanceof Error) ? JSON.stringify(value) : String(value));
const log = (...values) => write(`${values.map(shown).join(" ")}\n`);
globalThis.console = { log, info: log, warn: log, error: log, debug: log };
closeSandbox();

let description;

export function describe(exported) {
  const own = descriptionOf(exported);
  description = { ...own, version: own.version || version };
  return description;
}

export function open(rows, raw) {
  return Object.fromEntries(description.inputs.map((field, index) => [field.name, openColumn(field, rows, raw[index])]));
}

export function close(rows, result) {
  return closeColumns(description, rows, result);
}

export function refuse(index, value) {
  return refuseOutput(description, index, value);
}
