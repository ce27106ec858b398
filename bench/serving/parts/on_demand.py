"""What on-demand features cost: the same request with them and without."""

import statistics

from measure.command import Setting
from measure.result import Result
from measure.table import table
from online.redis_server import redis_server
from serving.load import bodies, peak
from serving.servers import ours

SIZES = [1, 10, 100]
SECONDS, ROUNDS = 5, 5
COST_MAX = 25.0


def run(setting: Setting) -> Result:
    """Asks with and without them, in turns."""
    result = Result("on_demand", "The cost of on-demand features: ratio, haversine with request data, e-mail domain")
    rows = []
    with redis_server(setting.folder / "redis-server") as redis:
        for store in (redis, None):
            with ours(setting, store) as server:
                for size in SIZES:
                    files = [bodies(setting, size, on_demand) for on_demand in (False, True)]
                    seconds = SECONDS if setting.scale == 1.0 else 2
                    pairs = [[peak(server, file, seconds) for file in files] for _ in range(min(setting.samples, ROUNDS))]
                    without, including = (statistics.median(rates) for rates in zip(*pairs, strict=True))
                    cost = (without / including - 1) * 100
                    rows.append([server.name, str(size), f"{without:,.0f}", f"{including:,.0f}", f"{cost:.0f}%"])
                    result.at_most(f"{server.name}, {size} at a time: time that on-demand features add", COST_MAX, cost, "%")
    headings = ["", "entities", "stored features only, requests/s", "with on-demand features", "more time a request"]
    result.paragraphs.append(table(headings, rows))
    return result
