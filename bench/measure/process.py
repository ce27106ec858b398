"""A command as a whole: its time from start to end, and its peak memory."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Measurement:
    """One sample: seconds of wall time, and the process's peak resident bytes where they say something."""

    seconds: float
    peak_bytes: int | None = None


class CommandFailed(Exception):
    """A command that was measured ended with an error; the message has what it printed."""


def measure(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Measurement:
    """Runs a command to its end. Raises CommandFailed with its output where it does not end with 0."""
    with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log") as log:
        launcher = [sys.executable, "-S", str(LAUNCH), log.name, *map(str, command)]
        done = subprocess.run(launcher, env=environment, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        if told["code"] != 0:
            said = Path(log.name).read_text(errors="replace").strip()
            raise CommandFailed(f"`{' '.join(map(str, command))}` ended with {told['code']}:\n{said[-4000:]}")
    return Measurement(told["seconds"], told["peak_bytes"])
