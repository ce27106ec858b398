"""What all parts of a run share: folders, sizes, the peers' processes."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure.machine import cores
from measure.process import Measurement, measure
from measure.samples import Contender
from measure.table import rounded
from measure.worker import Worker, worker

HERE = Path(__file__).parent
FEAST_PEER = HERE / "peers/feast_peer.py"


@dataclass(frozen=True)
class Setting:
    """How this run was started."""

    folder: Path
    """Where data, repositories and outputs lie."""
    feast_python: Path
    samples: int
    scale: float
    """Rows, as a part of those of a whole run."""
    seeds: int

    def rows(self, of_whole_run: int) -> int:
        """The number of rows of this run."""
        return max(1, int(of_whole_run * self.scale))

    def title(self, feature_rows: int, entity_rows: int) -> str:
        """The size of a part's work, in words; both are the numbers of a whole run."""
        features, entities = rounded(self.rows(feature_rows)), rounded(self.rows(entity_rows))
        return f"{features} feature rows × 10 features, {entities} entity rows"

    @property
    def data(self) -> Path:
        """The folder of feature rows and entity rows."""
        return self.folder / "data"

    def out(self, name: str) -> Path:
        """A file for what somebody writes."""
        outputs = self.folder / "out"
        outputs.mkdir(parents=True, exist_ok=True)
        return outputs / f"{name}.parquet"


def question(entities: Path, out: Path, *features: str, **others: Any) -> dict[str, Any]:
    """What a peer is asked; see `peers`."""
    asked = {"features": list(features), "entities": str(entities), "out": str(out)}
    return asked | {"in_order": False, "transforms": False, "memory_limit": None} | others


@contextlib.contextmanager
def peer(name: str) -> Iterator[Worker]:
    """A warm peer of `peers/`, which may use all cores."""
    threads = {"POLARS_MAX_THREADS": str(cores())}
    with worker(Path(sys.executable), HERE / f"peers/{name}_peer.py", threads) as started:
        yield started


def asking(name: str, of: Worker, asked: Mapping[str, Any]) -> Contender:
    """A contender that asks a warm peer the same question each time."""
    return Contender(name, lambda: of.measure(asked))


@contextlib.contextmanager
def warm_feast(setting: Setting) -> Iterator[Worker]:
    """Feast, in a process that stays."""
    with worker(setting.feast_python, FEAST_PEER, _quiet()) as started:
        yield started


def feast_repository(setting: Setting, name: str, features: Path, offline_store: str) -> Path:
    """A repository of Feast's with one feature view, applied."""
    folder = setting.folder / "feast" / name
    (folder / "registry.db").unlink(missing_ok=True)
    _feast(setting, "apply", folder, features, offline_store)
    return folder


def cold_feast(setting: Setting, asked: Mapping[str, Any]) -> Measurement:
    """Feast as a process from start to end."""
    return _feast(setting, "once", json.dumps(asked))


def _feast(setting: Setting, *arguments: str | Path) -> Measurement:
    environment = {**os.environ, **_quiet(), "PYTHONPATH": str(HERE.parent)}
    return measure([setting.feast_python, FEAST_PEER, *arguments], environment)


def _quiet() -> dict[str, str]:
    return {"FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore"}
