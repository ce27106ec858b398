"""How long an answer takes at half of the peak rate, by the open-loop driver: a request's time counts from when it is due.

One stall of the machine of a tenth of a second is a hundredth of the requests of 10 s. So each line is the median of samples that are taken
in turns, and tells the p99 of all of them; and the bare server is asked as often in the same turns: what it waits for is not ours.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from measure.command import Setting
from measure.result import Result
from measure.table import table
from online.redis_server import redis_server
from serving.load import Steady, bodies, peak, steady
from serving.servers import Server, bare, ours

SIZES = [1, 10, 100]
SECONDS = 10
SAMPLES = 5
P99_MS_MAX = 5.0


@dataclass
class Line:
    """A server that is asked for so many entities at a rate."""

    server: Server
    size: int
    requests: Path
    rate: float
    samples: list[Steady] = field(default_factory=list)

    @property
    def median(self) -> Steady:
        """The sample whose p99 is the median."""
        return sorted(self.samples, key=lambda sample: sample.p99_us)[len(self.samples) // 2]

    @property
    def failed(self) -> int:
        """Requests that failed, in all samples."""
        return sum(sample.failed for sample in self.samples)

    def row(self) -> list[str]:
        """A line of the table."""
        found = self.median
        times = [found.p50_us, found.p99_us, found.p999_us, found.max_us]
        p99s = ", ".join(f"{sample.p99_us / 1e3:.2f}" for sample in self.samples)
        return [self.server.name, str(self.size), f"{self.rate:,.0f}", *(f"{micros / 1e3:.2f}" for micros in times), p99s]


def run(setting: Setting) -> Result:
    """Finds the peak of ours on either store, then sends half of it."""
    result = Result("latency", "Latency at half of the peak rate")
    is_whole = setting.scale == 1.0
    seconds, samples = (SECONDS, SAMPLES) if is_whole else (3, 1)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(setting.folder / "redis-server"))
        servers = [stack.enter_context(ours(setting, store)) for store in (redis, None)]
        lines = [line(setting, server, size, max(2, seconds // 4)) for server in servers for size in SIZES]
        beside = stack.enter_context(bare(setting, redis))
        # As often as ours is asked on the same store.
        bares = [Line(beside, of.size, of.requests, of.rate) for of in lines[: len(SIZES)]]
        for _ in range(samples):
            for each in lines + bares:
                each.samples.append(steady(each.server, each.requests, each.rate, seconds))
    for each in lines:
        name, p99 = f"{each.server.name}, {each.size} at a time", each.median.p99_us / 1e3
        result.at_most(f"{name}: p99", P99_MS_MAX, p99, " ms")
    for each in lines + bares:
        result.equal(f"{each.server.name}, {each.size} at a time: failed requests", "0", str(each.failed), each.failed)
    headings = ["", "entities", "rate, requests/s", "p50, ms", "p99, ms", "p99.9, ms", "slowest, ms", "p99 of all samples, ms"]
    result.paragraphs.append(f"Of {samples} samples of {seconds} s, in turns, the one whose p99 is the median.")
    result.paragraphs.append(table(headings, [each.row() for each in lines + bares]))
    return result


def line(setting: Setting, server: Server, size: int, seconds: float) -> Line:
    """Asks as often as it can for a while, to know what half of that is."""
    requests = bodies(setting, size)
    return Line(server, size, requests, peak(server, requests, seconds) / 2)
