"""Runs the parts that are asked for, prints what they found out, and writes the report of whole runs."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from measure.machine import description
from measure.skewless import program
from offline import report
from offline.parts import PARTS
from offline.result import Result
from offline.setting import HERE, Setting

PACKAGES = ["polars", "duckdb", "pyarrow", "numpy"]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench/offline/run.sh", description="Measures training sets beside peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} [default: all]")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, three samples; leaves RESULTS.md alone")
    parser.add_argument("--scale", type=float, help="rows, as a part of those of a whole run; leaves RESULTS.md alone")
    parser.add_argument("--samples", type=int, help="samples of each contender [default: 9, or 3 if quick]")
    parser.add_argument("--seeds", type=int, help="seeds of the part `seeds` [default: 50, or 5 if quick]")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return asked


def setting(asked: argparse.Namespace) -> Setting:
    """How this run is to be."""
    target = Path(os.environ["BENCH_TARGET"])
    samples = asked.samples or (3 if asked.quick else 9)
    scale = asked.scale or (0.1 if asked.quick else 1.0)
    seeds = asked.seeds or (5 if asked.quick else 50)
    return Setting(target / "offline", target / "feast/bin/python", samples, scale, seeds)


def feast_version(python: Path) -> str:
    """The version of Feast in its own environment."""
    code = "import importlib.metadata as m; print(m.version('feast'), 'with pandas', m.version('pandas'))"
    return "feast " + subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def run_part(name: str, how: Setting) -> Result:
    """One part, with the conditions under which it was measured."""
    command = shlex.join(["bench/offline/run.sh", *sys.argv[1:]])
    conditions = description(command, program(), PACKAGES, [feast_version(how.feast_python)])
    print(f"{name}:", file=sys.stderr, flush=True)
    result = PARTS[name](how)
    sampled = f"{how.samples} samples each where nothing else is said" if how.scale == 1 else f"{how.scale:g} of the rows"
    result.conditions = [*conditions, sampled]
    return result


def main() -> int:
    """Runs, prints, writes; 1 where values differ that must be equal."""
    asked = arguments()
    how, results = setting(asked), []
    for name in asked.parts or PARTS:
        result = run_part(name, how)
        results.append(result)
        if not asked.json:
            print(report.section(result), report.checks_table(result.checks), sep="\n\n", end="\n\n", flush=True)
        if how.scale == 1.0:
            report.save(result, how.folder / "results")
    if asked.json:
        print(json.dumps([result.to_json() for result in results], indent=1))
    if how.scale == 1.0:
        report.write(how.folder / "results", list(PARTS), HERE / "RESULTS.md")
    return int(any(check.is_equality and not check.holds for result in results for check in result.checks))


if __name__ == "__main__":
    sys.exit(main())
