"""Reads from redb while another process writes to the same file all the time."""

import contextlib
import threading
from collections.abc import Iterator

from measure.command import Setting
from measure.feature_data import END, START
from measure.result import Result
from measure.skewless import Skewless
from measure.table import rounded, table
from online import driver
from online.parts.reads import ENTITIES, SECONDS
from online.redis_server import redis_server
from online.stores import stores
from online.wide_data import FEATURES, TYPES, VIEWS, wide_files

BATCHES = [1, 100]
ENTITY_US_MAX = 50


def run(setting: Setting) -> Result:
    """Reads single entities and many at once, without a writer and with one."""
    entities = setting.rows(ENTITIES)
    each = f"{len(VIEWS)} views × {len(FEATURES)} features of each entity"
    result = Result("embedded_reads", f"Reads from redb: {each}, {rounded(entities)} entities, one connection")
    if not driver.has_driver():
        result.paragraphs.append(driver.MISSING)
        return result
    with redis_server(setting.folder / "redis-server") as server:
        store = stores(setting.folder / "reads", server, wide_files(setting.data, entities), TYPES)[-1]
    store.materialize()
    repository, lines = store.skewless.repository, []
    for batch in BATCHES:
        alone = driver.read(repository, entities, batch, 1, SECONDS)
        with writing(store.skewless) as written:
            beside = driver.read(repository, entities, batch, 1, SECONDS)
        for name, of in (("no writer", alone), ("a process materializes all the while", beside)):
            lines.append([f"{batch}, {name}", f"{of.p50_us:,.1f}", f"{of.p99_us:,.1f}", f"{of.p99_us / batch:,.1f}"])
        what = f"redb beside a writer, reads of {rounded(batch)}: 99% within, for each entity"
        result.at_most(what, ENTITY_US_MAX, beside.p99_us / batch, " µs")
        result.paragraphs.append(f"Beside the reads of {batch}, `materialize` rewrote everything {len(written)} times.")
    headings = ["entities a read", "median, µs", "99% within, µs", "for each entity, µs"]
    result.paragraphs.insert(0, table(headings, lines))
    return result


@contextlib.contextmanager
def writing(skewless: Skewless) -> Iterator[list[float]]:
    """Materializes again and again as long as it lasts; what is yielded grows with each run, by its seconds."""
    runs: list[float] = []
    over = threading.Event()

    def write() -> None:
        while not over.is_set():
            runs.append(skewless.run("materialize", START, END).seconds)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield runs
    finally:
        over.set()
        writer.join()
