// The types of inputs and outputs. A type is a function, so that documentation can follow: `float64("Money spent.")`.

const properties = new WeakMap();

function makeType(its) {
  const type = (documentation) => {
    if (typeof documentation !== "string") throw new TypeError("a type is documented by a string, as in float64(\"…\")");
    return makeType({ ...its, documentation });
  };
  properties.set(type, its);
  return Object.freeze(type);
}

/** What is known of a type: its scalar, whether it is a list, whether it may be null, its documentation. */
export function propertiesOf(type, of) {
  const its = properties.get(type);
  if (!its) throw new TypeError(`${of} is no type: use one of skewless, as in float64 or nullable(int64)`);
  return its;
}

// In the order of the contract's enum `scalar-type`.
export const scalars = ["bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp"];

const [bool, int32, int64, float32, float64, string, bytes, timestamp] = scalars.map((name, scalar) =>
  makeType({ scalar, name, list: false, nullable: false, documentation: "" }),
);
export { bool, int32, int64, float32, float64, string, bytes, timestamp };

/** The type of values that may be null. */
export function nullable(type) {
  return makeType({ ...propertiesOf(type, "what may be null"), nullable: true });
}

/** The type of lists; each element may be null. */
export function list(type) {
  const its = propertiesOf(type, "a list's element");
  if (its.list) throw new TypeError("a list can't hold lists");
  return makeType({ ...its, list: true, nullable: false });
}
