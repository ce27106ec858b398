"""Half of the peak for a long time, with a registry change each minute and materialization all the while."""

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from measure.command import Setting
from measure.feature_data import END, START
from measure.result import Result
from measure.table import table
from online.redis_server import redis_server
from serving.load import bodies, peak, steady_command, told
from serving.servers import Server, ours

MINUTES = 30.0
GROWTH_MAX = 1.1


def run(setting: Setting) -> Result:
    """Loads our server on Redis, changes a description each minute, materializes without a pause, and watches memory."""
    minutes = float(os.environ.get("SOAK_MINUTES", MINUTES if setting.scale == 1.0 else 1.0))
    result = Result("soak", f"{minutes:g} minutes at half of the peak, with registry changes and materialization")
    with redis_server(setting.folder / "redis-server") as redis, ours(setting, redis) as server:
        file = bodies(setting, 1)
        ended = threading.Event()
        changes: list[int] = []
        jobs: list[int] = []
        with ThreadPoolExecutor() as threads:
            others = [threads.submit(change, server, ended, changes), threads.submit(materialize, server, ended, jobs)]
            try:
                # The peak beside them: what is left for requests.
                rate = peak(server, file, 5) / 2
                driver = subprocess.Popen(steady_command(server, file, rate, minutes * 60), stdout=subprocess.PIPE, text=True)
                memory = watch(server, driver, minutes * 60)
                found = told(driver.communicate()[0])
            finally:
                ended.set()
        for other in others:
            # Raises what ended it before its time.
            other.result()
    growth = max(memory[len(memory) // 2 :]) / max(memory[len(memory) // 4 : len(memory) // 2])
    headings = ["requests/s", "answered", "failed", "p50, ms", "p99, ms", "slowest, ms", "registry changes", "materializations"]
    row = [f"{rate:,.0f}", f"{found.answered:,}", str(found.failed), f"{found.p50_us / 1e3:.2f}", f"{found.p99_us / 1e3:.2f}"]
    result.paragraphs.append(table(headings, [[*row, f"{found.max_us / 1e3:.1f}", str(len(changes)), str(len(jobs))]]))
    quarters = [max(memory[part * len(memory) // 4 : (part + 1) * len(memory) // 4]) / 1e6 for part in range(4)]
    told_memory = ", ".join(f"{quarter:,.0f}" for quarter in quarters)
    result.paragraphs.append(f"The greatest resident memory of each quarter of the time, in MB: {told_memory}.")
    # Each change takes a minute, and some time beside the load.
    result.at_least("registry changes", max(1, int(minutes / 2)), len(changes))
    result.at_least("materializations", 1, len(jobs))
    result.equal("failed requests", "0", str(found.failed), found.failed)
    result.at_most("memory of the second half over the second quarter's", GROWTH_MAX, growth)
    return result


def change(server: Server, ended: threading.Event, changes: list[int]) -> None:
    """Applies another description of the feature view each minute."""
    assert server.repository
    file = server.repository.repository / "features/definitions.yaml"
    text = file.read_text()
    while not ended.wait(60):
        described = text.replace("feature_views:\n  - name: users\n", f"feature_views:\n  - name: users\n    description: change {len(changes)}\n", 1)
        file.write_text(described)
        server.repository.run("apply")
        changes.append(len(changes))
    file.write_text(text)


def materialize(server: Server, ended: threading.Event, jobs: list[int]) -> None:
    """Materializes everything, again and again."""
    assert server.repository
    while not ended.is_set():
        server.repository.run("materialize", START, END)
        jobs.append(len(jobs))


def watch(server: Server, driver: subprocess.Popen[str], seconds: float) -> list[int]:
    """The server's resident memory, some hundred times until the driver ends."""
    memory = []
    while driver.poll() is None:
        memory.append(server.resident_bytes)
        time.sleep(min(5.0, seconds / 100))
    return memory
