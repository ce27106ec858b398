"""The work of `main` with three on-demand feature views on top: a ratio, a distance to a point of the entity row, a text."""

from measure.command import Setting
from measure.feature_data import FeatureRows, feature_file
from measure.repository import feature_repository
from measure.result import Result
from measure.samples import Contender, take_turns
from measure.table import of_samples
from offline.engines import DUCKDB, OURS, POLARS_IN_ORDER, asking, ours, out_file, peer, question
from offline.parts.main import ENTITIES, FEATURE_ROWS, entity_rows

WITHOUT = "Skewless, whole process, without transforms"
FEATURES = "users,spend_per_order,distance,mail"


def run(setting: Setting) -> Result:
    """Measures us with and without transforms, and the peers with the same as expressions of theirs."""
    result = Result("transforms", "Three on-demand feature views on top")
    features = feature_file(setting.data, FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES)))
    entities = entity_rows(setting)
    skewless = feature_repository(setting.folder / "transforms", {"users": features}, transforms=True)
    outs = {name: out_file(setting, f"transforms-{name}") for name in ("ours", "without", "polars", "duckdb")}
    with peer("polars") as polars, peer("duckdb") as duckdb:
        asked = question(entities, outs["polars"], str(features), transforms=True, in_order=True)
        without = ours(skewless, entities, outs["without"], "-f", "users")
        contenders = [
            ours(skewless, entities, outs["ours"], "-f", FEATURES),
            Contender(WITHOUT, without.run),
            asking(POLARS_IN_ORDER, polars, asked),
            asking(DUCKDB, duckdb, asked | {"out": str(outs["duckdb"])}),
        ]
        samples = take_turns(contenders, setting.samples)
    result.paragraphs += [
        of_samples(samples, OURS),
        "The peers compute expressions of their own: the same functions written a second time. Their sines and cosines "
        "differ from ours in the last bits, so that these training sets are not compared.",
    ]
    result.plot("three on-demand views on top", samples)
    median = {of.name: of.median for of in samples}
    result.at_most("time with three transforms, by that without", 1.5, median[OURS] / median[WITHOUT])
    return result
