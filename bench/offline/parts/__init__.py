"""The parts of the benchmark: each has `run(setting)`, which measures and returns a `Result`."""

from collections.abc import Callable

from measure.command import Setting
from measure.result import Result
from offline.parts import large, main, seeds, spill, transforms, views

PARTS: dict[str, Callable[[Setting], Result]] = {
    "main": main.run,
    "transforms": transforms.run,
    "views": views.run,
    "large": large.run,
    "spill": spill.run,
    "seeds": seeds.run,
}
