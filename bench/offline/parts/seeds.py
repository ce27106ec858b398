"""Random small data of many seeds: equal to DuckDB's ASOF join where nothing is tied, and to the oracle everywhere."""

import itertools
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from measure.command import Setting
from measure.result import Result
from measure.skewless import Skewless, program
from offline.compare import NotComparable, differing, differing_cells
from offline.oracle import newest_row
from offline.small_data import FEATURES, SECOND_US, Keys, Trial, View, draw

VERB = "get-historical-features"
THREADS, BATCHES, JOINS = ["1", "2", "4"], ["1", "37", "8192"], ["hash", "merge"]


@dataclass
class Tally:
    """What was compared, and what differed."""

    runs: int = 0
    wrong_runs: int = 0
    cells: int = 0
    asof_cells: int = 0
    asof_wrong: int = 0


def run(setting: Setting) -> Result:
    """Tries every seed, in every way in which the program can be asked for the same."""
    result, tally = Result("seeds", f"Random data of {setting.seeds} seeds"), Tally()
    options: list[list[str]] = []
    for seed in range(setting.seeds):
        folder = setting.folder / "seeds" / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        options = try_seed(seed, folder, tally)
        print(f"  seed {seed}: {tally}", file=sys.stderr, flush=True)
    wrong_runs = f"{tally.wrong_runs} of {tally.runs:,} runs differ"
    wrong_cells = f"{tally.asof_wrong} of {tally.asof_cells:,} cells differ"
    result.paragraphs.append(told(setting.seeds, tally, options))
    of_seeds = f"{setting.seeds} seeds"
    result.equal(f"{of_seeds}: ours against the oracle", "0 differing runs", wrong_runs, tally.wrong_runs)
    against = f"{of_seeds}, views without ties: ours against DuckDB's ASOF join"
    result.equal(against, "0 differing cells", wrong_cells, tally.asof_wrong)
    return result


def try_seed(seed: int, folder: Path, tally: Tally) -> list[list[str]]:
    """Draws a seed's data, and asks for its features in all ways; the options that were given to the program."""
    trial = draw(seed, folder)
    skewless, tried = repository(folder, trial), []
    for known_at in (False, True):
        expected, out = write_expected(folder, trial, known_at), folder / f"ours-{known_at}.parquet"
        for options in all_options(skewless, known_at):
            skewless.run(VERB, "-e", trial.entity_file, "-o", out, "--full-feature-names", *options, *asked(trial))
            wrong = wrong_cells(out, expected, f"seed {seed}, {' '.join(options)}")
            tally.runs += 1
            tally.wrong_runs += wrong > 0
            tally.cells += len(trial.entity_rows) * len(trial.views) * len(FEATURES)
            tried.append(options)
    against_asof(trial, folder / f"ours-{False}.parquet", tally)
    return tried


def told(seeds: int, tally: Tally, options: list[list[str]]) -> str:
    """What was tried, in words."""
    kinds = sorted({option for run in options for option in run if option.startswith("--")})
    if missing := {"--threads", "--batch-size", "--join"}.difference(kinds):
        kinds.append(f"(this program has no {', '.join(sorted(missing))})")
    return (
        f"{seeds} seeds, {tally.runs:,} runs, {tally.cells:,} cells of features. Each seed has 16 feature views: with ties "
        f"and without, rows in order and shuffled, one file and three, with and without a ttl; each run asks for all of "
        f"them. What varied from run to run: {', '.join(kinds)}."
    )


def all_options(skewless: Skewless, known_at: bool) -> list[list[str]]:
    """Every combination of the options that must not change a value, as far as the program has them."""
    found: list[list[str]] = []
    for threads, batch, join in itertools.product(THREADS, BATCHES, JOINS):
        options = ["--threads", threads, "--batch-size", batch, "--join", join]
        options = skewless.with_options(VERB, options) + (["--known-at"] if known_at else [])
        if options not in found:
            found.append(options)
    return found


def asked(trial: Trial) -> list[str]:
    """The options that ask for all views."""
    return ["-f", ",".join(view.name for view in trial.views)]


def repository(folder: Path, trial: Trial) -> Skewless:
    """A feature repository over the files of a seed, applied."""
    (folder / "skewless.yaml").write_text("project: bench\nregistry: .skewless/registry\n")
    (folder / "features").mkdir()
    (folder / "features/definitions.yaml").write_text("".join(definitions(trial)))
    skewless = Skewless(program(), folder)
    skewless.run("apply")
    return skewless


def definitions(trial: Trial) -> Iterator[str]:
    """The definitions in YAML. The views with and without a ttl have a source each."""
    yield f"entities:\n  - name: customer\n    join_keys: [{named(trial.keys)}]\n"
    yield "sources:\n"
    for view in trial.views:
        columns = "timestamp_field: event_timestamp, created_timestamp_column: created"
        yield f"  - {{name: {view.name}, path: {view.path}, {columns}}}\n"
    yield "feature_views:\n"
    for view in trial.views:
        ttl = f", ttl: {view.ttl_seconds}s" if view.ttl_seconds else ""
        yield f"  - {{name: {view.name}, entities: [customer], source: {view.name}{ttl}, schema: [{named(FEATURES)}]}}\n"


def named(fields: Keys) -> str:
    """Fields of a schema in YAML."""
    return ", ".join(f"{{name: {name}, type: {data_type}}}" for name, data_type in fields.items())


def write_expected(folder: Path, trial: Trial, known_at: bool) -> Path:
    """The training set that the oracle finds, as a file."""
    table = trial.entity_rows
    keys = list(zip(*(trial.entity_rows[name].to_pylist() for name in trial.keys), strict=True))
    at = trial.entity_rows["event_timestamp"].cast(pa.int64()).to_pylist()
    for view in trial.views:
        rows, ttl = view.source_rows(trial.keys), view.ttl_seconds and view.ttl_seconds * SECOND_US
        places = [newest_row(rows, key, instant, ttl, known_at) for key, instant in zip(keys, at, strict=True)]
        for name in FEATURES:
            table = table.append_column(f"{view.name}__{name}", view.rows[name].take(pa.array(places, pa.int64())))
    path = folder / f"expected-{known_at}.parquet"
    pq.write_table(table, path)
    return path


def wrong_cells(ours: Path, expected: Path, what: str) -> int:
    """How many cells differ; tells them."""
    try:
        wrong = {name: cells for name, cells in differing_cells(ours, expected).items() if cells}
    except NotComparable as reason:
        wrong = {str(reason): 1}
    if wrong:
        print(f"  DIFFERENT: {what}: {wrong}", file=sys.stderr, flush=True)
    return sum(wrong.values())


def against_asof(trial: Trial, out: Path, tally: Tally) -> None:
    """Compares the views without ties with DuckDB's ASOF join."""
    ours = pq.read_table(out)
    for view in (view for view in trial.views if not view.has_ties):
        theirs = asof(trial, view)
        for name in FEATURES:
            tally.asof_cells += len(theirs)
            tally.asof_wrong += differing(column(ours, f"{view.name}__{name}"), column(theirs, name))


def asof(trial: Trial, view: View) -> pa.Table:
    """What DuckDB finds, in the order of the entity rows."""
    live = f"feature.event_timestamp >= entity.event_timestamp - INTERVAL {view.ttl_seconds or 0} SECOND"
    columns = [f"CASE WHEN {live if view.ttl_seconds else 'true'} THEN feature.{name} END AS {name}" for name in FEATURES]
    keys = " AND ".join(f"entity.{name} = feature.{name}" for name in trial.keys)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("entity", trial.entity_rows)
    connection.register("feature", view.rows)
    return connection.sql(
        f"SELECT {', '.join(columns)} FROM entity ASOF LEFT JOIN feature ON {keys}"
        " AND entity.event_timestamp >= feature.event_timestamp ORDER BY row_id"
    ).to_arrow_table()


def column(table: pa.Table, name: str) -> pa.Array:
    """A column in one piece."""
    return table[name].combine_chunks()
