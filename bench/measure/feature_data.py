"""The data: feature rows and entity rows as files of Parquet, drawn from a seed, in bounded memory however many they are.

No two feature rows have one event timestamp, so that every engine must find the same row.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST_US = 1_704_067_200_000_000  # 2024-01-01
DAY_US = 86_400_000_000
DAYS = 90
START, END = "2024-01-01T00:00:00", "2024-03-31T00:00:00"
CHUNK_ROWS = 500_000

COUNTRIES = 30
EMAILS = 10_000
DOMAINS = 20

FLOATS = ["total_spend", "latitude", "longitude", "mean_basket", "return_rate", "score"]
INTEGERS = ["total_orders", "visits"]
STRINGS = ["country", "email"]
FEATURES = [*FLOATS, *INTEGERS, *STRINGS]

INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class FeatureRows:
    """Feature rows to draw, and how they lie in files."""

    rows: int
    entities: int
    seed: int = 0
    in_order: bool = True
    """Whether they lie in the order of their event timestamps, as a log has them, or in any order."""
    rows_per_file: int | None = None
    """None is a single file; else a folder of files."""
    rows_per_group: int | None = None
    """The greatest row group; None is what pyarrow writes, which is 1,048,576 rows."""

    @property
    def step_us(self) -> int:
        """The microseconds between one event timestamp and the next, but for what chance adds."""
        return DAYS * DAY_US // self.rows


@dataclass(frozen=True)
class EntityRows:
    """Entity rows to draw, in no order; one in a hundred asks about an entity without feature rows."""

    rows: int
    entities: int
    seed: int = 1


def feature_file(folder: Path, spec: FeatureRows) -> Path:
    """The file or folder of feature rows; what was drawn before is taken again."""
    name = "features-" + "-".join(str(value) for value in asdict(spec).values())
    path = folder / (name if spec.rows_per_file else f"{name}.parquet")
    return _drawn(path, spec, lambda: _write_features(path, spec))


def entity_file(folder: Path, spec: EntityRows) -> Path:
    """The file of entity rows; what was drawn before is taken again."""
    path = folder / f"entities-{spec.rows}-{spec.entities}-{spec.seed}.parquet"
    return _drawn(path, spec, lambda: _write_file(path, None, _entity_chunks(spec)))


def feature_glob(path: Path) -> str:
    """What reads the files of `feature_file` in engines that want a pattern for a folder."""
    return str(path / "*.parquet") if path.is_dir() else str(path)


def _drawn(path: Path, spec: object, draw: Callable[[], None]) -> Path:
    ready = path.with_name(f"{path.name}.ready")
    said = json.dumps({"spec": str(spec), "version": 1})
    if not ready.exists() or ready.read_text() != said:
        path.parent.mkdir(parents=True, exist_ok=True)
        draw()
        ready.write_text(said)
    return path


def _write_features(path: Path, spec: FeatureRows) -> None:
    if spec.rows_per_file is None:
        return _write_file(path, spec.rows_per_group, _feature_chunks(spec, 0, spec.rows))
    path.mkdir(exist_ok=True)
    for number, start in enumerate(range(0, spec.rows, spec.rows_per_file)):
        end = min(spec.rows, start + spec.rows_per_file)
        _write_file(path / f"part-{number:04}.parquet", spec.rows_per_group, _feature_chunks(spec, start, end))


def _write_file(path: Path, rows_per_group: int | None, chunks: Iterator[pa.Table]) -> None:
    """Writes row groups of one size, whatever the sizes of the chunks."""
    rows_per_group = rows_per_group or 1_048_576
    waiting: list[pa.Table] = []
    writer: pq.ParquetWriter | None = None
    for chunk in chunks:
        writer = writer or pq.ParquetWriter(path, chunk.schema)
        waiting.append(chunk)
        while sum(len(table) for table in waiting) >= rows_per_group:
            joined = pa.concat_tables(waiting)
            writer.write_table(joined.slice(0, rows_per_group), rows_per_group)
            waiting = [joined.slice(rows_per_group)]
    assert writer is not None, "nothing to write"
    writer.write_table(pa.concat_tables(waiting), rows_per_group)
    writer.close()


def _feature_chunks(spec: FeatureRows, start: int, end: int) -> Iterator[pa.Table]:
    """Chunks of rows; a row depends on the seed and its place alone, not on the files."""
    for number in range(start // CHUNK_ROWS, -(-end // CHUNK_ROWS)):
        first = number * CHUNK_ROWS
        chunk = _feature_chunk(spec, number, first, min(first + CHUNK_ROWS, spec.rows))
        low = max(start - first, 0)
        yield chunk.slice(low, min(end, spec.rows) - first - low)


def _feature_chunk(spec: FeatureRows, number: int, first: int, last: int) -> pa.Table:
    chance = np.random.Generator(np.random.Philox(key=[spec.seed, number]))
    rows = last - first
    instants = _times(spec, np.arange(first, last)) + chance.integers(0, spec.step_us, rows)
    columns = {
        "user_id": chance.integers(0, spec.entities, rows),
        "event_timestamp": pa.array(instants, INSTANT),
        "created": pa.array(instants + chance.integers(0, 3_600_000_000, rows), INSTANT),
        "total_spend": chance.gamma(2.0, 150.0, rows),
        "latitude": chance.uniform(-90.0, 90.0, rows),
        "longitude": chance.uniform(-180.0, 180.0, rows),
        "mean_basket": chance.gamma(3.0, 12.0, rows),
        "return_rate": chance.beta(1.0, 9.0, rows),
        "score": pa.array(chance.normal(0.0, 1.0, rows), mask=chance.random(rows) < 0.05),
        "total_orders": chance.poisson(4.0, rows),
        "visits": pa.array(chance.integers(0, 100_000, rows), mask=chance.random(rows) < 0.05),
        "country": _picked([f"C{number:02}" for number in range(COUNTRIES)], chance, rows),
        "email": _picked(_emails(), chance, rows),
    }
    return pa.table(columns)


def _times(spec: FeatureRows, places: np.ndarray) -> np.ndarray:
    """The beginning of each place's own piece of time; in no order, a place is first sent to another, one to one."""
    if not spec.in_order:
        stride = int(spec.rows * 0.618) | 1
        while math.gcd(stride, spec.rows) != 1:
            stride += 2
        places = places * stride % spec.rows
    return FIRST_US + places * spec.step_us


def _entity_chunks(spec: EntityRows) -> Iterator[pa.Table]:
    for number, first in enumerate(range(0, spec.rows, CHUNK_ROWS)):
        chance = np.random.Generator(np.random.Philox(key=[spec.seed, number]))
        rows = min(CHUNK_ROWS, spec.rows - first)
        yield pa.table(
            {
                "row_id": np.arange(first, first + rows),
                "user_id": chance.integers(0, spec.entities + spec.entities // 100, rows),
                "event_timestamp": pa.array(FIRST_US + chance.integers(0, DAYS * DAY_US, rows), INSTANT),
                "destination_latitude": chance.uniform(-90.0, 90.0, rows),
                "destination_longitude": chance.uniform(-180.0, 180.0, rows),
                "label": chance.integers(0, 2, rows),
            }
        )


def _picked(values: list[str], chance: np.random.Generator, rows: int) -> pa.Array:
    return pa.array(values).take(pa.array(chance.integers(0, len(values), rows)))


def _emails() -> list[str]:
    return [f"user{number}@mail{number % DOMAINS}.example.com" for number in range(EMAILS)]
