// UTF-8 to text. The engine has no TextDecoder and gives its own decoder at its start.

let decoder = globalThis.TextDecoder && new TextDecoder("utf-8");

/** The text of the bytes from `start` to `end`. */
export let decode = (bytes, start, end) => decoder.decode(bytes.subarray(start, end));

export function setDecoder(decodeBytes) {
  decode = decodeBytes;
}
