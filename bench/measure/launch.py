"""Runs a command and prints as JSON how long it took, how much memory it held at its peak, and its exit code.

A program of its own, because the kernel counts the memory of whoever starts a process as part of that process's peak: this
one is small. It imports nothing but the standard library. Usage: launch.py LOG COMMAND…
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Runs and tells."""
    log, command = sys.argv[1], sys.argv[2:]
    with open(log, "wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"seconds": seconds, "peak_bytes": usage.ru_maxrss * 1024, "code": code}))


main()
