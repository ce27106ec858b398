"""1M rows × 10 features of 100k entities from one file into Redis on loopback, beside Feast, and into redb."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import redis

from measure.command import Setting
from measure.feature_data import END, START, FeatureRows, feature_file
from measure.process import Measurement, measure
from measure.result import Result
from measure.samples import Contender, Samples, take_turns
from measure.table import megabytes, rounded, seconds, table, times
from measure.worker import Worker, worker
from online.redis_server import port_of, redis_server, used_bytes
from online.stores import Store, stores
from online.values import count_entities, differing_values

ROWS, ENTITIES = 1_000_000, 100_000
MEMORY_MB_MAX = 500
FEAST_PEER = Path(__file__).parent.parent / "feast_peer.py"
FEAST_SAMPLES = 5
FEAST = "Feast → Redis"
FEAST_LATEST = "Feast → Redis, `pull_latest_features`"

Held = dict[str, tuple[int, int]]
"""Keys and bytes in Redis after a contender has filled it."""


def run(setting: Setting) -> Result:
    """Measures, checks what is stored, and compares the rates."""
    rows, entities = setting.rows(ROWS), setting.rows(ENTITIES)
    result = Result("materialize", f"Materialize {rounded(rows)} rows × 10 features, {rounded(entities)} entities")
    features = feature_file(setting.data, FeatureRows(rows, entities))
    with redis_server(setting.folder / "redis-server") as server:
        found, held = stores(setting.folder / "materialize", server, {"users": features}), Held()
        with feasts(setting, features, server, held) as contenders:
            samples = take_turns([*(ours(store) for store in found), *contenders], min(setting.samples, FEAST_SAMPLES))
        check_values(setting, result, found, features, server, held)
    stored_entities = count_entities(features)
    result.paragraphs += [rates(samples, rows, stored_entities), stored(held, stored_entities)]
    if len(found) == 1:
        result.paragraphs.append("This program has no Redis; only redb was measured.")
    result.plot(result.title, samples)
    check_rates(result, samples, found)
    return result


def ours(store: Store) -> Contender:
    """Us, into a store that is empty."""
    return Contender(name_of(store), store.materialize)


def name_of(store: Store) -> str:
    """The contender that uses one of our stores."""
    return f"Skewless → {store.name}, whole process"


@contextlib.contextmanager
def feasts(setting: Setting, features: Path, server: redis.Redis, held: Held) -> Iterator[list[Contender]]:
    """Feast as it is, and with the setting that has it write the newest rows only; as a process from start to end, and
    `store.materialize` alone in a warm one. What each stored is noted in `held`."""
    with worker(setting.feast_python, FEAST_PEER, {"PYTHONWARNINGS": "ignore"}) as warm:
        contenders = []
        for name, latest in ((FEAST, "false"), (FEAST_LATEST, "true")):
            repository = setting.folder / f"feast-{latest}"
            environment = {**os.environ, "PYTHONPATH": str(FEAST_PEER.parent.parent), "PYTHONWARNINGS": "ignore"}
            arguments: list[str | Path] = [repository, features, str(port_of(server)), latest]
            measure([setting.feast_python, FEAST_PEER, *arguments], environment)
            contenders += of_repository(setting, name, repository, server, warm, held)
        yield contenders


def of_repository(
    setting: Setting, name: str, repository: Path, server: redis.Redis, warm: Worker, held: Held
) -> list[Contender]:
    """Both ways to materialize a repository of Feast's, each into an empty store."""
    feast: list[str | Path] = [setting.feast_python, setting.feast_python.with_name("feast")]
    command = [*feast, "-c", repository, "materialize", START, END]

    def process() -> Measurement:
        server.flushall()
        measurement = measure(command)
        held[name] = server.dbsize(), used_bytes(server)
        return measurement

    def alone() -> Measurement:
        server.flushall()
        return warm.measure({"repository": str(repository)})

    return [Contender(f"{name}, whole process", process), Contender(f"{name}, `store.materialize` alone", alone)]


def check_values(
    setting: Setting, result: Result, found: list[Store], features: Path, server: redis.Redis, held: Held
) -> None:
    """Whether each store of ours has what it should, and how much room that takes."""
    entities = count_entities(features)
    for store in found:
        store.materialize()
        compared, wrong = differing_values(store.skewless, features, setting.rows(ENTITIES))
        measured = f"{wrong} of {compared:,} differ"
        result.equal(f"{store.name}: values read back against the newest rows", "0 differing values", measured, wrong)
        if store.name == "Redis":
            held[name_of(store)] = server.dbsize(), used_bytes(server)
    for name, (keys, _) in held.items():
        result.equal(f"{name}: keys in Redis", f"{entities:,}, one for each entity", f"{keys:,}", abs(keys - entities))


def rates(samples: list[Samples], rows: int, entities: int) -> str:
    """Times, rates and memory of all contenders."""
    base = samples[0].median
    headings = ["", "median, s", "fastest, s", "times ours", "rows of the file/s", "entities/s", "peak memory, MB"]
    lines = [
        [
            of.name,
            seconds(of.median),
            seconds(of.fastest),
            times(of.median / base),
            f"{rows / of.median:,.0f}",
            f"{entities / of.median:,.0f}",
            megabytes(of.peak_bytes),
        ]
        for of in samples
    ]
    return table(headings, lines)


def stored(held: Held, entities: int) -> str:
    """What the data take in Redis's memory."""
    lines = [[name, f"{size / 1e6:,.1f}", f"{size / entities:,.0f}"] for name, (_, size) in held.items()]
    return table(["stored in Redis by", "MB", "bytes an entity"], lines)


def check_rates(result: Result, samples: list[Samples], found: list[Store]) -> None:
    """What is asked: ten times the rate of Feast's faster way, and a bound on memory."""
    median = {of.name: of.median for of in samples}
    feast = min(median[f"{name}, whole process"] for name in (FEAST, FEAST_LATEST))
    for store in found:
        of = next(of for of in samples if of.name == name_of(store))
        ratio = feast / of.median
        if store.name == "Redis":
            result.at_least("our rate into Redis, by Feast's faster way, whole processes", 10.0, ratio)
        result.at_most(f"peak memory of ours into {store.name}", MEMORY_MB_MAX, (of.peak_bytes or 0) / 1e6, " MB")
