"""50M feature rows under a limit of memory: the merge join, which sorts on disk, and what the program chooses by itself."""

from measure.command import Setting
from measure.feature_data import EntityRows, FeatureRows, entity_file, feature_file, feature_glob
from measure.process import Measurement
from measure.repository import feature_repository
from measure.result import Check, Result
from measure.samples import Contender, take_turns
from measure.table import of_samples
from offline.compare import compare
from offline.engines import DUCKDB, asking, ours, out_file, peer, question, title

FEATURE_ROWS, ENTITIES, ENTITY_ROWS, FILE_ROWS = 50_000_000, 5_000_000, 2_000_000, 2_000_000
LIMIT_BYTES = 2 << 30
# What the limit does not cover: code, stacks, the buffers of readers and writers.
BESIDES_BYTES = 256 << 20
MERGE, CHOSEN, UNLIMITED = "Skewless, merge join", "Skewless, as it chooses", "Skewless, as it chooses, without a limit"
MODES = {
    MERGE: ["--join", "merge", "--memory-limit", "2GiB"],
    CHOSEN: ["--memory-limit", "2GiB"],
    UNLIMITED: [],
}


def run(setting: Setting) -> Result:
    """Measures each mode once, and compares each with DuckDB's training set."""
    result = Result("spill", f"2 GiB of memory: {title(setting, FEATURE_ROWS, ENTITY_ROWS)}")
    spec = FeatureRows(setting.rows(FEATURE_ROWS), setting.rows(ENTITIES), rows_per_file=setting.rows(FILE_ROWS))
    features = feature_file(setting.data, spec)
    entities = entity_file(setting.data, EntityRows(setting.rows(ENTITY_ROWS), setting.rows(ENTITIES)))
    skewless = feature_repository(setting.folder / "spill", {"users": features})
    outs = {name: out_file(setting, f"spill-{place}") for place, name in enumerate([*MODES, DUCKDB])}

    def in_mode(name: str) -> Contender:
        options = skewless.with_options("get-historical-features", MODES[name])
        return ours(skewless, entities, outs[name], "-f", "users", *options, name=name)

    with peer("duckdb") as duckdb:
        asked = question(entities, outs[DUCKDB], feature_glob(features), memory_limit="2GiB")
        contenders = [*map(in_mode, MODES), asking(DUCKDB, duckdb, asked)]
        samples = take_turns(contenders, 1, warm_up=False)
    result.paragraphs += [of_samples(samples, MERGE), "One sample each; every contender has the limit but where it says so."]
    if missing := skewless.missing_options("get-historical-features", MODES[MERGE]):
        result.paragraphs.append(f"This program has no {', '.join(missing)}: the modes are one and the same.")
    for mode, of in zip(MODES, samples, strict=False):
        compare(result, f"{mode}: against DuckDB's", outs[mode], outs[DUCKDB])
        if mode != UNLIMITED:
            result.checks.append(memory_check(mode, of.measurements[0]))
    return result


def memory_check(mode: str, measurement: Measurement) -> Check:
    """Whether the whole process stayed within the limit and what lies beside it."""
    peak = measurement.peak_bytes or 0
    asked = f"≤ 2 GiB and {BESIDES_BYTES >> 20} MiB"
    return Check(f"{mode}: peak memory", asked, f"{peak / (1 << 20):,.0f} MiB", peak <= LIMIT_BYTES + BESIDES_BYTES)
