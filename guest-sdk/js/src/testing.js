// For native tests, without WebAssembly: what the host does around a transform, on plain rows.

import { Column, closeColumns } from "./column.js";
import { checkInput, checkOutput, refuse } from "./check.js";
import { RowError } from "./errors.js";
import { closed } from "./sandbox.js";
import { descriptionOf } from "./transform.js";
import { propertiesOf } from "./types.js";

/** Applies a transform to rows, as the host does. */
export function apply(transform, rows) {
  const description = descriptionOf(transform);
  rows.forEach((row) => checkNames(description, row));
  const isShown = (row) => description.inputs.every((field) => field.nullable || row[field.name] !== null);
  const shown = rows.map((row, index) => ({ row, index })).filter(({ row }) => isShown(row));
  const applied = description.columns ? applyColumns(description, shown) : applyRows(transform, description, shown);
  const nothing = () => Object.fromEntries(description.outputs.map((field) => [field.name, null]));
  const results = rows.map(nothing);
  shown.forEach(({ index }, place) => (results[index] = applied.results[place] ?? nothing()));
  return { rows: results, failures: applied.failures };
}

function checkNames({ name, inputs }, row) {
  for (const field of inputs)
    if (row[field.name] === undefined) throw new TypeError(`\`${name}\` needs the input \`${field.name}\`; null where it is null`);
}

function applyRows(transform, { outputs, single }, shown) {
  const failures = [];
  const results = shown.map(({ row, index }) => {
    try {
      const result = transform(row);
      return Object.fromEntries(outputs.map(({ name }) => [name, single ? result : result && result[name]]));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      failures.push({ row: index, reason: error.message });
      return undefined;
    }
  });
  return { results, failures };
}

function applyColumns(description, shown) {
  const { inputs, outputs } = description;
  const fields = inputs.map((field) => {
    const values = shown.map(({ row }) => row[field.name]);
    values.forEach((value) => checkInput(field, value));
    return [field.name, columnOf(field, values)];
  });
  const returned = closed(() => description.function(Object.fromEntries(fields), shown.length));
  const columns = closeColumns(description, shown.length, returned);
  const cell = ({ values, validity }, row) => (validity && !((validity[row >> 3] >> (row & 7)) & 1) ? null : values[row]);
  const results = shown.map((_, row) =>
    Object.fromEntries(
      outputs.map((field, index) => {
        const value = cell(columns[index], row);
        if (!checkOutput(field, value)) refuse(description, index, value);
        return [field.name, value];
      }),
    ),
  );
  return { results, failures: [] };
}

/** A column of the values given, as a transform in the column form takes it. */
export function column(type, rows) {
  const { name, ...field } = propertiesOf(type, "a column");
  return columnOf({ ...field, type: name }, rows);
}

const numbers = {
  int32: [Int32Array, 0],
  int64: [BigInt64Array, 0n],
  float32: [Float32Array, 0],
  float64: [Float64Array, 0],
  timestamp: [BigInt64Array, 0n],
};

function bitmap(values, isSet) {
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, row) => isSet(value) && (bits[row >> 3] |= 1 << (row & 7)));
  return bits;
}

function offsetsOf(lengths) {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, row) => (offsets[row + 1] = offsets[row] + length));
  return offsets;
}

function columnOf({ type, list }, values) {
  const validity = values.includes(null) ? bitmap(values, (value) => value !== null) : undefined;
  const read = (row) => values[row];
  if (list) {
    const flat = values.flatMap((value) => (value === null ? [] : Array.from(value)));
    const elements = columnOf({ type, list: false }, flat);
    return Object.assign(new Column(values.length, undefined, validity, read), {
      offsets: offsetsOf(values.map((value) => value?.length ?? 0)),
      elements,
    });
  }
  if (type === "bool") return new Column(values.length, bitmap(values, (value) => value === true), validity, read);
  if (type === "string" || type === "bytes") {
    const parts = values.map((value) => (typeof value === "string" ? new TextEncoder().encode(value) : (value ?? [])));
    const data = Uint8Array.from(parts.flatMap((part) => Array.from(part)));
    return Object.assign(new Column(values.length, undefined, validity, read), {
      offsets: offsetsOf(parts.map((part) => part.length)),
      data,
    });
  }
  const [Numbers, zero] = numbers[type];
  return new Column(values.length, Numbers.from(values, (value) => value ?? zero), validity, read);
}
