// Sets without order: what is counted is the same in any.

import { float64, nullable, string, transform } from "skewless";

/** The runs of ASCII letters and digits, in lower case, each once. */
function words(text) {
  const lower = text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return new Set(lower.match(/[a-z0-9]+/g) ?? []);
}

export default transform({
  name: "token_jaccard",
  documentation: "How many words two texts share, of all their words: from 0 to 1; null where neither has one.",
  inputs: { query: string("A text."), title: string("Another one.") },
  output: nullable(float64),
}, ({ query, title }) => {
  const [of, inTitle] = [words(query), words(title)];
  let shared = 0;
  for (const word of of) if (inTitle.has(word)) shared++;
  const all = of.size + inTitle.size - shared;
  return all === 0 ? null : shared / all;
});
