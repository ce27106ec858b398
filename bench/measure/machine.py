"""What a figure is worth nothing without: date, machine, versions, command."""

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def description(command: str, program: Path, packages: Sequence[str], others: Sequence[str] = ()) -> list[str]:
    """Lines that say when, where and with what something was measured; `others` are versions found elsewhere."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    load = os.getloadavg()[0]
    versions = [f"{package} {importlib.metadata.version(package)}" for package in packages]
    today = datetime.datetime.now(datetime.UTC).date()
    return [
        f"{today}, by `{command}`",
        f"{_processor()}, {cores()} cores, {memory / 1e9:.0f} GB, Linux {platform.release()}; "
        f"load average {load:.2f} when it started",
        f"{_version(program)}; Python {platform.python_version()}, {', '.join([*versions, *others])}",
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _version(program: Path) -> str:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    built = " (a build for development, so slower)" if "/debug/" in str(program.resolve()) else ""
    return told + built
