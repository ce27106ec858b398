"""How long an answer takes at half of the peak rate, by the open-loop driver: a request's time counts from when it is due."""

from measure.command import Setting
from measure.result import Result
from measure.table import table
from online.redis_server import redis_server
from serving.load import Steady, bodies, peak, steady
from serving.servers import ours

SIZES = [1, 10, 100]
SECONDS = 20
P99_MS_MAX = 5.0


def run(setting: Setting) -> Result:
    """Finds the peak of ours on either store, then sends half of it."""
    result = Result("latency", "Latency at half of the peak rate")
    seconds = SECONDS if setting.scale == 1.0 else 3
    rows = []
    with redis_server(setting.folder / "redis-server") as redis:
        for store in (redis, None):
            with ours(setting, store) as server:
                for size in SIZES:
                    file = bodies(setting, size)
                    rate = peak(server, file, max(2, seconds // 4)) / 2
                    found = steady(server, file, rate, seconds)
                    rows.append(row(server.name, size, rate, found))
                    result.at_most(f"{server.name}, {size} at a time: p99", P99_MS_MAX, found.p99_us / 1e3, " ms")
                    result.equal(f"{server.name}, {size} at a time: failed requests", "0", str(found.failed), found.failed)
    headings = ["", "entities", "rate, requests/s", "p50, ms", "p99, ms", "p99.9, ms", "slowest, ms"]
    result.paragraphs.append(table(headings, rows))
    return result


def row(name: str, size: int, rate: float, found: Steady) -> list[str]:
    """A line of the table."""
    times = [found.p50_us, found.p99_us, found.p999_us, found.max_us]
    return [name, str(size), f"{rate:,.0f}", *(f"{micros / 1e3:.2f}" for micros in times)]
