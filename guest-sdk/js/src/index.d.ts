// The types of the SDK: each input and output has the type that its declaration says.

declare const value: unique symbol;

/** The type of an input or output; call it to document one: `float64("Money spent, in US dollars.")`. */
export interface Type<T> {
  (documentation: string): Type<T>;
  readonly [value]: T;
}

/** What a type's values are. */
export type ValueOf<T> = T extends Type<infer V> ? V : never;

export const bool: Type<boolean>;
/** 32-bit whole numbers. */
export const int32: Type<number>;
/** 64-bit whole numbers: bigints, never numbers. */
export const int64: Type<bigint>;
/** Single precision: an output is rounded to it. */
export const float32: Type<number>;
export const float64: Type<number>;
export const string: Type<string>;
export const bytes: Type<Uint8Array>;
/** Microseconds since 1970-01-01T00:00:00 UTC; `Timestamp` knows their calendar. */
export const timestamp: Type<bigint>;

/** A type whose values may be null. */
export function nullable<T>(type: Type<T>): Type<T | null>;
/** Lists; each element may be null. */
export function list<T>(type: Type<T>): Type<(T | null)[]>;

type Types = Record<string, Type<any>>;
type Row<I extends Types> = { readonly [K in keyof I]: ValueOf<I[K]> };

/** What a function returns for several outputs: null makes all of them null, where all of them may be. */
type Outputs<O extends Types> = Row<O> | (keyof O extends NullableKeys<O> ? null : never);
type NullableKeys<O extends Types> = { [K in keyof O]: null extends ValueOf<O[K]> ? K : never }[keyof O];

interface Common<I extends Types> {
  /** Lower-case letters, digits and `_`, starting with a letter. */
  name: string;
  /** For people; the version of `package.json` if absent. */
  version?: string;
  /** What it computes, in a few sentences. */
  documentation?: string;
  inputs: I;
}

/** A transform with one output of its own name, whose value the function returns. */
export interface Single<I extends Types, O extends Type<any>> extends Common<I> {
  output: O;
  outputs?: undefined;
}

/** A transform with several outputs: the function returns an object of their values. */
export interface Several<I extends Types, O extends Types> extends Common<I> {
  outputs: O;
  output?: undefined;
}

/** A transform: the function it was made of, with its types checked. */
export interface Transform<Input, Output> {
  (input: Input): Output;
}

type NumbersOf<T> = [T] extends [bigint] ? BigInt64Array : [T] extends [number] ? Int32Array | Float32Array | Float64Array : never;
type Valid<T> = Exclude<T, null>;

/** A whole column. */
export class Column<T> implements Iterable<T> {
  private constructor();
  readonly length: number;
  /**
   * The numbers as they lie in memory, 0 at a null row. A bool's are bits, least significant first; strings, bytes and
   * lists have none.
   */
  readonly values: [Valid<T>] extends [number]
    ? Float64Array & { [row: number]: number }
    : [Valid<T>] extends [bigint]
      ? BigInt64Array
      : [Valid<T>] extends [boolean]
        ? Uint8Array
        : undefined;
  /** One bit a row, least significant first, set where the row is not null; undefined if none is null. */
  readonly validity: Uint8Array | undefined;
  /** Strings, bytes and lists: where each row begins, and, last, where the last one ends. */
  readonly offsets: [Valid<T>] extends [string | Uint8Array | unknown[]] ? Int32Array : undefined;
  /** Strings and bytes: those of all rows, one after the other. */
  readonly data: [Valid<T>] extends [string | Uint8Array] ? Uint8Array : undefined;
  /** Lists: the elements of all rows. */
  readonly elements: [Valid<T>] extends [(infer E)[]] ? Column<E> : undefined;
  isValid(row: number): boolean;
  get(row: number): T;
  map<U>(of: (value: T, row: number) => U): U[];
  [Symbol.iterator](): Iterator<T>;
}

type Columns<I extends Types> = { readonly [K in keyof I]: Column<ValueOf<I[K]>> };
type Returned<T> = T[] | NumbersOf<Valid<T>> | Column<T>;

/** An output column with nulls: `values`, and one bit a row, least significant first, set where it is not null. */
export function column<T = any>(values: ArrayLike<unknown>, validity?: Uint8Array): Column<T>;

/** Makes a transform of a function that is called once a row, with an object of its inputs. */
export function transform<const I extends Types, const O extends Type<any>>(
  specification: Single<I, O>,
  compute: (row: Row<I>) => ValueOf<O>,
): Transform<Row<I>, ValueOf<O>>;
export function transform<const I extends Types, const O extends Types>(
  specification: Several<I, O>,
  compute: (row: Row<I>) => Outputs<O>,
): Transform<Row<I>, Outputs<O>>;

export namespace transform {
  /** Makes a transform of a function that is called once a batch, with an object of whole columns. */
  function columns<const I extends Types, const O extends Type<any>>(
    specification: Single<I, O>,
    compute: (columns: Columns<I>, rows: number) => Returned<ValueOf<O>>,
  ): Transform<Columns<I>, Returned<ValueOf<O>>>;
  function columns<const I extends Types, const O extends Types>(
    specification: Several<I, O>,
    compute: (columns: Columns<I>, rows: number) => { readonly [K in keyof O]: Returned<ValueOf<O[K]>> },
  ): Transform<Columns<I>, { readonly [K in keyof O]: Returned<ValueOf<O[K]>> }>;
}

/** A field of a signature. */
export interface Field {
  name: string;
  type: string;
  nullable: boolean;
  documentation: string;
}

/** What a transform takes and yields. */
export interface Signature {
  name: string;
  version: string;
  documentation: string;
  inputs: Field[];
  outputs: Field[];
}

export function signature(transform: Transform<any, any>): Signature;

/** Thrown by a function in the row form: fails this row and no other, with the message as the reason. */
export class RowError extends Error {
  constructor(reason: string, options?: { cause?: unknown });
}

/** Questions about timestamps; all answers are in UTC. */
export const Timestamp: {
  /** Microseconds since midnight. */
  microsOfDay(instant: bigint): bigint;
  /** 0 for Monday to 6 for Sunday. */
  weekday(instant: bigint): bigint;
  year(instant: bigint): bigint;
  /** 1 to 12. */
  month(instant: bigint): bigint;
  /** 1 to 31. */
  day(instant: bigint): bigint;
  /** Reads `2013-01-31T17:05:00Z`, with up to six decimals of a second. */
  parse(text: string): bigint;
  format(instant: bigint): string;
};
