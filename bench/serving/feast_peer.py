"""Feast: makes, applies and materializes a repository. Run with the Python of its own virtual environment.

`feast_peer.py REPOSITORY FEATURES PORT`: the same feature view as ours, and the same three on-demand feature views, in
Feast's python mode.
"""

import datetime
import sys
from pathlib import Path
from typing import Any

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RequestSource, ValueType
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Bool, Float64, Int64, String

from measure.feast_repository import SETTINGS
from measure.feature_data import END, FEATURES, FLOATS, INTEGERS, START, STRINGS


def definitions(features: Path) -> list[Any]:
    """The entity, the feature view, and the on-demand feature views."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    source = FileSource(
        name="users", path=str(features), timestamp_field="event_timestamp", created_timestamp_column="created"
    )
    types = {name: Float64 for name in FLOATS} | {name: Int64 for name in INTEGERS} | {name: String for name in STRINGS}
    schema = [Field(name="user_id", dtype=Int64), *(Field(name=name, dtype=types[name]) for name in FEATURES)]
    users = FeatureView(name="users", entities=[user], ttl=datetime.timedelta(0), schema=schema, source=source)
    names = ["destination_latitude", "destination_longitude"]
    request = RequestSource(name="destination", schema=[Field(name=name, dtype=Float64) for name in names])

    @on_demand_feature_view(sources=[users], schema=[Field(name="spend_per_order", dtype=Float64)], mode="python")
    def spend_per_order(inputs: dict[str, Any]) -> dict[str, Any]:
        pairs = zip(inputs["total_spend"], inputs["total_orders"], strict=True)
        return {"spend_per_order": [spend / orders if orders else None for spend, orders in pairs]}

    @on_demand_feature_view(sources=[users, request], schema=[Field(name="haversine_distance", dtype=Float64)], mode="python")
    def distance(inputs: dict[str, Any]) -> dict[str, Any]:
        # Feast runs the source of the function alone, so that it has to bring all it needs.
        import math

        def one(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
            half_latitude = math.radians(to_latitude - latitude) / 2
            half_longitude = math.radians(to_longitude - longitude) / 2
            across = math.cos(math.radians(latitude)) * math.cos(math.radians(to_latitude))
            haversine = math.sin(half_latitude) ** 2 + across * math.sin(half_longitude) ** 2
            return 2 * 6371.0088 * math.atan2(math.sqrt(haversine), math.sqrt(1 - haversine))

        names = ("latitude", "longitude", "destination_latitude", "destination_longitude")
        columns = [inputs[name] for name in names]
        return {"haversine_distance": [one(*values) for values in zip(*columns, strict=True)]}

    fields = [Field(name="domain", dtype=String), Field(name="is_free_mail", dtype=Bool)]

    @on_demand_feature_view(sources=[users], schema=fields, mode="python")
    def mail(inputs: dict[str, Any]) -> dict[str, Any]:
        free = {"aol.com", "gmail.com", "gmx.de", "hotmail.com", "icloud.com", "outlook.com", "proton.me", "yahoo.com"}
        domains = [email.rpartition("@")[2].lower() for email in inputs["email"]]
        return {"domain": domains, "is_free_mail": [domain in free for domain in domains]}

    return [user, users, spend_per_order, distance, mail]


def main() -> None:
    """Does what the arguments say."""
    repository, features, port = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    repository.mkdir(parents=True, exist_ok=True)
    (repository / "registry.db").unlink(missing_ok=True)
    stores = [f'online_store: {{type: redis, connection_string: "127.0.0.1:{port}"}}', "offline_store: {type: file}"]
    (repository / "feature_store.yaml").write_text("\n".join([*SETTINGS, *stores]) + "\n")
    store = FeatureStore(repo_path=str(repository))
    store.apply(definitions(features))
    start, end = (datetime.datetime.fromisoformat(f"{instant}+00:00") for instant in (START, END))
    store.materialize(start, end)


if __name__ == "__main__":
    main()
