"""Redis away for 20 seconds, stopped or killed, at half of the peak rate: what callers hear, what waits, and how soon it is over."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import redis

from measure.command import Setting
from measure.result import Result
from measure.table import table
from online.redis_server import port_of, redis_server, running
from serving.load import Steady, bodies, peak, steady_command, told
from serving.servers import Server, ours

BEFORE_SECONDS, AWAY_SECONDS, AFTER_SECONDS = 10.0, 20.0, 10.0
# More than may wait in the server, so that some are sent away for that.
CONNECTIONS = 1_500
# What Limits of the server say: two under way and 512 waiting for each processor.
WAITING_MAX = (2 + 512) * (os.cpu_count() or 1)
FAILED_P50_MS_MAX = 5.0
# A reply of a server that is there is waited for for 3 s; of one that is gone nobody waits for any.
SLOWEST_SECONDS_MAX = {"stopped": 3.5, "killed": 1.0}
OVER_SECONDS_MAX = 1.0
# Requests that wait have their memory, up to as many as may; another outage must not add to that.
GROWTH_MAX = 1.5
SECOND_GROWTH_MAX = 1.1


@dataclass(frozen=True)
class Outage:
    """What was seen of one."""

    found: Steady
    gone: float
    back: float
    """When Redis was gone and back, in seconds since 1970."""
    memory_before: int
    """The server's resident memory at most under the same load, before Redis was gone."""
    waiting: list[int]
    memory: list[int]
    """Requests that wait, and the server's resident memory, from when it was gone until after."""

    def rate(self, *statuses: str) -> float:
        """Answers a second with one of the statuses, over the whole seconds of the outage."""
        first, last = int(self.gone - self.found.started) + 1, int(self.back - self.found.started)
        counted = sum(sum(self.found.by_second.get(status, [])[first:last]) for status in statuses)
        return counted / max(1, last - first)

    @property
    def failed_before(self) -> int:
        """Requests that were answered with 503 in the whole seconds before Redis was gone."""
        return sum(self.found.by_second.get("503", [])[: int(self.gone - self.found.started)])

    @property
    def failed_after(self) -> int:
        """Requests that were answered with 503 in the whole seconds that began a second or more after Redis was back."""
        return sum(self.found.by_second.get("503", [])[int(self.back - self.found.started) + 2 :])

    @property
    def others(self) -> int:
        """Requests that were answered otherwise than with 200 or 503, or not at all."""
        return sum(sum(counts) for status, counts in self.found.by_second.items() if status not in ("200", "503"))

    @property
    def over_seconds(self) -> float:
        """How long after Redis was back the last request failed."""
        return self.found.started + self.found.last_failed_s - self.back


def run(setting: Setting) -> Result:
    """Loads our server on Redis, and takes Redis away, once by stopping it and once by killing it."""
    result = Result("outage", f"Redis away for {AWAY_SECONDS:g} s at half of the peak rate")
    allow_connections()
    rows = []
    with ExitStack() as ends, redis_server(setting.folder / "redis-server") as server, ours(setting, server) as feature_server:
        file = bodies(setting, 1)
        rate = peak(feature_server, file, 5 if setting.scale == 1.0 else 2) / 2
        ways = {"stopped": lambda: stopped(server), "killed": lambda: killed(server, setting.folder / "redis-server", ends)}
        memory = []
        for name, away in ways.items():
            seen = outage(setting, feature_server, file, rate, away)
            rows.append(row(name, rate, seen))
            check(result, name, seen)
            memory.append(max(seen.memory))
    result.at_most("memory at most in the second outage over the first", SECOND_GROWTH_MAX, memory[1] / memory[0])
    headings = ["Redis", "requests/s", "200/s meanwhile", "503/s meanwhile", "half failed within, ms", "slowest failure, s"]
    headings += ["503 before", "last failure after it was back, s", "503 later than a second after", "waiting at most"]
    headings.append("memory at most before and then, MB")
    result.paragraphs.append(table(headings, rows))
    return result


def outage(
    setting: Setting, server: Server, file: Path, rate: float, away: Callable[[], AbstractContextManager[None]]
) -> Outage:
    """Sends requests before, while and after Redis is away."""
    share = 1.0 if setting.scale == 1.0 else 0.3
    before, while_away, after = (seconds * share for seconds in (BEFORE_SECONDS, AWAY_SECONDS, AFTER_SECONDS))
    command = steady_command(server, file, rate, before + while_away + after, CONNECTIONS)
    before_memory: list[int] = []
    waiting: list[int] = []
    memory: list[int] = []
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watch(server, time.monotonic() + before, [], before_memory)
    with away():
        gone = time.time()
        watch(server, time.monotonic() + while_away, waiting, memory)
    back = time.time()
    watch(server, time.monotonic() + after, waiting, memory)
    return Outage(told(driver.communicate()[0]), gone, back, max(before_memory), waiting, memory)


def watch(server: Server, until: float, waiting: list[int], memory: list[int]) -> None:
    """Notes four times a second how many requests wait, and the resident memory. Raises ValueError where the server does not say it."""
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://{server.address}/metrics", timeout=10) as response:
            line = re.search(r"^skewless_requests_waiting (.*)$", response.read().decode(), re.MULTILINE)
        if not line:
            raise ValueError(f"{server.name} does not say how many requests wait")
        waiting.append(round(float(line.group(1))))
        memory.append(server.resident_bytes)
        time.sleep(0.25)


@contextlib.contextmanager
def stopped(server: redis.Redis) -> Iterator[None]:
    """Redis does nothing, while the system accepts connections for it."""
    process = server.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def killed(server: redis.Redis, folder: Path, ends: ExitStack) -> Iterator[None]:
    """Redis is killed, and started anew with what it had; it is back when it has loaded that."""
    server.save()
    os.kill(server.info("server")["process_id"], signal.SIGKILL)
    yield
    ends.enter_context(running(folder, port_of(server)))


def allow_connections() -> None:
    """Lets this process and those it starts have as many files as they may: connections are files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def row(name: str, rate: float, seen: Outage) -> list[str]:
    """A line of the table."""
    found = seen.found
    memory = f"{seen.memory_before / 1e6:,.0f} and {max(seen.memory) / 1e6:,.0f}"
    times = [f"{found.failed_p50_us / 1e3:.2f}", f"{found.failed_max_us / 1e6:.2f}", f"{seen.failed_before:,}", f"{seen.over_seconds:.2f}", f"{seen.failed_after:,}"]
    rates = [f"{rate:,.0f}", f"{seen.rate('200'):,.0f}", f"{seen.rate('503'):,.0f}"]
    return [name, *rates, *times, f"{max(seen.waiting):,}", memory]


def check(result: Result, name: str, seen: Outage) -> None:
    """What is asked of us."""
    found = seen.found
    what = f"Redis {name}: "
    result.equal(f"{what}answers other than 200 and 503", "0", str(seen.others), seen.others)
    result.at_least(f"{what}requests that failed", 1, found.failed, "")
    result.at_most(f"{what}half of the failures within", FAILED_P50_MS_MAX, found.failed_p50_us / 1e3, " ms")
    result.at_most(f"{what}slowest failure", SLOWEST_SECONDS_MAX[name], found.failed_max_us / 1e6, " s")
    result.at_most(f"{what}last failure after it was back", OVER_SECONDS_MAX, seen.over_seconds, " s")
    result.at_most(f"{what}requests that wait", WAITING_MAX, max(seen.waiting), "")
    result.at_least(f"{what}requests that waited", 1, max(seen.waiting), "")
    result.at_most(f"{what}memory at most over before", GROWTH_MAX, max(seen.memory) / seen.memory_before)
