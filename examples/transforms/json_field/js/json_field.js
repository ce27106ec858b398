// Documents in a column: what is not there, or something else, is null.

import { int64, nullable, string, transform } from "skewless";

/** What an object has under `name`; undefined where it has nothing, or is none. */
function field(object, name) {
  const isObject = typeof object === "object" && object !== null && !Array.isArray(object);
  return isObject && Object.hasOwn(object, name) ? object[name] : undefined;
}

// How deep arrays and objects may lie in one another. The reader would go on until the stack ends, and the call with it.
const DEPTH_MAX = 127;

/** The UTF-16 unit that is escaped at a place, or 0 where anything else is there, and how long that is. */
function character(document, at) {
  if (document[at] !== "\\") return [0, 1];
  const escape = /^\\u([0-9a-f]{4})$/i.exec(document.slice(at, at + 6));
  return escape ? [parseInt(escape[1], 16), 6] : [0, 2];
}

/**
 * The place after the string whose text begins at a place; undefined where it escapes a half of a surrogate pair without
 * the other one, which would be no text.
 */
function stringEnd(document, at, hasEscapes) {
  if (!hasEscapes) return document.indexOf('"', at) + 1 || document.length;
  let afterHigh = false;
  while (at < document.length && document[at] !== '"') {
    const [unit, width] = character(document, at);
    const isLow = 0xdc00 <= unit && unit < 0xe000;
    if (isLow !== afterHigh) return undefined;
    afterHigh = 0xd800 <= unit && unit < 0xdc00;
    at += width;
  }
  return afterHigh ? undefined : at + 1;
}

const TOKEN = /[[\]{}"]|[-0-9][-+.0-9e]*/gi;

/**
 * Whether a document nests at most DEPTH_MAX deep, and has nothing that JSON.parse reads otherwise than other readers do.
 * It finds strings and numbers in what is JSON; JSON.parse refuses the rest.
 */
function isReadable(document) {
  const hasEscapes = document.includes("\\");
  let depth = 0;
  TOKEN.lastIndex = 0;
  for (let token; (token = TOKEN.exec(document)?.[0]) !== undefined;) {
    if (token === "[" || token === "{") {
      depth += 1;
      if (depth > DEPTH_MAX) return false;
    } else if (token === "]" || token === "}") {
      depth -= 1;
    } else if (token === '"') {
      const end = stringEnd(document, TOKEN.lastIndex, hasEscapes);
      if (end === undefined) return false;
      TOKEN.lastIndex = end;
    } else if (!Number.isFinite(Number(token))) {
      return false;
    }
  }
  return true;
}

function parsed(document) {
  try {
    return isReadable(document) ? JSON.parse(document) : undefined;
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
