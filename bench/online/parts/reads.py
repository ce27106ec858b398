"""Reads from Redis: 100 entities × 3 feature views × 20 features at a time, beside redis-benchmark moving the same bytes."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from measure.command import Setting
from measure.process import CommandFailed
from measure.result import Result
from measure.skewless import has_redis, program
from measure.table import rounded, table
from online.redis_server import port_of, redis_server
from online.stores import stores
from online.wide_data import FEATURES, VIEWS, wide_file

ENTITIES, BATCH, SECONDS = 100_000, 100, 5
CONNECTIONS = [1, 2, 4, 8]
SHARE_MIN = 0.8
DRIVER = "SKEWLESS_READS"


@dataclass(frozen=True)
class Throughput:
    """What one of the two reached."""

    entities_a_second: float
    note: str = ""


def run(setting: Setting) -> Result:
    """Fills Redis as we lay it out, and reads it in both ways with a number of connections."""
    entities = setting.rows(ENTITIES)
    each = f"{BATCH} entities × {len(VIEWS)} views × {len(FEATURES)} features a read"
    result = Result("reads", f"Reads from Redis: {each}, {rounded(entities)} entities")
    if not has_redis(program()):
        result.paragraphs.append("Not measured: this program has no Redis.")
        return result
    sources = {view: wide_file(setting.data, view, entities) for view in VIEWS}
    with redis_server(setting.folder / "redis-server") as server:
        store = stores(setting.folder / "reads", server, sources, dict.fromkeys(FEATURES, "float64"))[0]
        store.materialize()
        layout = lay_out_floor(server, entities)
        lines = []
        for connections in CONNECTIONS:
            floor = floor_of(server, layout, entities, connections)
            lines.append(line(result, connections, floor, driven(store.skewless.repository, entities, connections)))
    headings = ["connections", "redis-benchmark, entities/s", "Skewless, entities/s", "share", "latency of a read"]
    result.paragraphs += [
        f"An entity's values are {layout.bytes_an_entity:,} bytes in {len(layout.fields)} fields; a read takes {BATCH} "
        f"`HMGET`s in one round trip.",
        table(headings, lines),
    ]
    if DRIVER not in os.environ:
        result.paragraphs.append(f"Ours was not measured: {DRIVER} names no load driver.")
    return result


def line(result: Result, connections: int, floor: Throughput, ours: Throughput | None) -> list[str]:
    """A line of the table, and the check."""
    share = ours.entities_a_second / floor.entities_a_second if ours else None
    if share is not None:
        result.at_least(f"our reads with {connections} connections, by redis-benchmark's", SHARE_MIN, share)
    told = [f"{ours.entities_a_second:,.0f}", f"{share:.2f}", ours.note] if ours else ["–", "–", "–"]
    return [str(connections), f"{floor.entities_a_second:,.0f}", *told]


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


def lay_out_floor(server: redis.Redis, entities: int) -> Layout:
    """Replaces what is stored by the same number of hashes with names and values of the same lengths, under keys that
    redis-benchmark can draw."""
    key = server.randomkey()
    assert isinstance(key, bytes), "nothing is stored"
    layout = Layout(len(key), [(len(name), len(value)) for name, value in sorted(server.hgetall(key).items())])
    for keys in batches(entities):
        pipeline = server.pipeline(transaction=False)
        for number in keys:
            values = (os.urandom(length) for _, length in layout.fields)
            pipeline.hset(floor_key(layout, f"{number:012}"), mapping=dict(zip(layout.names(), values, strict=True)))
        pipeline.execute()
    return layout


def batches(count: int) -> Iterator[range]:
    """Numbers below `count`, some thousands at a time."""
    return (range(start, min(start + 5_000, count)) for start in range(0, count, 5_000))


def floor_key(layout: Layout, number: str) -> str:
    """A key of as many bytes as ours, as far as the number leaves room."""
    return "k" * max(0, layout.key_bytes - 12) + number


def floor_of(server: redis.Redis, layout: Layout, entities: int, connections: int) -> Throughput:
    """What redis-benchmark reaches with as many `HMGET`s in a round trip."""
    command = ["redis-benchmark", "-p", str(port_of(server)), "-c", str(connections), "-P", str(BATCH), "--csv"]
    command += ["-n", str(max(200_000, entities * 4)), "-r", str(entities)]
    # It writes 12 digits in the place of the name.
    command += ["HMGET", floor_key(layout, "__rand_int__"), *layout.names()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rate = done.stdout.strip().splitlines()[-1].split('","')[1]
    return Throughput(float(rate.strip('"')))


def driven(repository: Path, entities: int, connections: int) -> Throughput | None:
    """What our reads reach: the load driver reads features of entities drawn from 0 to `entities` as often as it can, and
    prints `{"entities": …, "seconds": …, "p50_us": …, "p99_us": …}`. None where there is no driver."""
    if DRIVER not in os.environ:
        return None
    command = [os.environ[DRIVER], "--repository", str(repository), "--features", ",".join(VIEWS)]
    command += ["--entities", str(entities), "--batch", str(BATCH)]
    command += ["--connections", str(connections), "--seconds", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailed(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr}")
    told = json.loads(done.stdout)
    note = f"median {told['p50_us']:,.0f} µs, 99% within {told['p99_us']:,.0f} µs"
    return Throughput(told["entities"] / told["seconds"], note)
