"""The work of `main` on 20 times the rows: 20M feature rows in files of 2M, 2M entity rows."""

from measure.command import Setting
from measure.feature_data import EntityRows, FeatureRows, entity_file, feature_file, feature_glob
from measure.repository import feature_repository
from measure.result import Result
from measure.samples import take_turns
from measure.table import of_samples
from offline.compare import compare
from offline.engines import DUCKDB, OURS, POLARS, POLARS_IN_ORDER, asking, ours, out_file, peer, question, title
from offline.parts.main import check_times

FEATURE_ROWS, ENTITIES, ENTITY_ROWS, FILE_ROWS = 20_000_000, 2_000_000, 2_000_000, 2_000_000


def run(setting: Setting) -> Result:
    """Measures us, Polars and DuckDB, and compares."""
    result = Result("large", f"One feature view: {title(setting, FEATURE_ROWS, ENTITY_ROWS)}")
    spec = FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES), rows_per_file=setting.rows(FILE_ROWS))
    features = feature_file(setting.data, spec)
    entities = entity_file(setting.data, EntityRows(setting.rows(ENTITY_ROWS), setting.rows(ENTITIES)))
    skewless = feature_repository(setting.folder / "large", {"users": features})
    outs = {name: out_file(setting, f"large-{name}") for name in ("ours", "duckdb", "polars")}
    with peer("polars") as polars, peer("duckdb") as duckdb:
        asked = question(entities, outs["polars"], feature_glob(features))
        contenders = [
            ours(skewless, entities, outs["ours"], "-f", "users"),
            asking(POLARS_IN_ORDER, polars, asked | {"in_order": True}),
            asking(POLARS, polars, asked),
            asking(DUCKDB, duckdb, asked | {"out": str(outs["duckdb"])}),
        ]
        samples = take_turns(contenders, min(setting.samples, 3))
    result.paragraphs.append(of_samples(samples, OURS))
    result.plot(result.title, samples)
    check_times(result, "large", samples)
    compare(result, "large: ours against DuckDB's", outs["ours"], outs["duckdb"])
    compare(result, "large: ours against Polars'", outs["ours"], outs["polars"])
    return result
