// Lists of numbers, and lists that don't go together.

import { RowError, float32, float64, list, nullable, transform } from "skewless";

export default transform({
  name: "cosine_similarity",
  documentation: `Cosine of the angle between two embeddings, from -1 to 1; null where an element is null, or all are zero.

Embeddings of different lengths are of different models: their row fails.`,
  inputs: {
    query: list(float32("An embedding.")),
    item: list(float32("Another one, of the same length.")),
  },
  output: nullable(float64),
}, ({ query, item }) => {
  if (query.length !== item.length)
    throw new RowError(`the embeddings have ${query.length} and ${item.length} elements`);
  if (query.includes(null) || item.includes(null)) return null;
  let [product, ofQuery, ofItem] = [0, 0, 0];
  for (let i = 0; i < query.length; i++) {
    product += query[i] * item[i];
    ofQuery += query[i] * query[i];
    ofItem += item[i] * item[i];
  }
  if (ofQuery === 0 || ofItem === 0) return null;
  return product / (Math.sqrt(ofQuery) * Math.sqrt(ofItem));
});
