"""Three feature views of different sources in one request, against one of them."""

import statistics

from measure.command import Setting
from measure.feature_data import FeatureRows, feature_file
from measure.repository import feature_repository
from measure.result import Result
from measure.samples import Contender, take_turns
from measure.table import of_samples
from offline.engines import OURS, ours, out_file, peer, question
from offline.parts.main import ENTITIES, FEATURE_ROWS, entity_rows

VIEWS = ["users", "users_of_phones", "users_of_shops"]
THEIRS = "DuckDB, warm, three views"


def run(setting: Setting) -> Result:
    """Measures each view alone and all of them together."""
    result = Result("views", "Three feature views in one request")
    sources = {
        name: feature_file(setting.data, FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES), seed=10 + place))
        for place, name in enumerate(VIEWS)
    }
    skewless, entities = feature_repository(setting.folder / "views", sources), entity_rows(setting)

    def asking_for(name: str, *views: str) -> Contender:
        out = out_file(setting, f"views-{len(views)}")
        return ours(skewless, entities, out, "--full-feature-names", "-f", ",".join(views), name=name)

    with peer("duckdb") as duckdb:
        asked = question(entities, out_file(setting, "views-duckdb"), *map(str, sources.values()))
        contenders = [asking_for(f"{OURS}, {name}", name) for name in VIEWS]
        contenders += [asking_for(OURS, *VIEWS), Contender(THEIRS, lambda: duckdb.measure(asked))]
        samples = take_turns(contenders, setting.samples)
    result.paragraphs.append(of_samples(samples, OURS))
    one = statistics.mean(of.median for of in samples[: len(VIEWS)])
    together = next(of.median for of in samples if of.name == OURS)
    result.at_most("time of three views in one request, by the mean of one", 3.0, together / one)
    result.plot("three views", samples[len(VIEWS) :])
    return result
