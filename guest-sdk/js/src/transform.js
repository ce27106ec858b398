// A transform: what an author's script exports by default. It is the function it was made of, with its types checked.

import { checkInput, checkOutput, refuse } from "./check.js";
import { closed } from "./sandbox.js";
import { propertiesOf } from "./types.js";

const descriptions = new WeakMap();

/** A transform in the row form: `compute` is called with an object of the inputs of one row. */
export function transform(specification, compute) {
  return makeTransform(specification, compute, false);
}

/** A transform in the column form: `compute` is called with an object of whole columns. */
transform.columns = (specification, compute) => makeTransform(specification, compute, true);

function makeTransform(specification, compute, columns) {
  const description = describe(specification, compute, columns);
  const call = columns ? compute : (row) => computeRow(description, row);
  const made = (...inputs) => closed(() => call(...inputs));
  descriptions.set(made, description);
  Object.defineProperty(made, "name", { value: description.name });
  return Object.freeze(made);
}

/** What was given to `transform`, checked and in one shape, whatever form it had. */
export function descriptionOf(made) {
  const description = descriptions.get(made);
  if (description) return description;
  throw new TypeError("the script must export a transform: `export default transform({…}, (row) => …)`");
}

/** The signature of a transform: name, version, documentation, and the fields that it takes and yields. */
export function signature(made) {
  const { name, version, documentation, inputs, outputs } = descriptionOf(made);
  const field = ({ name, type, list, nullable, documentation }) => ({
    name,
    type: list ? `list<${type}>` : type,
    nullable,
    documentation,
  });
  return { name, version, documentation, inputs: inputs.map(field), outputs: outputs.map(field) };
}

const KEYS = ["name", "version", "documentation", "inputs", "output", "outputs"];

function describe(specification, compute, columns) {
  const { name, version = "", documentation = "", inputs, output, outputs } = specification;
  const unknown = Object.keys(specification).find((key) => !KEYS.includes(key));
  if (unknown) throw new TypeError(`a transform has no \`${unknown}\`: it has ${KEYS.join(", ")}`);
  if (typeof name !== "string") throw new TypeError("a transform needs a name, as in { name: \"spend_per_order\", … }");
  if (typeof compute !== "function") throw new TypeError(`the transform \`${name}\` needs a function, after the braces`);
  if (typeof inputs !== "object") throw new TypeError(`the transform \`${name}\` needs inputs, as in { spend: float64 }`);
  if ((output === undefined) === (outputs === undefined))
    throw new TypeError(`the transform \`${name}\` needs an output of its own name, or outputs, as in { ratio: float64 }`);
  return {
    name,
    version: String(version),
    documentation: String(documentation),
    inputs: fields(inputs, "input"),
    outputs: fields(outputs ?? { [name]: output }, "output"),
    single: output !== undefined,
    columns,
    function: compute,
  };
}

function fields(types, kind) {
  return Object.entries(types).map(([name, type]) => {
    const { name: typeName, ...its } = propertiesOf(type, `the ${kind} \`${name}\``);
    return { ...its, name, type: typeName };
  });
}

function computeRow(description, row) {
  for (const field of description.inputs) checkInput(field, row?.[field.name]);
  const result = description.function(row);
  if (!description.single && typeof result !== "object") refuse(description, description.outputs.length, result);
  description.outputs.forEach((field, index) => {
    const value = description.single ? result : result && result[field.name];
    if (!checkOutput(field, value)) refuse(description, index, value);
  });
  return result;
}
