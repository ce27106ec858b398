"""Whether the store has the right values: what it answers, against the newest rows of the files."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from measure.feature_data import END, FEATURES, feature_glob
from measure.skewless import Skewless

SAMPLE = 1_000


def differing_values(skewless: Skewless, features: Path, entities: int) -> tuple[int, int]:
    """Asks for all features of some entities; how many values were compared, and how many differ in one bit or more."""
    users = np.random.default_rng(7).integers(0, entities, SAMPLE).tolist()
    answered, expected = answer(skewless, users), newest(features, users)
    wrong = sum(
        (found, type(found)) != (right, type(right))
        for name in FEATURES
        for found, right in zip(answered[name], expected[name], strict=True)
    )
    return len(users) * len(FEATURES), wrong


def answer(skewless: Skewless, users: Sequence[int]) -> dict[str, list[Any]]:
    """What a request to the server would be answered, by feature. JSON has enough digits for every bit of a float."""
    request = {"features": ["users"], "entities": {"user_id": users}, "event_timestamp": f"{END}Z"}
    command: list[str | Path] = [
        skewless.program,
        "--chdir",
        skewless.repository,
        "get-online-features",
        "--request",
        "-",
        "--json",
    ]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    names = told["metadata"]["feature_names"]
    return {name: column["values"] for name, column in zip(names, told["results"], strict=True)}


def newest(features: Path, users: Sequence[int]) -> dict[str, list[Any]]:
    """The newest row of each user, by feature; nulls for one without rows."""
    asked = pl.DataFrame({"user_id": users})
    rows = pl.scan_parquet(feature_glob(features)).join(asked.lazy().unique(), on="user_id", how="semi")
    last = rows.sort("event_timestamp").group_by("user_id").last().collect()
    found = asked.join(last, on="user_id", how="left", maintain_order="left")
    return {name: found[name].to_list() for name in FEATURES}


def count_entities(features: Path) -> int:
    """How many entities have rows."""
    return int(pl.scan_parquet(feature_glob(features)).select(pl.col("user_id").n_unique()).collect().item())
