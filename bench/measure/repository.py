"""Writes the feature repository that is measured, builds and certifies its components, and applies it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from measure.feature_data import FLOATS, INTEGERS, STRINGS
from measure.skewless import Skewless, program

PROJECT = Path(__file__).parent.parent.parent
TTL_DAYS = 30
SERVICE = "model"
TRANSFORMS = ["spend_per_order", "haversine_distance", "email_domain"]

TYPES = {name: "float64" for name in FLOATS} | {name: "int64" for name in INTEGERS} | {name: "string" for name in STRINGS}

ON_DEMAND = """
on_demand_feature_views:
  - name: spend_per_order
    transform: spend_per_order
    sources: [users]
  - name: distance
    transform: haversine_distance
    inputs: {origin_latitude: "users:latitude", origin_longitude: "users:longitude"}
    request:
      - {name: destination_latitude, type: float64}
      - {name: destination_longitude, type: float64}
  - name: mail
    transform: email_domain
    sources: [users]
"""


def feature_repository(
    folder: Path,
    sources: Mapping[str, Path],
    transforms: bool = False,
    online_store: str = "{type: embedded}",
    ttl_days: int | None = TTL_DAYS,
    types: Mapping[str, str] = TYPES,
) -> Skewless:
    """A repository with a feature view for each source, whose features `types` names, applied; with three on-demand views
    over the view `users` where `transforms`."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = f"project: bench\nregistry: .skewless/registry\nonline_store: {online_store}\n"
    (folder / "skewless.yaml").write_text(settings)
    text = _sources(sources) + _views(list(sources), ttl_days, types)
    (folder / "features").mkdir(exist_ok=True)
    (folder / "features/definitions.yaml").write_text(text + (_transforms() + ON_DEMAND if transforms else ""))
    skewless = Skewless(program(), folder)
    if transforms:
        skewless.run("build")
        skewless.run("verify")
    skewless.run("apply")
    return skewless


def _sources(sources: Mapping[str, Path]) -> str:
    lines = [
        f"  - {{name: {name}, path: {path}, timestamp_field: event_timestamp, created_timestamp_column: created}}\n"
        for name, path in sources.items()
    ]
    entity = "entities:\n  - name: user\n    join_keys: [{name: user_id, type: int64}]\n"
    return entity + "sources:\n" + "".join(lines)


def _views(names: Sequence[str], ttl_days: int | None, types: Mapping[str, str]) -> str:
    schema = "".join(f"      - {{name: {name}, type: {data_type}}}\n" for name, data_type in types.items())
    ttl = f"    ttl: {ttl_days}d\n" if ttl_days else ""
    view = "  - name: {name}\n    entities: [user]\n    source: {name}\n{ttl}    schema:\n{schema}"
    return "feature_views:\n" + "".join(view.format(name=name, ttl=ttl, schema=schema) for name in names)


def _transforms() -> str:
    folder = PROJECT / "examples/transforms"
    return "transforms:\n" + "".join(f"  - {{name: {name}, path: {folder / name / 'rust'}}}\n" for name in TRANSFORMS)
