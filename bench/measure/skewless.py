"""The program that is measured: how it is called, and which options it has."""

import functools
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure.process import Measurement, measure


@dataclass(frozen=True)
class Skewless:
    """The program, run in a feature repository."""

    program: Path
    repository: Path

    def run(self, *arguments: str | Path) -> Measurement:
        """Runs a verb to its end, and says how long the whole process took. Raises CommandFailed."""
        return measure([self.program, "--chdir", self.repository, "--quiet", *arguments])

    def with_options(self, verb: str, options: Sequence[str]) -> list[str]:
        """`options` without those that the program does not have, and their values: an older one has no `--threads 2`."""
        missing, kept = self.missing_options(verb, options), []
        for place, option in enumerate(options):
            named = option if option.startswith("--") else options[place - 1]
            kept += [option] if named not in missing else []
        return kept

    def missing_options(self, verb: str, options: Sequence[str]) -> list[str]:
        """Those of `options` that the program does not have."""
        known = _options(self.program, verb)
        return [option for option in options if option.startswith("--") and option not in known]


def has_redis(program: Path) -> bool:
    """Whether the program can keep its online store in Redis."""
    schema = subprocess.run([program, "schema", "settings"], capture_output=True, text=True, check=True).stdout
    return '"redis"' in schema


@functools.cache
def _options(program: Path, verb: str) -> frozenset[str]:
    told = subprocess.run([program, verb, "--help"], capture_output=True, text=True, check=True).stdout
    return frozenset(word.strip(",") for word in told.split() if word.startswith("--"))


def program() -> Path:
    """The program, which run.sh names."""
    return Path(os.environ["SKEWLESS"]).resolve()
