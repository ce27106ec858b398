"""Says what a month's training set must hold, by DuckDB's ASOF join instead of Skewless's.

Enters: a month (2013-01) and the files below `data/`.
Leaves: JSON on standard output: for each feature view the rows that match within its ttl and, per feature, the
number of values, the least, the greatest, and for numbers the wrapping sum of their 64 bits (floats by their bits),
which no order of rows changes.
Must stay true: views and ttls are those of the definitions.

    pip install duckdb
    python expected.py 2013-01
"""

import json
import struct
import sys
from pathlib import Path

import duckdb

DATA = Path(__file__).parents[1] / "data"

# view: (file, timestamp, {column in the file: join key}, ttl, features)
VIEWS = {
    "weather": (
        "weather", "observed_at", {"origin": "origin"}, "3 hours",
        ["temperature", "humidity", "wind_direction", "wind_speed", "precipitation", "pressure", "visibility"],
    ),
    "airport_facts": (
        "airports", "recorded_at", {"airport": "origin"}, None,
        ["origin_latitude", "origin_longitude", "origin_altitude"],
    ),
    "plane_facts": (
        "planes", "recorded_at", {"tailnum": "tailnum"}, None,
        ["manufactured_year", "manufacturer", "model", "seats", "engines", "engine_type"],
    ),
    "plane_delays": (
        "plane_delays", "arrived_at", {"tailnum": "tailnum"}, "7 days",
        ["last_arrival", "recent_arr_delays", "plane_mean_arr_delay", "plane_last_arr_delay", "plane_arrivals_24h"],
    ),
    "carrier_delays": (
        "carrier_delays", "arrived_at", {"carrier": "carrier"}, "2 days",
        ["carrier_mean_arr_delay", "carrier_last_arr_delay", "carrier_arrivals_24h"],
    ),
    "route_delays": (
        "route_delays", "arrived_at", {"origin": "origin", "dest": "dest"}, "7 days",
        ["route_mean_arr_delay", "route_last_arr_delay", "route_arrivals_24h"],
    ),
}

# Features with another name in the file.
COLUMNS = {"origin_latitude": "latitude", "origin_longitude": "longitude", "origin_altitude": "altitude"}


def joined(month: str, view: str) -> str:
    """The query for a view's rows at the month's flights; a row older than the ttl is as good as none."""
    file, timestamp, keys, ttl, features = VIEWS[view]
    on = " AND ".join(f"flights.{key} = view.{column}" for column, key in keys.items())
    live = f"view.{timestamp} >= event_timestamp - INTERVAL {ttl}" if ttl else f"view.{timestamp} IS NOT NULL"
    columns = ", ".join(f"CASE WHEN {live} THEN view.{COLUMNS.get(name, name)} END AS {name}" for name in features)
    return f"""
        SELECT ({live}) IS TRUE AS matched, {columns} FROM '{DATA}/flights/{month}.parquet' AS flights
        ASOF LEFT JOIN '{DATA}/{file}.parquet' AS view ON {on} AND flights.event_timestamp >= view.{timestamp}
    """


def bits(value: float | int) -> int:
    """A number's 64 bits, as an integer that is not negative."""
    return int.from_bytes(struct.pack("<d" if isinstance(value, float) else "<q", value), "little")


def summary(values: list) -> dict:
    """What one feature's values, without nulls, must be."""
    if not values:
        return {"count": 0}
    if isinstance(values[0], list):
        return {"elements": sum(len(value) for value in values)} | summary([x for value in values for x in value])
    figures = {"count": len(values), "least": min(values), "greatest": max(values)}
    if isinstance(values[0], (int, float)):
        figures["bits"] = f"{sum(bits(value) for value in values) % 2**64:016x}"
    return figures


def main() -> None:
    """Prints the figures of the month that the command names."""
    month = sys.argv[1]
    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    figures = {}
    for view, (_, _, _, _, features) in VIEWS.items():
        columns = ", ".join(["matched", *(f"epoch_us({f})" if f == "last_arrival" else f for f in features)])
        rows = connection.sql(f"SELECT {columns} FROM ({joined(month, view)})").fetchall()
        figures[view] = {"flights": len(rows), "matched": sum(row[0] for row in rows), "features": {
            feature: summary([row[at] for row in rows if row[at] is not None])
            for at, feature in enumerate(features, start=1)
        }}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
