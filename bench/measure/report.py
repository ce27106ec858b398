"""Writes RESULTS.md and the plot from what the parts found out, each when it was last measured."""

import json
from collections.abc import Sequence
from pathlib import Path

from measure.plot import plot
from measure.result import Check, Result
from measure.table import table

INTRODUCTION = """# Results of the benchmark of {subject}

Written by `{script}`; [README.md](README.md) says what is measured and how to read it.

![Median times](times.svg)

## What is asked, and what was measured
"""


def checks_table(checks: Sequence[Check]) -> str:
    """What is asked, what was measured, and whether it holds."""
    rows = [[check.what, check.asked, check.measured, "yes" if check.holds else "**no**"] for check in checks]
    return table(["", "asked", "measured", "holds"], rows)


def section(result: Result) -> str:
    """The part's own section."""
    conditions = "\n".join(f"- {line}" for line in result.conditions)
    return "\n\n".join([f"## {result.title}", conditions, *result.paragraphs])


def save(result: Result, folder: Path) -> None:
    """Keeps a part's result for the report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.part}.json").write_text(json.dumps(result.to_json(), indent=1))


def write(folder: Path, parts: Sequence[str], report: Path, introduction: str) -> None:
    """Writes the report of all parts that were ever measured, in their order, and its plot beside it."""
    files = [folder / f"{part}.json" for part in parts]
    results = [Result.from_json(json.loads(file.read_text())) for file in files if file.exists()]
    checks = [check for result in results for check in result.checks]
    text = "\n\n".join([introduction + "\n" + checks_table(checks), *map(section, results)])
    report.write_text(text + "\n")
    plot(results, report.with_name("times.svg"))
