"""Our load driver, `reads/`: reads features through the store, from entity rows to columns, as often as it can."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure.feature_data import END
from measure.process import CommandFailed
from online.wide_data import VIEWS

VARIABLE = "SKEWLESS_READS"
MISSING = f"Ours was not measured: {VARIABLE} names no load driver."


@dataclass(frozen=True)
class Reads:
    """What the driver told."""

    entities_a_second: float
    p50_us: float
    """The median time of a read, in microseconds."""
    p99_us: float

    @property
    def latency(self) -> str:
        """How long a read took, in words."""
        return f"median {self.p50_us:,.0f} µs, 99% within {self.p99_us:,.0f} µs"


def has_driver() -> bool:
    """Whether there is a driver."""
    return VARIABLE in os.environ


def read(repository: Path, entities: int, batch: int, at_once: int, seconds: int) -> Reads:
    """Reads all features of entities drawn from 0 to `entities`, `batch` at a time. Raises CommandFailed, also where a value
    is missing."""
    command = [os.environ[VARIABLE], "--repository", str(repository), "--features", ",".join(VIEWS)]
    command += ["--entities", str(entities), "--batch", str(batch), "--at-once", str(at_once)]
    command += ["--seconds", str(seconds), "--at", f"{END}Z"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailed(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr}")
    told = json.loads(done.stdout)
    return Reads(told["entities"] / told["seconds"], told["p50_us"], told["p99_us"])
