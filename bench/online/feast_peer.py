"""Feast: materialization to Redis. Run with the Python of its own virtual environment.

`feast_peer.py REPOSITORY FEATURES PORT` makes and applies a feature repository; without arguments it stays, and answers each
question by `store.materialize` alone, in the repository that the question names.
"""

import datetime
import functools
import sys
from pathlib import Path
from typing import Any

from feast import FeatureStore

from measure.feast_repository import VIEW, apply_repository
from measure.feature_data import END, START
from measure.worker import serve



def apply(repository: Path, features: Path, port: str, latest: str) -> None:
    """Makes and applies a repository with one feature view over a file."""
    stores = [
        "offline_store: {type: file}",
        f'online_store: {{type: redis, connection_string: "127.0.0.1:{port}"}}',
        f"materialization: {{pull_latest_features: {latest}}}",
    ]
    (repository / "registry.db").unlink(missing_ok=True)
    apply_repository(repository, features, stores, datetime.timedelta(0))


@functools.cache
def store(repository: str) -> FeatureStore:
    """The store of a repository, opened once in a process."""
    return FeatureStore(repo_path=repository)


def materialize(question: dict[str, Any]) -> None:
    """Materializes all of the data."""
    start, end = (datetime.datetime.fromisoformat(f"{instant}+00:00") for instant in (START, END))
    store(question["repository"]).materialize(start, end)


def main() -> None:
    """Does what the arguments say."""
    match sys.argv[1:]:
        case [repository, features, port, latest]:
            apply(Path(repository), Path(features), port, latest)
        case _:
            serve(materialize)


if __name__ == "__main__":
    main()
