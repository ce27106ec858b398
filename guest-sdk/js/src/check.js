// Which values a field holds, and the words for those it doesn't.
//
// The engine checks outputs in its own code (`js-engine/c/output.h`) and asks `refuse` for the words; natively, `checkOutput`
// decides the same. `test/agreement.test.js` holds the two together.

const within = (value, bits) => typeof value === "bigint" && BigInt.asIntN(bits, value) === value;

const checks = {
  bool: [(value) => typeof value === "boolean", "true or false"],
  int32: [(value) => typeof value === "number" && (value | 0) === value, "an int32: a whole number within 32 bits"],
  int64: [(value) => within(value, 64), "an int64: a bigint within 64 bits, as in 3n or BigInt(3)"],
  float32: [(value) => typeof value === "number", "a float32: a number"],
  float64: [(value) => typeof value === "number", "a float64: a number"],
  string: [(value) => typeof value === "string" && value.isWellFormed(), "a string without lone surrogates"],
  bytes: [(value) => value instanceof Uint8Array, "bytes: a Uint8Array"],
  timestamp: [(value) => within(value, 64), "a timestamp: a bigint of microseconds since 1970 in UTC"],
};

const isList = (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Whether a field, as an output, holds the value. */
export function checkOutput({ type, list, nullable }, value) {
  if (value === null) return nullable;
  const [holds] = checks[type];
  return list ? isList(value) && Array.from(value).every((element) => element === null || holds(element)) : holds(value);
}

/** Throws where the host would never pass such a value. */
export function checkInput(field, value) {
  if (!checkOutput(field, value)) throw new TypeError(`the input \`${field.name}\` must be ${wanted(field)}, not ${told(value)}`);
}

/** Throws the error about an output that its type can't hold; an index past the outputs: about the result as a whole. */
export function refuse({ name, outputs }, index, value) {
  if (typeof value?.then === "function")
    throw new TypeError("a transform can't be asynchronous: it must return its values at once, not a promise");
  const field = outputs[index];
  if (!field) {
    const keys = outputs.map((output) => output.name).join(", ");
    throw new TypeError(`\`${name}\` must return an object with ${keys}, not ${told(value)}`);
  }
  const inside = field.list && isList(value) ? Array.from(value).find((element) => !checkOutput(element_(field), element)) : value;
  const place = inside === value ? "" : " as an element";
  throw new TypeError(`the output \`${field.name}\` must be ${wanted(field)}, not ${told(inside)}${place}`);
}

const element_ = (field) => ({ ...field, list: false, nullable: true });

function wanted({ type, list, nullable }) {
  const [, words] = checks[type];
  const value = list ? `an array, each element null or ${words}` : words;
  return nullable ? `null or ${value}` : value;
}

function told(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "bigint") return `the bigint ${value}n`;
  if (typeof value === "number" || typeof value === "boolean") return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? `an object of class ${value.constructor?.name ?? "null"}` : `a ${typeof value}`;
}
