"""How the parts reach us and the peers: contenders, questions, repositories of Feast's."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measure.command import Setting
from measure.machine import cores
from measure.process import Measurement, measure
from measure.samples import Contender
from measure.skewless import Skewless
from measure.table import rounded
from measure.worker import Worker, worker

HERE = Path(__file__).parent
FEAST_PEER = HERE / "peers/feast_peer.py"

OURS = "Skewless, whole process"
DUCKDB = "DuckDB, warm"
POLARS = "Polars, warm"
POLARS_IN_ORDER = "Polars, warm, told that the file is in order"


def title(setting: Setting, feature_rows: int, entity_rows: int) -> str:
    """The size of a part's work, in words; both are the numbers of a whole run."""
    features, entities = rounded(setting.rows(feature_rows)), rounded(setting.rows(entity_rows))
    return f"{features} feature rows × 10 features, {entities} entity rows"


def out_file(setting: Setting, name: str) -> Path:
    """A file for what somebody writes."""
    outputs = setting.folder / "out"
    outputs.mkdir(parents=True, exist_ok=True)
    return outputs / f"{name}.parquet"


def ours(skewless: Skewless, entities: Path, out: Path, *arguments: str, name: str = OURS) -> Contender:
    """Us: the program from its start to its end."""
    command: list[str | Path] = ["get-historical-features", "-e", entities, "-o", out, *arguments]
    return Contender(name, lambda: skewless.run(*command))


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
    with worker(setting.feast_python, FEAST_PEER, {"PYTHONWARNINGS": "ignore"}) as started:
        yield started


def feast_repository(setting: Setting, name: str, features: Path, offline_store: str) -> Path:
    """A repository of Feast's with one feature view, applied."""
    folder = setting.folder / "feast" / name
    (folder / "registry.db").unlink(missing_ok=True)
    _feast(setting, "apply", folder, features, offline_store)
    return folder


def cold_feast(name: str, setting: Setting, asked: Mapping[str, Any]) -> Contender:
    """Feast as a process from start to end."""
    return Contender(name, lambda: _feast(setting, "once", json.dumps(asked)))


def _feast(setting: Setting, *arguments: str | Path) -> Measurement:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"}
    return measure([setting.feast_python, FEAST_PEER, *arguments], environment)
