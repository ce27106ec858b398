import type { Column, Transform, Type } from "./index.js";

/** What became of a batch: the outputs of each row, null where it failed, and the rows that failed. */
export interface Applied {
  rows: (Record<string, unknown> | null)[];
  failures: { row: number; reason: string }[];
}

/** Applies a transform in either form to rows, as the host does: a row with a null in an input that may not be null is
 * not shown to it, and a RowError fails one row. */
export function apply(transform: Transform<any, any>, rows: Record<string, unknown>[]): Applied;

/** A column of the values given, one a row, as a transform in the column form takes it. */
export function column<T>(type: Type<T>, rows: readonly T[]): Column<T>;
