"""A Redis of our own: on a free port of this machine, in a folder of its own, ended when the measuring is."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

START_SECONDS = 10.0


class RedisMissing(Exception):
    """The server could not be started; the message says what to do."""


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[redis.Redis]:
    """Starts a server that keeps everything in memory, and yields a connection. Raises RedisMissing."""
    folder.mkdir(parents=True, exist_ok=True)
    # What another run has saved there is not to be read.
    (folder / "dump.rdb").unlink(missing_ok=True)
    with running(folder, _free_port()) as connection:
        yield connection


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[redis.Redis]:
    """Starts a server on a port, with what one before it has saved in the folder, and yields a connection. Raises RedisMissing."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
    try:
        process = subprocess.Popen(["redis-server", *options, "--loglevel", "warning"], stdout=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise RedisMissing("redis-server is not installed; on Debian: apt-get install redis-server") from error
    try:
        connection = redis.Redis("127.0.0.1", port)
        _wait(connection, process)
        yield connection
    finally:
        process.terminate()
        process.wait()


def port_of(connection: redis.Redis) -> int:
    """The server's port."""
    return int(connection.connection_pool.connection_kwargs["port"])


def used_bytes(connection: redis.Redis) -> int:
    """What the server's data take in its memory, without the server itself."""
    return int(connection.info("memory")["used_memory_dataset"])


def _wait(connection: redis.Redis, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        # While it loads what was saved, it answers that it is busy, which is such an error too.
        with contextlib.suppress(redis.ConnectionError):
            connection.ping()
            return
        time.sleep(0.02)
    raise RedisMissing(f"redis-server did not answer within {START_SECONDS:g} s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
