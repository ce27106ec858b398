"""A peer that stays warm: a process that answers questions, each one line of JSON, and takes its time itself."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure.process import Measurement

Answer = dict[str, Any]


class WorkerFailed(Exception):
    """The process ended before it answered; the reason is on standard error."""


@dataclass(frozen=True)
class Worker:
    """This side of a running worker."""

    process: subprocess.Popen[str]

    def ask(self, question: Mapping[str, Any]) -> Answer:
        """The answer to a question."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise WorkerFailed(f"a peer ended with {self.process.wait()}: {self.process.args!r}")
        answer: Answer = json.loads(line)
        return answer

    def measure(self, question: Mapping[str, Any]) -> Measurement:
        """How long the worker took for a question, and the most memory it ever held."""
        answer = self.ask(question)
        return Measurement(answer["seconds"], answer["peak_bytes"])


@contextlib.contextmanager
def worker(python: Path, script: Path, environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
    """Starts a worker, and ends it."""
    packages = str(Path(__file__).parent.parent)
    variables = {**os.environ, **(environment or {}), "PYTHONPATH": packages}
    process = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        started = Worker(process)
        # Once it answers, it has started, and takes no time from whoever is measured next.
        started.ask({"ready": True})
        yield started
    finally:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def serve(answer: Callable[[Answer], None]) -> None:
    """The worker's side: does what each line asks for, and tells the time that it took and the peak memory so far. A
    question with the key `ready` asks for nothing."""
    # Libraries print; only answers may go where answers are read. Errors still go to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        question = json.loads(line)
        started = time.perf_counter()
        if "ready" not in question:
            answer(question)
        told = {"seconds": time.perf_counter() - started, "peak_bytes": peak_bytes()}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def peak_bytes() -> int:
    """The most memory that this process has held at a time, by the kernel's count."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
