"""The command line of a benchmark: runs the parts that are asked for, prints what they found out, writes the report."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from measure import report
from measure.machine import description
from measure.result import Result
from measure.skewless import program

PACKAGES = ["polars", "duckdb", "pyarrow", "numpy"]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark: its folder below `bench`, what it is about, and its parts."""

    name: str
    subject: str
    parts: Mapping[str, Callable[["Setting"], Result]]

    @property
    def script(self) -> str:
        """The command that runs it."""
        return f"bench/{self.name}/run.sh"


@dataclass(frozen=True)
class Setting:
    """How a run was started."""

    folder: Path
    """Where repositories, stores and outputs lie."""
    data: Path
    """Where feature rows and entity rows lie."""
    feast_python: Path
    samples: int
    scale: float
    """Rows, as a part of those of a whole run."""
    seeds: int

    def rows(self, of_whole_run: int) -> int:
        """The number of rows of this run."""
        return max(1, int(of_whole_run * self.scale))


def run(benchmark: Benchmark) -> int:
    """Runs, prints, writes; 1 where values differ that must be equal."""
    asked = arguments(benchmark)
    how, results = setting(benchmark, asked), []
    for name in asked.parts or benchmark.parts:
        result = run_part(benchmark, name, how)
        results.append(result)
        if not asked.json:
            print(report.section(result), report.checks_table(result.checks), sep="\n\n", end="\n\n", flush=True)
        if how.scale == 1.0:
            report.save(result, how.folder / "results")
    if asked.json:
        print(json.dumps([result.to_json() for result in results], indent=1))
    if how.scale == 1.0:
        introduction = report.INTRODUCTION.format(subject=benchmark.subject, script=benchmark.script)
        file = Path(__file__).parent.parent / benchmark.name / "RESULTS.md"
        report.write(how.folder / "results", list(benchmark.parts), file, introduction)
    return int(any(check.is_equality and not check.holds for result in results for check in result.checks))


def arguments(benchmark: Benchmark) -> argparse.Namespace:
    """The command line."""
    parts = ", ".join(benchmark.parts)
    parser = argparse.ArgumentParser(prog=benchmark.script, description=f"Measures {benchmark.subject} beside peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {parts} [default: all]")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, three samples; leaves RESULTS.md alone")
    parser.add_argument("--scale", type=float, help="rows, as a part of those of a whole run; leaves RESULTS.md alone")
    parser.add_argument("--samples", type=int, help="samples of each contender [default: 9, or 3 if quick]")
    parser.add_argument("--seeds", type=int, help="seeds of the part `seeds` [default: 50, or 5 if quick]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(benchmark.parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {parts}")
    return asked


def setting(benchmark: Benchmark, asked: argparse.Namespace) -> Setting:
    """How this run is to be."""
    target = Path(os.environ["BENCH_TARGET"])
    return Setting(
        folder=target / benchmark.name,
        data=target / "data",
        feast_python=target / "feast/bin/python",
        samples=asked.samples or (3 if asked.quick else 9),
        scale=asked.scale or (0.1 if asked.quick else 1.0),
        seeds=asked.seeds or (5 if asked.quick else 50),
    )


def run_part(benchmark: Benchmark, name: str, how: Setting) -> Result:
    """One part, with the conditions under which it was measured."""
    conditions = description(shlex.join([benchmark.script, *sys.argv[1:]]), program(), PACKAGES, [feast_version(how)])
    print(f"{name}:", file=sys.stderr, flush=True)
    result = benchmark.parts[name](how)
    sampled = f"{how.samples} samples each where nothing else is said" if how.scale == 1 else f"{how.scale:g} of the rows"
    result.conditions = [*conditions, sampled]
    return result


def feast_version(how: Setting) -> str:
    """The version of Feast in its own environment."""
    code = "import importlib.metadata as m; print(m.version('feast'), 'with pandas', m.version('pandas'))"
    told = subprocess.run([how.feast_python, "-c", code], capture_output=True, text=True, check=True)
    return f"feast {told.stdout.strip()}"
