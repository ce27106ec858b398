// What authors import: `import { transform, float64, int64, nullable } from "skewless"`.

export { Column, column } from "./column.js";
export { RowError } from "./errors.js";
export { Timestamp } from "./timestamp.js";
export { signature, transform } from "./transform.js";
export { bool, bytes, float32, float64, int32, int64, list, nullable, string, timestamp } from "./types.js";
