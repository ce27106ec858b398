"""The servers that are measured, each over the same features: ours on Redis and on its file, Feast's, and the bare one."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from measure.command import Setting
from measure.feature_data import END, START, FeatureRows, feature_file
from measure.process import CommandFailed
from measure.repository import feature_repository
from measure.skewless import Skewless, program
from online.redis_server import port_of

ENTITIES = 100_000
ROWS_AN_ENTITY = 10
START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    name: str
    address: str
    pid: int
    repository: Skewless | None = None

    @property
    def resident_bytes(self) -> int:
        """The resident memory of its processes."""
        return sum(_resident(pid) for pid in _family(self.pid))


def features(setting: Setting) -> Path:
    """The file of feature rows."""
    entities = setting.rows(ENTITIES)
    return feature_file(setting.data, FeatureRows(entities * ROWS_AN_ENTITY, entities))


@contextlib.contextmanager
def ours(setting: Setting, server: redis.Redis | None) -> Iterator[Server]:
    """Our server, on Redis or else on its file, filled."""
    folder = setting.folder / ("redis" if server else "embedded")
    file = folder / "online.redb"
    file.unlink(missing_ok=True)
    store = f"{{type: embedded, path: {file}}}"
    if server:
        store = f'{{type: redis, connection_string: "127.0.0.1:{port_of(server)}"}}'
    skewless = feature_repository(folder, {"users": features(setting)}, transforms=True, online_store=store, ttl_days=None)
    skewless.run("materialize", START, END)
    port = free_port()
    command = [program(), "--chdir", folder, "--quiet", "serve", "--port", str(port)]
    name = "Skewless, Redis" if server else "Skewless, embedded"
    with _running(name, [str(part) for part in command], port, setting.folder, skewless) as running:
        yield running


@contextlib.contextmanager
def feast(setting: Setting, server: redis.Redis, settings: dict[str, list[str]]) -> Iterator[list[Server]]:
    """Feast's server in its python mode, with two workers, over its own layout in the same Redis: once with each of the settings."""
    folder = setting.folder / "feast"
    script = Path(__file__).with_name("feast_peer.py")
    made = [setting.feast_python, script, folder, features(setting), str(port_of(server))]
    subprocess.run([str(part) for part in made], check=True, stdout=subprocess.DEVNULL)
    with contextlib.ExitStack() as stack:
        servers = []
        for name, arguments in settings.items():
            port = free_port()
            command = [str(setting.feast_python), "-c", "from feast.cli.cli import cli; cli()", "--chdir", str(folder), "serve"]
            command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2", *arguments]
            servers.append(stack.enter_context(_running(name, command, port, setting.folder)))
        yield servers


@contextlib.contextmanager
def bare(setting: Setting, server: redis.Redis) -> Iterator[Server]:
    """axum and redis-rs, and nothing else, over our layout."""
    port = free_port()
    command = [str(beside("skewless-bare")), "--redis", f"redis://127.0.0.1:{port_of(server)}", "--port", str(port)]
    with _running("bare server", command, port, setting.folder) as running:
        yield running


def beside(name: str) -> Path:
    """A program that is built with ours."""
    path = program().with_name(name)
    if not path.exists():
        raise CommandFailed(f"{path} is not there: build the whole workspace, in release")
    return path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _running(
    name: str, command: list[str], port: int, folder: Path, repository: Skewless | None = None
) -> Iterator[Server]:
    log = folder / f"{name.replace(', ', '-').replace(' ', '-')}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        _wait(process, port, log)
        yield Server(name, f"127.0.0.1:{port}", process.pid, repository)
    finally:
        process.terminate()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
            return
        with contextlib.suppress(ConnectionRefusedError):
            # The bare server has no /health; what answers at all is up.
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise CommandFailed(f"a server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(member for child in direct for member in _family(child))]


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0
