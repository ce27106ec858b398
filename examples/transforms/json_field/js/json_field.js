// Documents in a column: what is not there, or something else, is null.

import { int64, nullable, string, transform } from "skewless";

/** What an object has under `name`; undefined where it has nothing, or is none. */
function field(object, name) {
  const isObject = typeof object === "object" && object !== null && !Array.isArray(object);
  return isObject && Object.hasOwn(object, name) ? object[name] : undefined;
}

function parsed(document) {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}

export default transform({
  name: "json_field",
  documentation: "Country and age of the user that a JSON document tells of; null where it tells nothing of the kind.",
  inputs: { document: string("A JSON document.") },
  outputs: {
    country: nullable(string("The text at `user.address.country`.")),
    age: nullable(int64("The whole number at `user.age`.")),
  },
}, ({ document }) => {
  const user = field(parsed(document), "user");
  const country = field(field(user, "address"), "country");
  const age = field(user, "age");
  return {
    country: typeof country === "string" ? country : null,
    // Beyond it, a number may stand for another one that the document has.
    age: Number.isSafeInteger(age) ? BigInt(age) : null,
  };
});
