"""Requests a second, by wrk: ours on Redis and on its file, Feast's python mode, and the bare server, in turns."""

import json
import math
import os
import statistics
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measure.command import Setting
from measure.process import CommandFailed
from measure.result import Result
from measure.table import rounded, table
from online.redis_server import redis_server
from serving.load import CONNECTIONS, bodies, peak
from serving.servers import ENTITIES, Server, bare, feast, ours

SIZES = [1, 10, 100]
SECONDS, ROUNDS = 8, 3
# At 100 entities Redis itself is the limit, so the file has to show what the server can do.
FEAST_TIMES = {("Skewless, Redis", 1): 40, ("Skewless, Redis", 10): 30, ("Skewless, Redis", 100): 15}
FEAST_TIMES[("Skewless, embedded", 100)] = 30
BARE_SHARE = 0.5


def run(setting: Setting) -> Result:
    """Starts all servers over one Redis, and asks each in turn."""
    each = "10 features and 4 on-demand features of three views"
    result = Result("throughput", f"Requests a second: {each}, {rounded(setting.rows(ENTITIES))} entities")
    with redis_server(setting.folder / "redis-server") as server, ExitStack() as stack:
        servers = [stack.enter_context(ours(setting, server)), stack.enter_context(ours(setting, None))]
        servers.append(stack.enter_context(bare(setting, server)))
        if os.environ.get("SERVING_PEERS") != "none":
            servers.append(stack.enter_context(feast(setting, server, access_log=True)))
            servers.append(stack.enter_context(feast(setting, server)))
        files = {size: bodies(setting, size) for size in SIZES}
        if servers[-1].name == "Feast":
            found = differing(servers[0], servers[-1], files[100])
            result.equal("values that differ from Feast's, of 20 requests for 100 entities", "0", str(found), found)
        rates = {size: rounds(setting, servers, file) for size, file in files.items()}
        memory = {of.name: of.resident_bytes for of in servers}
    tell(result, rates, memory)
    return result


def rounds(setting: Setting, servers: list[Server], file: Path) -> dict[str, float]:
    """The median rate of each server; they take turns, so that what disturbs one disturbs all."""
    seconds = SECONDS if setting.scale == 1.0 else 2
    found: dict[str, list[float]] = {of.name: [] for of in servers}
    for of in servers:
        peak(of, file, 1)
    for _ in range(min(setting.samples, ROUNDS)):
        for of in servers:
            found[of.name].append(peak(of, file, seconds))
    return {name: statistics.median(values) for name, values in found.items()}


def differing(one: Server, other: Server, file: Path) -> int:
    """How many values of some requests the servers answer differently; a distance may differ in its last bits."""
    count = 0
    for body in file.read_bytes().splitlines()[:20]:
        answers = [answer(of, body) for of in (one, other)]
        if answers[0].keys() != answers[1].keys():
            raise CommandFailed(f"{one.name} answers {sorted(answers[0])}, {other.name} {sorted(answers[1])}")
        for name, values in answers[0].items():
            count += sum(not alike(*pair) for pair in zip(values, answers[1][name], strict=True))
    return count


def answer(of: Server, body: bytes) -> dict[str, list[Any]]:
    """The values of each feature."""
    request = urllib.request.Request(f"http://{of.address}/get-online-features", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        told = json.load(response)
    names = told["metadata"]["feature_names"]
    return {name: column["values"] for name, column in zip(names, told["results"], strict=True)}


def alike(one: Any, other: Any) -> bool:
    """Whether two values are one, but for the last bits of a float."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-12)
    return bool(one == other)


def tell(result: Result, rates: dict[int, dict[str, float]], memory: dict[str, int]) -> None:
    """The table, and what is asked of us."""
    names = list(memory)
    headings = ["requests/s", *(f"{size} {'entity' if size == 1 else 'entities'}" for size in SIZES), "memory after, MB"]
    rows = [[name, *(f"{rates[size][name]:,.0f}" for size in SIZES), f"{memory[name] / 1e6:,.0f}"] for name in names]
    result.paragraphs += [f"By wrk on {CONNECTIONS} connections; medians of rounds in turn.", table(headings, rows)]
    for (name, size), times in FEAST_TIMES.items():
        if "Feast" in memory:
            result.at_least(f"{name}, {size} at a time, as many times Feast's python mode", times, rates[size][name] / rates[size]["Feast"])
    for size in SIZES:
        share = rates[size]["Skewless, Redis"] / rates[size]["bare server"]
        result.at_least(f"Skewless, Redis, {size} at a time, share of the bare server", BARE_SHARE, share)
        result.plotted[f"{size} at a time"] = {name: 1 / rate for name, rate in rates[size].items()}
