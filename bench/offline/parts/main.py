"""One feature view: 1M feature rows × 10 features, 100k entity rows, with Polars, DuckDB and Feast on the same files."""

import contextlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from measure.command import Setting
from measure.feature_data import EntityRows, FeatureRows, entity_file, feature_file
from measure.repository import feature_repository
from measure.result import Result
from measure.samples import Samples, take_turns
from measure.table import of_samples
from offline.compare import compare
from offline.engines import (
    DUCKDB,
    OURS,
    POLARS,
    POLARS_IN_ORDER,
    asking,
    cold_feast,
    feast_repository,
    ours,
    out_file,
    peer,
    question,
    title,
    warm_feast,
)

FEATURE_ROWS, ENTITIES, ENTITY_ROWS = 1_000_000, 100_000, 100_000

LAYOUTS: dict[str, dict[str, Any]] = {
    "in the order of time, one row group": {},
    "in the order of time, row groups of 100,000": {"rows_per_group": 100_000},
    "in no order, one row group": {"in_order": False},
}


def entity_rows(setting: Setting) -> Path:
    """The entity rows of this part, which others take as well."""
    return entity_file(setting.data, EntityRows(setting.rows(ENTITY_ROWS), setting.rows(ENTITIES)))


def run(setting: Setting) -> Result:
    """Measures every layout of the files."""
    result = Result("main", f"One feature view: {title(setting, FEATURE_ROWS, ENTITY_ROWS)}")
    for layout, options in LAYOUTS.items():
        spec = FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES), **options)
        measure_layout(setting, result, layout, spec)
    with_feast(setting, result)
    return result


def measure_layout(setting: Setting, result: Result, layout: str, spec: FeatureRows) -> None:
    """Measures us, Polars and DuckDB on one layout of the files, and compares our training set with DuckDB's."""
    features, entities = feature_file(setting.data, spec), entity_rows(setting)
    skewless = feature_repository(setting.folder / "main", {"users": features})
    outs = {name: out_file(setting, f"main-{name}") for name in ("ours", "duckdb", "polars")}
    with peer("polars") as polars, peer("duckdb") as duckdb:
        asked = question(entities, outs["polars"], str(features))
        contenders = [
            ours(skewless, entities, outs["ours"], "-f", "users"),
            asking(POLARS, polars, asked),
            asking(DUCKDB, duckdb, question(entities, outs["duckdb"], str(features))),
        ]
        if spec.in_order:
            contenders.insert(1, asking(POLARS_IN_ORDER, polars, asked | {"in_order": True}))
        samples = take_turns(contenders, setting.samples)
    result.paragraphs += [f"**Feature rows {layout}.**", of_samples(samples, OURS)]
    result.plot(layout, samples)
    check_times(result, layout, samples)
    compare(result, f"{layout}: ours against DuckDB's", outs["ours"], outs["duckdb"])
    compare(result, f"{layout}: ours against Polars'", outs["ours"], outs["polars"])


def check_times(result: Result, layout: str, samples: list[Samples]) -> None:
    """What is asked: no slower than Polars, ahead of DuckDB."""
    median = {of.name: of.median for of in samples}
    result.at_most(f"{layout}: our time, by Polars'", 1.0, median[OURS] / median[POLARS])
    result.at_most(f"{layout}: our time, by DuckDB's", 1.0, median[OURS] / median[DUCKDB])


def with_feast(setting: Setting, result: Result) -> None:
    """Feast on the first layout, with both of its local offline stores, cold and warm; fewer samples, since it is slow."""
    spec = FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES))
    features, entities = feature_file(setting.data, spec), entity_rows(setting)
    skewless = feature_repository(setting.folder / "main", {"users": features})
    contenders = [ours(skewless, entities, out_file(setting, "main-ours"), "-f", "users")]
    with contextlib.ExitStack() as running:
        for store, name in (("file", "Dask"), ("duckdb", "DuckDB")):
            repository = feast_repository(setting, f"main-{store}", features, store)
            asked = question(entities, out_file(setting, f"main-feast-{store}"), repository=str(repository))
            warm = running.enter_context(warm_feast(setting))
            contenders.append(cold_feast(f"Feast with {name}, whole process", setting, asked))
            contenders.append(asking(f"Feast with {name}, warm", warm, asked))
        samples = take_turns(contenders, min(setting.samples, 3))
    result.paragraphs += ["**Feast, on the first of these files.**", of_samples(samples, OURS), feast_rows(setting)]
    result.plot("Feast, the first of these files", samples)


def feast_rows(setting: Setting) -> str:
    """How many entity rows came back from Feast."""
    count = {store: pq.read_metadata(out_file(setting, f"main-feast-{store}")).num_rows for store in ("file", "duckdb")}
    rows = pq.read_metadata(entity_rows(setting)).num_rows
    return (
        f"Of {rows:,} entity rows, Feast's training set has {count['file']:,} with Dask and {count['duckdb']:,} with DuckDB."
    )
