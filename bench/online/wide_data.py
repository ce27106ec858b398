"""The data of reads: one row for each entity, with 20 numbers."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measure.feature_data import FIRST_US, INSTANT

VIEWS = ["first", "second", "third"]
FEATURES = [f"feature_{number:02}" for number in range(20)]
TYPES = dict.fromkeys(FEATURES, "float64")


def wide_files(folder: Path, entities: int) -> dict[str, Path]:
    """The file of each view."""
    return {view: wide_file(folder, view, entities) for view in VIEWS}


def wide_file(folder: Path, view: str, entities: int) -> Path:
    """Writes the file of a view; the same each time."""
    path = folder / f"wide-{view}-{entities}.parquet"
    chance = np.random.default_rng(VIEWS.index(view))
    instants = pa.array(np.full(entities, FIRST_US), INSTANT)
    numbers = {name: chance.normal(size=entities) for name in FEATURES}
    columns = {"user_id": np.arange(entities), "event_timestamp": instants, "created": instants}
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**columns, **numbers}), path)
    return path
