"""Polars: read, `join_asof`, write, in the fastest of the ways that we tried (eager; lazy, streaming or not, is slower)."""

import warnings
from typing import Any

import polars as pl

from measure.feature_data import FEATURES
from measure.repository import TTL_DAYS
from measure.worker import serve

EARTH_RADIUS_KM = 6371.0088
FREE_MAIL = ["aol.com", "gmail.com", "gmx.de", "hotmail.com", "icloud.com", "outlook.com", "proton.me", "yahoo.com"]

# It says so for every join with `by`.
warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked")


def join(question: dict[str, Any]) -> None:
    """Writes the training set that the question asks for."""
    # The join goes along the event timestamps, so both sides are brought into their order.
    joined = pl.read_parquet(question["entities"]).sort("event_timestamp")
    for features in question["features"]:
        rows = pl.read_parquet(features, columns=["user_id", "event_timestamp", *FEATURES])
        rows = rows.set_sorted("event_timestamp") if question["in_order"] else rows.sort("event_timestamp")
        joined = joined.join_asof(
            rows, on="event_timestamp", by="user_id", strategy="backward", tolerance=f"{TTL_DAYS}d", suffix="_next"
        )
    if question["transforms"]:
        joined = joined.with_columns(**on_demand())
    joined.write_parquet(question["out"], compression="zstd")


def on_demand() -> dict[str, pl.Expr]:
    """The three transforms of the repository, as expressions."""
    orders = pl.col("total_orders")
    domain = pl.col("email").str.extract("@([^@]+)$").str.to_lowercase()
    return {
        "spend_per_order": pl.when(orders != 0).then(pl.col("total_spend") / orders),
        "haversine_distance": haversine(),
        "domain": domain,
        "is_free_mail": domain.is_in(FREE_MAIL),
    }


def haversine() -> pl.Expr:
    """The great-circle distance from the view's point to the entity row's, in kilometres."""
    latitude, longitude = pl.col("latitude").radians(), pl.col("longitude").radians()
    to_latitude, to_longitude = pl.col("destination_latitude").radians(), pl.col("destination_longitude").radians()
    across = latitude.cos() * to_latitude.cos()
    half = ((to_latitude - latitude) / 2).sin() ** 2 + across * ((to_longitude - longitude) / 2).sin() ** 2
    return 2 * EARTH_RADIUS_KM * pl.arctan2(half.sqrt(), (1 - half).sqrt())


if __name__ == "__main__":
    serve(join)
