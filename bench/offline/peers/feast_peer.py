"""Feast: `get_historical_features`, then Parquet. Run with the Python of its own virtual environment.

`feast_peer.py apply REPOSITORY FEATURES OFFLINE_STORE` makes a feature repository, `feast_peer.py once QUESTION` answers one
question, as a process from start to end, and without arguments it stays and answers questions. Its questions have the
additional key `repository`.
"""

import datetime
import functools
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from feast import FeatureStore

from measure.feast_repository import VIEW, apply_repository
from measure.feature_data import FEATURES
from measure.repository import TTL_DAYS
from measure.worker import serve

def apply(repository: Path, features: Path, offline_store: str) -> None:
    """Makes and applies a repository with one feature view over a file."""
    stores = [f"offline_store: {{type: {offline_store}}}", "online_store: {type: sqlite, path: online.db}"]
    apply_repository(repository, features, stores, datetime.timedelta(days=TTL_DAYS))


@functools.cache
def store(repository: str) -> FeatureStore:
    """The store of a repository, opened once in a process."""
    return FeatureStore(repo_path=repository)


def join(question: dict[str, Any]) -> None:
    """Writes the training set that the question asks for."""
    entity_rows = pd.read_parquet(question["entities"])
    features = [f"{VIEW}:{name}" for name in FEATURES]
    job = store(question["repository"]).get_historical_features(entity_df=entity_rows, features=features)
    pq.write_table(job.to_arrow(), question["out"], compression="zstd")


def main() -> None:
    """Does what the arguments say."""
    match sys.argv[1:]:
        case ["apply", repository, features, offline_store]:
            apply(Path(repository), Path(features), offline_store)
        case ["once", question]:
            join(json.loads(question))
        case _:
            serve(join)


if __name__ == "__main__":
    main()
