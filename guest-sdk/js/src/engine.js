// The SDK's entrance for the engine: what its C code calls, with the author's transform once it is known.

import "./globals.js";

import { refuse as refuseOutput } from "./check.js";
import { closeColumns, openColumn } from "./column.js";
import { descriptionOf } from "./transform.js";
import { version } from "./version.js";

export { RowError, explain } from "./errors.js";

let description;

/** Takes what the author's script exports, and tells what it is. */
export function describe(exported) {
  const own = descriptionOf(exported);
  description = { ...own, version: own.version || version };
  return description;
}

/** The column form's argument, of the buffers of all columns. */
export function open(rows, raw) {
  return Object.fromEntries(description.inputs.map((field, index) => [field.name, openColumn(field, rows, raw[index])]));
}

/** Values and validity of each output, of what a function in the column form returned. */
export function close(rows, result) {
  return closeColumns(description, rows, result);
}

/** Throws the error about an output that its type can't hold. */
export function refuse(index, value) {
  return refuseOutput(description, index, value);
}
