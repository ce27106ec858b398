"""The rule of the point-in-time join, said as plainly as it can be: every row is tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SourceRow:
    """What the rule needs of a feature row; instants are microseconds."""

    key: tuple[Any, ...]
    event_timestamp: int | None
    created: int | None


def newest_row(
    rows: Sequence[SourceRow], key: tuple[Any, ...], instant: int, ttl_us: int | None, known_at: bool
) -> int | None:
    """The place among `rows`, which are in the order of the files, of the row that an entity row is joined to; None where
    there is none, or the newest is past its ttl."""
    best: int | None = None
    for place, row in enumerate(rows):
        if row.key != key or row.event_timestamp is None or row.event_timestamp > instant:
            continue
        if known_at and row.created is not None and row.created > instant:
            continue
        if best is None or order(row) >= order(rows[best]):
            best = place
    if best is None or ttl_us is None:
        return best
    age = instant - (rows[best].event_timestamp or 0)
    return best if age <= ttl_us else None


def order(row: SourceRow) -> tuple[int, bool, int]:
    """What makes a row newer than another; of equal ones the later in the files is. No created timestamp is before all."""
    assert row.event_timestamp is not None
    return row.event_timestamp, row.created is not None, row.created or 0
