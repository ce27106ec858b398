"""Small random data at the edges of the rule: few entities, few instants, nulls, rare values; in several forms of files."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measure.feature_data import INSTANT
from offline.oracle import SourceRow

FEATURE_ROWS, ENTITY_ROWS, FILES = 400, 150, 3
SECOND_US = 1_000_000
FIRST_US = 1_700_000_000 * SECOND_US
TTL_SECONDS = 90
FEATURES = {"place": "int64", "number": "float64", "text": "string", "flag": "bool", "moment": "timestamp"}

Keys = dict[str, str]
KEYS: list[Keys] = [
    {"user_id": "int64"},
    {"user": "string"},
    {"shop_id": "int64", "user": "string"},
    {"user_id": "int32"},
]


@dataclass(frozen=True)
class View:
    """A feature view over rows that lie in files in a certain way."""

    name: str
    rows: pa.Table
    """The feature rows in the order of the files."""
    path: Path
    has_ties: bool
    ttl_seconds: int | None

    def source_rows(self, keys: Keys) -> list[SourceRow]:
        """The rows as the oracle wants them."""
        columns = [self.rows[name].to_pylist() for name in keys]
        instants = [self.rows[name].cast(pa.int64()).to_pylist() for name in ("event_timestamp", "created")]
        return [SourceRow(tuple(key), *when) for *key, when in zip(*columns, zip(*instants, strict=True), strict=True)]


@dataclass(frozen=True)
class Trial:
    """All that is drawn from one seed."""

    keys: Keys
    views: list[View]
    entity_rows: pa.Table
    entity_file: Path


def draw(seed: int, folder: Path) -> Trial:
    """Draws and writes the files of a seed: with ties and without, in order and not, one file and several, with and without
    a ttl."""
    chance, keys = np.random.default_rng(seed), KEYS[seed % len(KEYS)]
    views: list[View] = []
    for has_ties, in_order in itertools.product([True, False], [True, False]):
        rows = feature_rows(chance, keys, has_ties)
        rows = rows.sort_by("event_timestamp") if in_order else rows.take(chance.permutation(len(rows)))
        for files in (1, FILES):
            name = f"{'ties' if has_ties else 'free'}_{'sorted' if in_order else 'shuffled'}_{files}"
            path = write_files(folder, name, rows, files, chance)
            for ttl in (None, TTL_SECONDS):
                views.append(View(f"{name}_{'ttl' if ttl else 'forever'}", rows, path, has_ties, ttl))
    asked = entity_rows(chance, keys)
    file = folder / "entities.parquet"
    pq.write_table(asked, file)
    return Trial(keys, views, asked, file)


def feature_rows(chance: np.random.Generator, keys: Keys, has_ties: bool) -> pa.Table:
    """Rows of a dozen entities; a few have no key or no instant, and count for nobody. Without ties, no two rows have one
    event timestamp."""
    count = FEATURE_ROWS
    seconds = chance.integers(0, 60, count) * 10 if has_ties else chance.permutation(600)[:count]
    created = seconds + chance.integers(-2, 6, count) * 10
    numbers = chance.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, *chance.normal(size=20)], count)
    texts = chance.choice(["", "a", "é", "👩‍👩‍👧", "a longer text than twelve bytes", "\x00"], count)
    columns = {name: key_values(chance, data_type, count, 0.02) for name, data_type in keys.items()}
    return pa.table(
        {
            **columns,
            "event_timestamp": instants(seconds, chance.random(count) < 0.01),
            "created": instants(created, chance.random(count) < 0.2),
            "place": np.arange(count),
            "number": pa.array(numbers, pa.float64(), mask=chance.random(count) < 0.1, from_pandas=False),
            "text": pa.array(texts.tolist(), pa.string(), mask=chance.random(count) < 0.1),
            "flag": pa.array(chance.random(count) < 0.5, mask=chance.random(count) < 0.1),
            "moment": pa.array(chance.integers(-(2**50), 2**50, count), INSTANT, mask=chance.random(count) < 0.1),
        }
    )


def entity_rows(chance: np.random.Generator, keys: Keys) -> pa.Table:
    """Rows that ask at instants on and around those of the feature rows, some of them twice, about entities of which some
    have no rows."""
    half = ENTITY_ROWS // 2
    columns = {name: key_values(chance, data_type, half, 0.0) for name, data_type in keys.items()}
    micros = chance.integers(-3, 70, half) * 10 * SECOND_US + chance.choice([-1, 0, 0, 0, 1], half)
    table = pa.table({**columns, "event_timestamp": pa.array(FIRST_US + micros, INSTANT)})
    table = table.take(chance.integers(0, half, ENTITY_ROWS))
    return table.add_column(0, "row_id", pa.array(np.arange(ENTITY_ROWS)))


def key_values(chance: np.random.Generator, data_type: str, count: int, nulls: float) -> pa.Array:
    """Values of a join key, few of them, so that they meet; among the texts some that would meet if they were joined."""
    missing = chance.random(count) < nulls
    if data_type == "string":
        return pa.array(chance.choice(["", "1", "12", "23", "3", "é"], count).tolist(), pa.string(), mask=missing)
    kinds = {"int32": (pa.int32(), [-(2**31), -1, 0, 1, 2**31 - 1]), "int64": (pa.int64(), [-(2**63), 0, 1, 12, 2**63 - 1])}
    arrow_type, values = kinds[data_type]
    picked = np.array(values, np.int64)[chance.integers(0, len(values), count)]
    return pa.array(picked, mask=missing).cast(arrow_type)


def instants(seconds: np.ndarray, missing: np.ndarray) -> pa.Array:
    """Instants so many seconds after the first, null where missing."""
    return pa.array(FIRST_US + seconds * SECOND_US, INSTANT, mask=missing)


def write_files(folder: Path, name: str, rows: pa.Table, files: int, chance: np.random.Generator) -> Path:
    """One file, or a folder of several of uneven lengths, with row groups that are smaller than they."""
    if files == 1:
        path = folder / f"{name}.parquet"
        pq.write_table(rows, path, row_group_size=int(chance.integers(20, 500)))
        return path
    path = folder / name
    path.mkdir(exist_ok=True)
    cuts = [0, *sorted(chance.integers(0, len(rows), files - 1).tolist()), len(rows)]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        rows_per_group = int(chance.integers(5, 90))
        pq.write_table(rows.slice(start, end - start), path / f"{number}.parquet", row_group_size=rows_per_group)
    return path
