"""The parts of the benchmark: each has `run(setting)`, which measures and returns a `Result`."""

from collections.abc import Callable

from measure.command import Setting
from measure.result import Result
from serving.parts import latency, on_demand, outage, soak, throughput

PARTS: dict[str, Callable[[Setting], Result]] = {
    "throughput": throughput.run,
    "latency": latency.run,
    "on_demand": on_demand.run,
    "outage": outage.run,
    "soak": soak.run,
}
