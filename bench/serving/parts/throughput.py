"""Requests a second, by wrk: ours on Redis and on its file, Feast's python mode, and the bare server, in turns."""

import json
import math
import os
import statistics
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from measure.command import Setting
from measure.process import CommandFailed
from measure.result import Result
from measure.table import rounded, table
from online.redis_server import redis_server
from serving.load import CONNECTIONS, Peak, bodies, peak_of_any
from serving.servers import ENTITIES, Server, bare, feast, ours

SIZES = [1, 10, 100]
SECONDS, ROUNDS = 8, 3
# At 100 entities Redis itself is the limit, so the file has to show what the server can do.
FEAST_TIMES = {("Skewless, Redis", 1): 40, ("Skewless, Redis", 10): 30, ("Skewless, Redis", 100): 15}
FEAST_TIMES[("Skewless, embedded", 100)] = 30
BARE_SHARE = 0.5
STARTING_SECONDS = 5
# As it is by default, a worker ends after a thousand requests, and another is started. "Tuned" it goes on, and writes no access log.
DEFAULT = "Feast"
FEAST = {DEFAULT: [], "Feast, tuned": ["--no-access-log", "--max-requests", "0"]}


def run(setting: Setting) -> Result:
    """Starts all servers over one Redis, and asks each in turn."""
    each = "10 features and 4 on-demand features of three views"
    result = Result("throughput", f"Requests a second: {each}, {rounded(setting.rows(ENTITIES))} entities")
    with redis_server(setting.folder / "redis-server") as server, ExitStack() as stack:
        servers = [stack.enter_context(ours(setting, server)), stack.enter_context(ours(setting, None))]
        servers.append(stack.enter_context(bare(setting, server)))
        if os.environ.get("SERVING_PEERS") != "none":
            servers += stack.enter_context(feast(setting, server, FEAST))
        files = {size: bodies(setting, size) for size in SIZES}
        if servers[-1].name in FEAST:
            others = differing(servers[0], servers[-1], files[100])
            result.equal("values that differ from Feast's, of 20 requests for 100 entities", "0", str(others), others)
        found = {size: rounds(setting, servers, file) for size, file in files.items()}
        memory = {of.name: of.resident_bytes for of in servers}
    tell(result, found, memory)
    return result


def rounds(setting: Setting, servers: list[Server], file: Path) -> dict[str, list[Peak]]:
    """What each server reaches in each round; they take turns, so that what disturbs one disturbs all."""
    seconds = SECONDS if setting.scale == 1.0 else 2
    found: dict[str, list[Peak]] = {of.name: [] for of in servers}
    for of in servers:
        turn(setting, of, file, 1)
    for _ in range(min(setting.samples, ROUNDS)):
        for of in servers:
            found[of.name].append(turn(setting, of, file, seconds))
    return found


def turn(setting: Setting, of: Server, file: Path, seconds: int) -> Peak:
    """What the server reaches. Only Feast may break connections."""
    seen = peak_of_any(of, file, seconds)
    if seen.broken and of.name not in FEAST:
        raise CommandFailed(f"{of.name}: {seen.broken} connections broke")
    if of.name == DEFAULT:
        # Workers that have ended are still being started, on the cores that the next needs.
        time.sleep(STARTING_SECONDS if setting.scale == 1.0 else 1)
    return seen


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


def tell(result: Result, found: dict[int, dict[str, list[Peak]]], memory: dict[str, int]) -> None:
    """The table, and what is asked of us."""
    names = list(memory)
    rates = {
        size: {name: statistics.median(peak.rate for peak in peaks) for name, peaks in of_size.items()}
        for size, of_size in found.items()
    }
    broken = {name: sum(peak.broken for of_size in found.values() for peak in of_size[name]) for name in names}
    headings = ["requests/s", *(f"{size} {'entity' if size == 1 else 'entities'}" for size in SIZES), "broken connections", "memory after, MB"]
    last = {name: [f"{broken[name]:,}", f"{memory[name] / 1e6:,.0f}"] for name in names}
    rows = [[name, *(f"{rates[size][name]:,.0f}" for size in SIZES), *last[name]] for name in names]
    result.paragraphs += [f"By wrk on {CONNECTIONS} connections; medians of rounds in turn.", table(headings, rows)]
    for theirs in (name for name in FEAST if name in memory):
        for (name, size), times in FEAST_TIMES.items():
            how = "" if theirs == DEFAULT else ", tuned"
            what = f"{name}, {size} at a time, as many times Feast's python mode{how}"
            result.at_least(what, times, rates[size][name] / rates[size][theirs])
    if DEFAULT in memory:
        result.paragraphs.append(times_feast(rates))
    for size in SIZES:
        share = rates[size]["Skewless, Redis"] / rates[size]["bare server"]
        result.at_least(f"Skewless, Redis, {size} at a time, share of the bare server", BARE_SHARE, share)
        result.plotted[f"{size} at a time"] = {name: 1 / rate for name, rate in rates[size].items()}


def times_feast(rates: dict[int, dict[str, float]]) -> str:
    """The table of how many times Feast's rate ours is, with each of its settings."""

    def times(size: int, name: str, theirs: str) -> str:
        return f"{rates[size][name] / rates[size][theirs]:.1f}×"

    headings = ["as many times the rate of", "", *(f"{size} at a time" for size in SIZES)]
    pairs = [(name, theirs) for theirs in FEAST for name in ("Skewless, Redis", "Skewless, embedded")]
    return table(headings, [[theirs, name, *(times(size, name, theirs) for size in SIZES)] for name, theirs in pairs])
