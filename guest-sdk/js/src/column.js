// Whole columns, as a transform in the column form takes and returns them.

/** Text that begins with a byte order mark keeps it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const arrays = {
  bool: Uint8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
  timestamp: BigInt64Array,
};

const isSet = (bits, index) => ((bits[index >> 3] >> (index & 7)) & 1) === 1;

/**
 * A column of an input, or of an output with nulls.
 *
 * `values` are the numbers as they lie in memory, 0 at a null row: a typed array, BigInt64Array for int64 and timestamp.
 * A bool's are bits. Strings, bytes and lists have `get` and iteration instead. `validity` has one bit a row, least
 * significant first, set where the row is not null; it is undefined if none is null.
 */
export class Column {
  #read;

  constructor(length, values, validity, read) {
    this.length = length;
    this.values = values;
    this.validity = validity;
    this.#read = read;
  }

  /** Whether a row is not null. */
  isValid(row) {
    if (!(row >= 0 && row < this.length)) throw new RangeError(`row ${row} of a column of ${this.length} rows`);
    return this.validity === undefined || isSet(this.validity, row);
  }

  /** The value of a row; null where it is null. */
  get(row) {
    return this.isValid(row) ? this.#read(row) : null;
  }

  *[Symbol.iterator]() {
    for (let row = 0; row < this.length; row++) yield this.get(row);
  }

  /** An array of what `of(value, row)` makes of each row's value. */
  map(of) {
    const { length, validity } = this;
    const read = this.#read;
    const made = [];
    for (let row = 0; row < length; row++)
      made.push(of(validity === undefined || isSet(validity, row) ? read(row) : null, row));
    return made;
  }
}

function openScalars(type, length, validity, raw) {
  if (type === "string" || type === "bytes") {
    const [offsets, data] = [new Int32Array(raw.offsets), new Uint8Array(raw.data)];
    const read =
      type === "string"
        ? (row) => decoder.decode(data.subarray(offsets[row], offsets[row + 1]))
        : (row) => data.slice(offsets[row], offsets[row + 1]);
    return Object.assign(new Column(length, undefined, validity, read), { offsets, data });
  }
  const values = new arrays[type](raw.values);
  const read = type === "bool" ? (row) => isSet(values, row) : (row) => values[row];
  return new Column(length, values, validity, read);
}

const bits = (buffer) => (buffer === undefined ? undefined : new Uint8Array(buffer));

/** The column of a field, over the buffers that hold it. */
export function openColumn({ type, list }, length, raw) {
  const validity = bits(raw.validity);
  if (!list) return openScalars(type, length, validity, raw);
  const offsets = new Int32Array(raw.offsets);
  const elements = openScalars(type, offsets[length], bits(raw.elements.validity), raw.elements);
  const read = (row) => {
    const made = [];
    for (let index = offsets[row]; index < offsets[row + 1]; index++) made.push(elements.get(index));
    return made;
  };
  return Object.assign(new Column(length, undefined, validity, read), { offsets, elements });
}

/** An output column with nulls: values, and a bit for each row, set where it is not null. */
export function column(values, validity) {
  return new Column(values.length, values, validity, (row) => values[row]);
}

/** Values and validity of each output of what the author's function returned for `rows` rows. */
export function closeColumns({ name, outputs, single }, rows, result) {
  return outputs.map((output) => {
    const returned = single ? result : result?.[output.name];
    const { values, validity } = returned instanceof Column ? returned : { values: returned };
    if (!(Array.isArray(values) || ArrayBuffer.isView(values)))
      throw new TypeError(`\`${name}\` must return an array, a typed array or a column for the output \`${output.name}\``);
    if (values.length !== rows)
      throw new RangeError(`the output \`${output.name}\` has ${values.length} values for ${rows} rows`);
    if (validity !== undefined && !(validity instanceof Uint8Array && validity.length === Math.ceil(rows / 8)))
      throw new TypeError(`the validity of the output \`${output.name}\` must be a Uint8Array of one bit a row`);
    if (validity !== undefined && !output.nullable && !allSet(validity, rows))
      throw new TypeError(`the output \`${output.name}\` has nulls and is not nullable`);
    return { values, validity };
  });
}

function allSet(validity, rows) {
  for (let row = 0; row < rows; row++) if (!isSet(validity, row)) return false;
  return true;
}
