// Texts in one form: tables that travel in the component, here the engine's.

import { string, transform } from "skewless";

export default transform({
  name: "normalise_text",
  documentation: "The text in Unicode's form NFKC, with A to Z in lower case, and each run of white space as one space.",
  inputs: { text: string("A text as somebody typed it.") },
  output: string,
}, ({ text }) => {
  const words = text.normalize("NFKC").split(/[ \t\n\v\f\r]+/).filter((word) => word !== "");
  return words.join(" ").replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
});
