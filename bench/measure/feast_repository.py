"""A feature repository of Feast's over the same file as ours. For the Python of Feast's own virtual environment."""

import datetime
from pathlib import Path
from typing import Any

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

from measure.feature_data import FEATURES, FLOATS, INTEGERS, STRINGS

VIEW = "users"
SETTINGS = ["project: bench", "registry: registry.db", "provider: local", "entity_key_serialization_version: 3"]


def apply_repository(repository: Path, features: Path, stores: list[str], ttl: datetime.timedelta) -> None:
    """Makes and applies a repository with one feature view over a file; `stores` are further lines of its settings."""
    repository.mkdir(parents=True, exist_ok=True)
    (repository / "feature_store.yaml").write_text("\n".join([*SETTINGS, *stores]) + "\n")
    FeatureStore(repo_path=str(repository)).apply(_definitions(features, ttl))


def _definitions(features: Path, ttl: datetime.timedelta) -> list[Any]:
    """The same entity and feature view as ours."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    source = FileSource(name=VIEW, path=str(features), timestamp_field="event_timestamp", created_timestamp_column="created")
    types = {name: Float64 for name in FLOATS} | {name: Int64 for name in INTEGERS} | {name: String for name in STRINGS}
    schema = [Field(name="user_id", dtype=Int64), *(Field(name=name, dtype=types[name]) for name in FEATURES)]
    return [user, FeatureView(name=VIEW, entities=[user], ttl=ttl, schema=schema, source=source)]
