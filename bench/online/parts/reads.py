"""Reads from Redis: 100 entities × 3 feature views × 20 features at a time, beside redis-benchmark moving the same bytes."""

import os
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from measure.command import Setting
from measure.result import Result
from measure.skewless import has_redis, program
from measure.table import rounded, table
from online import driver
from online.redis_server import port_of, redis_server
from online.stores import Store, stores
from online.wide_data import FEATURES, TYPES, VIEWS, wide_files

ENTITIES, BATCH, SECONDS = 100_000, 100, 5
ROUNDS = 3
# Some seconds of redis-benchmark.
FLOOR_READS = 2_000_000
CONNECTIONS = [1, 2, 4, 8]
SHARE_MIN = 0.8


def run(setting: Setting) -> Result:
    """Fills Redis as we lay it out, and reads it in both ways, a number of times at once."""
    entities = setting.rows(ENTITIES)
    each = f"{BATCH} entities × {len(VIEWS)} views × {len(FEATURES)} features a read"
    result = Result("reads", f"Reads from Redis: {each}, {rounded(entities)} entities")
    if not has_redis(program()):
        result.paragraphs.append("Not measured: this program has no Redis.")
        return result
    with redis_server(setting.folder / "redis-server") as server:
        store = stores(setting.folder / "reads", server, wide_files(setting.data, entities), TYPES)[0]
        store.materialize()
        layout = lay_out_floor(server, entities)
        rounds = min(setting.samples, ROUNDS)
        pairs = [[both(store, server, layout, entities, connections) for _ in range(rounds)] for connections in CONNECTIONS]
    result.paragraphs += [
        f"An entity's values are {layout.bytes_an_entity:,} bytes in {len(layout.fields)} fields; a read takes {BATCH} "
        f"`HMGET`s in one round trip. Rates are medians of {rounds} rounds of each in turn.",
        table_of(pairs),
    ]
    if driver.has_driver():
        best = max(map(our_rate, pairs)) / max(map(floor_rate, pairs))
        what = "entities a second that we read from Redis, by redis-benchmark's, each with its best number at once"
        result.at_least(what, SHARE_MIN, best)
    else:
        result.paragraphs.append(driver.MISSING)
    return result


Pair = tuple[float, driver.Reads | None]
"""The entities a second of redis-benchmark, and what ours reached right after it."""


def both(store: Store, server: redis.Redis, layout: "Layout", entities: int, connections: int) -> Pair:
    """One round of redis-benchmark and of ours."""
    floor = floor_of(server, layout, entities, connections)
    if not driver.has_driver():
        return floor, None
    return floor, driver.read(store.skewless.repository, entities, BATCH, connections, SECONDS)


def floor_rate(rounds: list[Pair]) -> float:
    """The median rate of redis-benchmark."""
    return statistics.median(floor for floor, _ in rounds)


def our_rate(rounds: list[Pair]) -> float:
    """Our median rate."""
    return statistics.median(ours.entities_a_second for _, ours in rounds if ours)


def table_of(pairs: list[list[Pair]]) -> str:
    """A line for each number of reads at once: connections of redis-benchmark, requests of ours, which share theirs; the latency
    is that of the last round."""
    headings = ["at once", "redis-benchmark, entities/s"]
    lines = [[str(connections), f"{floor_rate(of):,.0f}"] for connections, of in zip(CONNECTIONS, pairs, strict=True)]
    if driver.has_driver():
        headings += ["Skewless, entities/s", "share", "latency of a read"]
        for line, of in zip(lines, pairs, strict=True):
            last = of[-1][1]
            line += [f"{our_rate(of):,.0f}", f"{our_rate(of) / floor_rate(of):.2f}", last.latency if last else "–"]
    return table(headings, lines)


@dataclass(frozen=True)
class Layout:
    """What an entity is in Redis: the lengths of its key, and of its fields with their values."""

    key_bytes: int
    fields: list[tuple[int, int]]

    @property
    def bytes_an_entity(self) -> int:
        """The bytes of all values."""
        return sum(value for _, value in self.fields)

    def names(self) -> list[str]:
        """Names of as many bytes as the fields'."""
        return [f"{place}".zfill(length)[-length:] for place, (length, _) in enumerate(self.fields)]

    def key(self, number: str) -> str:
        """A key of as many bytes as ours, as far as the 12 digits of its number leave room."""
        return "k" * max(0, self.key_bytes - 12) + number


def lay_out_floor(server: redis.Redis, entities: int) -> Layout:
    """Adds as many hashes as there are entities, with names and values of the same lengths, under keys that redis-benchmark
    can draw. One field of all after the other, as our views are written: a hash whose fields are written at different times lies in
    different places of Redis's memory, and takes it longer to read than one that is written at once."""
    key = server.randomkey()
    assert isinstance(key, bytes), "nothing is stored"
    layout = Layout(len(key), [(len(name), len(value)) for name, value in sorted(server.hgetall(key).items())])
    for name, (_, length) in zip(layout.names(), layout.fields, strict=True):
        for numbers in batches(entities):
            pipeline = server.pipeline(transaction=False)
            for number in numbers:
                pipeline.hset(layout.key(f"{number:012}"), name, os.urandom(length))
            pipeline.execute()
    return layout


def batches(count: int) -> Iterator[range]:
    """Numbers below `count`, some thousands at a time."""
    return (range(start, min(start + 5_000, count)) for start in range(0, count, 5_000))


def floor_of(server: redis.Redis, layout: Layout, entities: int, connections: int) -> float:
    """The entities a second that redis-benchmark reaches with as many `HMGET`s in a round trip."""
    command = ["redis-benchmark", "-p", str(port_of(server)), "-c", str(connections), "-P", str(BATCH), "--csv"]
    command += ["-n", str(FLOOR_READS), "-r", str(entities)]
    # It writes 12 digits in the place of the name.
    command += ["HMGET", layout.key("__rand_int__"), *layout.names()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1].split('","')[1].strip('"'))
