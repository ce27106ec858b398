"""The parts of the benchmark: each has `run(setting)`, which measures and returns a `Result`."""

from collections.abc import Callable

from measure.command import Setting
from measure.result import Result
from online.parts import embedded_reads, growth, materialize, reads

PARTS: dict[str, Callable[[Setting], Result]] = {
    "materialize": materialize.run,
    "growth": growth.run,
    "reads": reads.run,
    "embedded_reads": embedded_reads.run,
}
