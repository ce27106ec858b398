"""Requests, and what sends them: wrk as fast as it gets, and our open-loop driver at a rate."""

import json
import os
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from measure.command import Setting
from measure.feature_data import FEATURES
from measure.process import CommandFailed
from serving.servers import Server, beside, features

BODIES = 1_000
CONNECTIONS = 32
ON_DEMAND = ["spend_per_order:spend_per_order", "distance:haversine_distance", "mail:domain", "mail:is_free_mail"]


def bodies(setting: Setting, entities: int, on_demand: bool = True) -> Path:
    """A file with requests for as many entities each, all of which are stored; with the on-demand features or without."""
    chance = random.Random(entities)
    known = pl.scan_parquet(features(setting)).select(pl.col("user_id").unique()).collect()["user_id"].sort().to_list()
    stored = [f"users:{name}" for name in FEATURES]
    file = setting.folder / f"bodies-{entities}-{'all' if on_demand else 'stored'}.jsonl"
    with file.open("w") as out:
        for _ in range(BODIES):
            columns: dict[str, list[float]] = {"user_id": chance.choices(known, k=entities)}
            if on_demand:
                columns["destination_latitude"] = [chance.uniform(-90, 90) for _ in range(entities)]
                columns["destination_longitude"] = [chance.uniform(-180, 180) for _ in range(entities)]
            asked = {"features": stored + (ON_DEMAND if on_demand else []), "entities": columns}
            out.write(json.dumps(asked) + "\n")
    return file


@dataclass(frozen=True)
class Peak:
    """What wrk told."""

    rate: float
    """Requests a second."""
    broken: int
    """Connections that broke."""


def peak(server: Server, file: Path, seconds: int) -> float:
    """The requests a second that wrk reaches. Raises CommandFailed where one fails, or a connection breaks."""
    found = peak_of_any(server, file, seconds)
    if found.broken:
        raise CommandFailed(f"wrk against {server.name}: {found.broken} connections broke")
    return found.rate


def peak_of_any(server: Server, file: Path, seconds: int) -> Peak:
    """The same of a server that may break connections. Raises CommandFailed where a request is answered otherwise than with success."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--timeout", "10s"]
    command += ["--script", str(Path(__file__).with_name("wrk.lua")), f"http://{server.address}/get-online-features"]
    done = subprocess.run(command, env={**os.environ, "BODIES": str(file)}, capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if done.returncode or not rate or "Non-2xx" in done.stdout:
        raise CommandFailed(f"wrk against {server.name}:\n{done.stdout}{done.stderr}")
    errors = re.search(r"Socket errors: (.*)", done.stdout)
    return Peak(float(rate.group(1)), sum(map(int, re.findall(r"\d+", errors.group(1)))) if errors else 0)


@dataclass(frozen=True)
class Steady:
    """What the open-loop driver told."""

    answered: int
    failed: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    failed_p50_us: float
    failed_max_us: float
    started: float
    """When it began, in seconds since 1970."""
    first_failed_s: float
    """When the first request failed, in seconds from the start; 0 where none did."""
    last_failed_s: float
    by_second: dict[str, list[int]]
    """How many answers of each status there were in each second from the start; `none` counts requests without one."""


def steady_command(server: Server, file: Path, rate: float, seconds: float, connections: int = 64) -> list[str]:
    """The command that sends requests at a rate."""
    command = [str(beside("skewless-load")), "--address", server.address, "--rate", f"{rate:.1f}"]
    return [*command, "--seconds", f"{seconds:g}", "--connections", str(connections), "--bodies", str(file)]


def told(output: str) -> Steady:
    """What the open-loop driver printed."""
    names = Steady.__dataclass_fields__
    found: dict[str, Any] = {name: value or 0 for name, value in json.loads(output).items() if name in names}
    return Steady(**found)


def steady(server: Server, file: Path, rate: float, seconds: float) -> Steady:
    """Sends requests at a rate for a while."""
    done = subprocess.run(steady_command(server, file, rate, seconds), capture_output=True, text=True, check=True)
    return told(done.stdout)
