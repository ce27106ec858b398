"""Compares two training sets, row by row, bit by bit. It knows nothing of how either came about.

As a program: `python -m offline.compare OURS THEIRS` prints the differing cells of each column.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from measure.result import Result

ROW = "row_id"


class NotComparable(Exception):
    """The two don't have the same rows or columns, so that cells can't be compared."""


def differing_cells(ours: Path, theirs: Path) -> dict[str, int]:
    """For each column how many cells differ. `ours` must have the entity rows in their order, that is, its column `row_id`
    must count from 0; the other side's rows are brought into that order first. Raises NotComparable."""
    names = pq.read_schema(ours).names
    if (others := pq.read_schema(theirs).names) != names and set(others) != set(names):
        raise NotComparable(f"columns {names} and {others}")
    mine, other = _column(ours, ROW), _column(theirs, ROW)
    if not np.array_equal(mine.to_numpy(), np.arange(len(mine))):
        raise NotComparable(f"{ours} does not have the entity rows in their order")
    order = np.argsort(other.to_numpy(), kind="stable")
    if not np.array_equal(other.to_numpy()[order], np.arange(len(mine))):
        raise NotComparable(f"{theirs} does not have each entity row once")
    # One column at a time: the whole need not fit into memory.
    return {name: differing(_column(ours, name), _column(theirs, name).take(pa.array(order))) for name in names}


def compare(result: Result, what: str, ours: Path, theirs: Path) -> None:
    """Compares two training sets, and adds what came out as a check."""
    try:
        differences = differing_cells(ours, theirs)
        differing = {name: count for name, count in differences.items() if count}
        measured = f"{sum(differing.values()):,} in {len(differences)} columns" + (f": {differing}" if differing else "")
        result.equal(what, "0 differing cells", measured, sum(differing.values()))
    except NotComparable as reason:
        result.equal(what, "0 differing cells", f"can't be compared: {reason}", 1)


def differing(ours: pa.Array, theirs: pa.Array) -> int:
    """How many places differ: null on one side alone, or another value; floats are the same if their bits are."""
    ours, theirs = _comparable(ours), _comparable(theirs)
    if ours.type != theirs.type:
        raise NotComparable(f"types {ours.type} and {theirs.type}")
    one_null = pc.xor(ours.is_null(), theirs.is_null())
    other_value = pc.fill_null(pc.not_equal(ours, theirs), False)
    return pc.sum(pc.or_(one_null, other_value)).as_py() or 0


def _comparable(values: pa.Array) -> pa.Array:
    """Bits of floats as integers, one type for all texts; instants in UTC whatever the zone is called."""
    if pa.types.is_float64(values.type):
        return values.view(pa.int64())
    if pa.types.is_float32(values.type):
        return values.view(pa.int32())
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp(values.type.unit, tz="UTC") if values.type.tz else values.type)
    if pa.types.is_dictionary(values.type) or pa.types.is_string_view(values.type) or pa.types.is_string(values.type):
        return values.cast(pa.large_string())
    return values


def _column(path: Path, name: str) -> pa.Array:
    return pq.read_table(path, columns=[name], use_threads=False).column(0).combine_chunks()


def main() -> None:
    """Prints the differing cells of each column; ends with 1 where there are any, and 2 where nothing can be compared."""
    try:
        differences = differing_cells(Path(sys.argv[1]), Path(sys.argv[2]))
    except NotComparable as reason:
        print(f"error: {reason}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(f"{name}: {count}" for name, count in differences.items()))
    sys.exit(any(differences.values()))


if __name__ == "__main__":
    main()
