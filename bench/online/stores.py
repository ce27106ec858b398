"""Our online stores: repositories that use them, and materialization that begins with an empty store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from measure.feature_data import END, START
from measure.process import Measurement
from measure.repository import TYPES, feature_repository
from measure.skewless import Skewless, has_redis, program
from online.redis_server import port_of


@dataclass(frozen=True)
class Store:
    """One of our online stores in a feature repository."""

    name: str
    skewless: Skewless
    empty: Callable[[], object]
    """Deletes everything that is stored."""

    def materialize(self) -> Measurement:
        """Fills the empty store, as a process from start to end."""
        self.empty()
        return self.skewless.run("materialize", START, END)


def stores(folder: Path, server: redis.Redis, sources: Mapping[str, Path], types: Mapping[str, str] = TYPES) -> list[Store]:
    """A repository for each store that the program has. Without a ttl, because the data are of the past."""
    file = folder / "embedded/online.redb"
    embedded = repository(folder / "embedded", sources, types, f"{{type: embedded, path: {file}}}")
    found = [Store("redb", embedded, _delete(file))]
    if has_redis(program()):
        settings = f'{{type: redis, connection_string: "127.0.0.1:{port_of(server)}"}}'
        found.insert(0, Store("Redis", repository(folder / "redis", sources, types, settings), server.flushall))
    return found


def repository(folder: Path, sources: Mapping[str, Path], types: Mapping[str, str], online_store: str) -> Skewless:
    """A repository with one of the stores."""
    return feature_repository(folder, sources, online_store=online_store, ttl_days=None, types=types)


def _delete(file: Path) -> Callable[[], object]:
    return lambda: file.unlink(missing_ok=True)
