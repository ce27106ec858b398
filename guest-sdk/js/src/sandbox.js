// What a transform may not use, because no row of its input says it: the clock, chance, timers, the outside.
//
// In the engine these things do not exist, or are taken away once; natively, they are taken away while a transform runs,
// so that a test fails as the component would.

const message = (what, instead) => `${what} is not there for a transform: ${instead}`;
const NO_CLOCK = message("the clock", "take the instant as an input of type timestamp");
const NO_CHANCE = message("Math.random", "a row's outputs depend on that row alone; hash an input instead");

/** Names that the engine doesn't have, and Node does. */
const ABSENT = [
  "setTimeout", "setInterval", "setImmediate", "fetch", "crypto", "process", "performance", "Intl", "WebAssembly", "navigator",
  "require", "XMLHttpRequest", "WebSocket", "Buffer", "structuredClone", "URL", "URLSearchParams",
];

function refuse(text) {
  throw new Error(text);
}

/** `Date` of given instants alone. */
function dateWithoutClock(Native) {
  const Date = function (...parts) {
    if (!new.target || parts.length === 0) refuse(NO_CLOCK);
    return Reflect.construct(Native, parts, new.target === Date ? Native : new.target);
  };
  Object.defineProperties(Date, Object.getOwnPropertyDescriptors(Native));
  Object.defineProperty(Date, "now", { value: () => refuse(NO_CLOCK) });
  return Date;
}

const guards = {
  Date: { value: dateWithoutClock(globalThis.Date), configurable: true, writable: true },
  random: { value: () => refuse(NO_CHANCE), configurable: true, writable: true },
};

/** Takes clock and chance away for good: the engine's start. */
export function close() {
  Object.defineProperty(globalThis, "Date", guards.Date);
  Object.defineProperty(Math, "random", guards.random);
  Object.defineProperty(globalThis.Date.prototype, "constructor", guards.Date);
}

let depth = 0;

/** Runs `call` without clock, chance and what else Node has and the engine doesn't. */
export function closed(call) {
  if (!globalThis.process?.versions?.node || depth > 0) return call();
  const global = Object.getOwnPropertyDescriptors(globalThis);
  const random = Object.getOwnPropertyDescriptor(Math, "random");
  const zone = process.env.TZ;
  const { env } = process;
  env.TZ = "UTC";
  depth += 1;
  try {
    Object.defineProperty(globalThis, "Date", guards.Date);
    Object.defineProperty(Math, "random", guards.random);
    ABSENT.forEach((name) => global[name]?.configurable && delete globalThis[name]);
    return call();
  } finally {
    depth -= 1;
    Object.defineProperty(Math, "random", random);
    for (const name of ["Date", ...ABSENT]) if (global[name]) Object.defineProperty(globalThis, name, global[name]);
    if (zone === undefined) delete env.TZ;
    else env.TZ = zone;
  }
}
