"""Feast: materialization to Redis. Run with the Python of its own virtual environment.

`feast_peer.py REPOSITORY FEATURES PORT` makes and applies a feature repository; without arguments it stays, and answers each
question by `store.materialize` alone, in the repository that the question names.
"""

import datetime
import functools
import sys
from pathlib import Path
from typing import Any

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

from measure.feature_data import END, FEATURES, FLOATS, INTEGERS, START, STRINGS
from measure.worker import serve

VIEW = "users"
SETTINGS = """project: bench
registry: registry.db
provider: local
entity_key_serialization_version: 3
offline_store: {{type: file}}
online_store: {{type: redis, connection_string: "127.0.0.1:{port}"}}
materialization: {{pull_latest_features: {latest}}}
"""


def apply(repository: Path, features: Path, port: str, latest: str) -> None:
    """Makes and applies a repository with one feature view over a file."""
    repository.mkdir(parents=True, exist_ok=True)
    (repository / "registry.db").unlink(missing_ok=True)
    (repository / "feature_store.yaml").write_text(SETTINGS.format(port=port, latest=latest))
    FeatureStore(repo_path=str(repository)).apply(definitions(features))


def definitions(features: Path) -> list[Any]:
    """The same entity and feature view as ours."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    source = FileSource(name=VIEW, path=str(features), timestamp_field="event_timestamp", created_timestamp_column="created")
    types = {name: Float64 for name in FLOATS} | {name: Int64 for name in INTEGERS} | {name: String for name in STRINGS}
    schema = [Field(name="user_id", dtype=Int64), *(Field(name=name, dtype=types[name]) for name in FEATURES)]
    return [user, FeatureView(name=VIEW, entities=[user], ttl=datetime.timedelta(0), schema=schema, source=source)]


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
