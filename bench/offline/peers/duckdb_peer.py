"""DuckDB: one statement, `ASOF LEFT JOIN` between `read_parquet` and `COPY … TO`."""

from typing import Any

import duckdb

from measure.feature_data import FEATURES
from measure.machine import cores
from measure.repository import TTL_DAYS
from measure.worker import serve

HAVERSINE = (
    "2 * 6371.0088 * asin(sqrt(pow(sin(radians(destination_latitude - latitude) / 2), 2) + cos(radians(latitude))"
    " * cos(radians(destination_latitude)) * pow(sin(radians(destination_longitude - longitude) / 2), 2)))"
)
FREE_MAIL = "('aol.com','gmail.com','gmx.de','hotmail.com','icloud.com','outlook.com','proton.me','yahoo.com')"
ON_DEMAND = (
    f"SELECT *, CASE WHEN total_orders != 0 THEN total_spend / total_orders END AS spend_per_order,"
    f" {HAVERSINE} AS haversine_distance, nullif(lower(regexp_extract(email, '@([^@]+)$', 1)), '') AS domain,"
    f" domain IN {FREE_MAIL} AS is_free_mail FROM ({{joined}})"
)


def join_statement(question: dict[str, Any]) -> str:
    """The statement that writes the training set. The ttl is applied after the join, which takes one inequality only."""
    columns, joins = ["entity.*"], ""
    for number, features in enumerate(question["features"]):
        view = f"view{number}"
        live = f"{view}.event_timestamp >= entity.event_timestamp - INTERVAL {TTL_DAYS} DAY"
        suffix = f"_{number}" if number else ""
        columns += [f"CASE WHEN {live} THEN {view}.{name} END AS {name}{suffix}" for name in FEATURES]
        joins += (
            f" ASOF LEFT JOIN read_parquet('{features}') {view} ON entity.user_id = {view}.user_id"
            f" AND entity.event_timestamp >= {view}.event_timestamp"
        )
    joined = f"SELECT {', '.join(columns)} FROM read_parquet('{question['entities']}') entity{joins}"
    selected = ON_DEMAND.format(joined=joined) if question["transforms"] else joined
    return f"COPY ({selected}) TO '{question['out']}' (FORMAT parquet, COMPRESSION zstd)"


def main() -> None:
    """Answers questions over one connection, with all cores."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {cores()}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")

    def join(question: dict[str, Any]) -> None:
        if question["memory_limit"]:
            connection.execute(f"SET memory_limit = '{question['memory_limit']}'")
            connection.execute(f"SET temp_directory = '{question['out']}.spilled'")
            # Else it keeps everything to write it in order, which does not fit.
            connection.execute("SET preserve_insertion_order = false")
        connection.execute(join_statement(question))

    serve(join)


if __name__ == "__main__":
    main()
