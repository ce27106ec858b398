"""Makes the example's data from the nycflights13 data set.

Enters: a folder with the data set's tables, each as `NAME.csv`, `NAME.csv.zip` or `NAME.parquet`.
Leaves: the Parquet files below `data/` that the definitions and the README speak of.
Must stay true: no row holds anything that was not known at its own timestamp, and two runs with one
pair of library versions write the same bytes.

    pip install pyarrow duckdb
    python prepare.py FOLDER
"""

import argparse
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

TABLES = ["airports", "flights", "planes", "weather"]

# Airports that flights go to and that the data set's table of airports lacks.
MISSING_AIRPORTS = [
    # airport, name, latitude, longitude, altitude (feet), time zone
    ("BQN", "Rafael Hernandez Airport", 18.4949, -67.1294, 237, "America/Puerto_Rico"),
    ("PSE", "Mercedita Airport", 18.0083, -66.5630, 29, "America/Puerto_Rico"),
    ("SJU", "Luis Munoz Marin International Airport", 18.4394, -66.0018, 9, "America/Puerto_Rico"),
    ("STT", "Cyril E King Airport", 18.3373, -64.9734, 23, "America/Puerto_Rico"),
]

# The main runway of each origin, by its number. A number is the magnetic heading in tens of degrees; wind
# directions are true, so the heading is turned by New York's magnetic variation in 2013, 13 degrees west.
MAIN_RUNWAYS = [("EWR", 22), ("JFK", 31), ("LGA", 22)]
MAGNETIC_VARIATION = -13

# The data set gives wind speeds as whole knots times this factor.
MILES_PER_HOUR_IN_A_KNOT = 1.15078
# No gale at these airports comes near; one reading in the year does (911 knots), and is a fault of the sensor.
WIND_SPEED_KNOTS_MAX = 150

# Minutes on the ground between the actual departure from the gate and the arrival at the other. All of the year's
# arrivals have 5 to 235; with a wrong time zone or a wrong day, some would have more.
GROUND_MINUTES_MAX = 240
# One arrival (B6 35 in Palm Beach, 10 March, 02:03) is noted at a time that the change to summer time skipped that
# night: its clock had not been changed, and its minutes are counted as if there had been no change.
SKIPPED_ARRIVALS_MAX = 1

# Facts that don't change are dated before the first flight.
FACTS_SINCE = "TIMESTAMPTZ '2012-12-31 00:00:00+00'"


def read_table(folder: Path, name: str) -> pa.Table:
    """Reads one table of the data set; absent values are written `NA` in its CSV files."""
    if (folder / f"{name}.parquet").exists():
        return pq.read_table(folder / f"{name}.parquet")
    convert = pyarrow.csv.ConvertOptions(null_values=["NA"], strings_can_be_null=True)
    zipped = folder / f"{name}.csv.zip"
    if zipped.exists():
        with zipfile.ZipFile(zipped) as archive, archive.open(f"{name}.csv") as file:
            return pyarrow.csv.read_csv(file, convert_options=convert)
    return pyarrow.csv.read_csv(folder / f"{name}.csv", convert_options=convert)


def connect(folder: Path, months: int) -> duckdb.DuckDBPyConnection:
    """Registers the tables, and the constants above as tables; `flights` keeps the year's first months only."""
    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    for name in TABLES:
        connection.register(f"raw_{name}", read_table(folder, name))
    connection.sql(f"""
        CREATE TABLE airports AS
        SELECT faa AS airport, name, lat AS latitude, lon AS longitude, alt::BIGINT AS altitude, tzone AS time_zone
        FROM raw_airports WHERE faa IN (SELECT origin FROM raw_flights UNION SELECT dest FROM raw_flights)
        UNION ALL VALUES {", ".join(str(airport) for airport in MISSING_AIRPORTS)}
    """)
    connection.sql(f"""
        CREATE TABLE runways AS
        SELECT origin, (number * 10 + {MAGNETIC_VARIATION})::DOUBLE AS runway_heading
        FROM (VALUES {", ".join(str(runway) for runway in MAIN_RUNWAYS)}) AS runway (origin, number)
    """)
    connection.sql(f"""
        CREATE TABLE flights AS
        SELECT carrier, flight, tailnum, origin, dest, month, arr_delay::BIGINT AS arr_delay,
               arr_time::INTEGER AS arr_time, dep_delay::BIGINT AS dep_delay, air_time::BIGINT AS air_time,
               time_hour::TIMESTAMPTZ + to_minutes(minute) AS scheduled_departure
        FROM raw_flights WHERE month <= {months}
    """)
    return connection


def arrivals(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the table of arrivals, with the instant of each.

    The data set gives an arrival as hours and minutes on the clock of the destination, without a date. The instant
    is the first at which that clock shows it, from departure plus air time on. Cancelled and diverted flights have
    no arrival delay and are not arrivals here.
    """
    connection.sql("""
        CREATE TABLE arrivals AS
        WITH landed AS (
            SELECT flights.*, time_zone, arr_time // 100 * 60 + arr_time % 100 AS clock_minutes,
                   scheduled_departure + to_minutes(dep_delay + air_time) AS earliest,
                   timezone(time_zone, earliest) AS earliest_clock
            FROM flights JOIN airports ON dest = airport WHERE arr_delay IS NOT NULL
        )
        SELECT *, (clock_minutes - date_part('hour', earliest_clock) * 60
                   - date_part('minute', earliest_clock) + 1440) % 1440 AS ground_minutes,
               earliest + to_minutes(ground_minutes) AS arrived_at
        FROM landed
    """)
    total, expected, fewest, most, skipped = connection.sql("""
        SELECT count(*), (SELECT count(*) FROM flights WHERE arr_delay IS NOT NULL),
               min(ground_minutes), max(ground_minutes),
               count(*) FILTER (strftime(timezone(time_zone, arrived_at), '%H%M')::INTEGER <> arr_time % 2400)
        FROM arrivals
    """).fetchall()[0]
    print(f"{total} arrivals, with {fewest} to {most} minutes on the ground; {skipped} at a time the clock skipped")
    if total != expected or most > GROUND_MINUTES_MAX or skipped > SKIPPED_ARRIVALS_MAX:
        raise ValueError("an arrival has no time zone, or no plausible instant")


def delays(prefix: str, keys: list[str], last: int, extra: str = "") -> str:
    """The query for the recent arrival delays of one kind of entity, one row per entity and instant of arrival.

    Every figure covers the arrivals up to and including that instant: the mean over the `last` ones, their number
    within 24 hours, and the newest. Arrivals at one instant become one row, so that no two rows of an entity tie.
    """
    key = ", ".join(keys)
    return f"""
        WITH numbered AS (
            SELECT *, row_number() OVER (
                PARTITION BY {key} ORDER BY arrived_at, scheduled_departure, carrier, flight) AS position
            FROM arrivals WHERE {" AND ".join(f"{name} IS NOT NULL" for name in keys)}
        )
        SELECT {key}, arrived_at, {extra}
               sum(arr_delay) OVER recent::DOUBLE / count(*) OVER recent AS {prefix}_mean_arr_delay,
               arr_delay::DOUBLE AS {prefix}_last_arr_delay,
               count(*) OVER (PARTITION BY {key} ORDER BY arrived_at
                              RANGE BETWEEN INTERVAL 24 HOURS PRECEDING AND CURRENT ROW) AS {prefix}_arrivals_24h
        FROM numbered
        WINDOW recent AS (PARTITION BY {key} ORDER BY position ROWS BETWEEN {last - 1} PRECEDING AND CURRENT ROW)
        QUALIFY row_number() OVER (PARTITION BY {key}, arrived_at ORDER BY position DESC) = 1
        ORDER BY {key}, arrived_at
    """


PLANE_EXTRA = """
    scheduled_departure, arrived_at AS last_arrival, list(arr_delay::DOUBLE) OVER recent AS recent_arr_delays,
"""

WEATHER = f"""
    SELECT origin, time_hour::TIMESTAMPTZ + INTERVAL 1 HOUR AS observed_at,
           temp::DOUBLE AS temperature, humid::DOUBLE AS humidity, wind_dir::DOUBLE AS wind_direction,
           CASE WHEN knots <= {WIND_SPEED_KNOTS_MAX} THEN knots END AS wind_speed,
           precip::DOUBLE AS precipitation, pressure::DOUBLE AS pressure, visib::DOUBLE AS visibility
    FROM (SELECT *, round(wind_speed / {MILES_PER_HOUR_IN_A_KNOT}) AS knots FROM raw_weather)
    WHERE month <= (SELECT max(month) FROM flights)
    ORDER BY origin, observed_at
"""

AIRPORTS = f"""
    SELECT airport, {FACTS_SINCE} AS recorded_at, name, latitude, longitude, altitude FROM airports
    WHERE airport IN (SELECT origin FROM flights UNION SELECT dest FROM flights)
    ORDER BY airport
"""

PLANES = f"""
    SELECT tailnum, {FACTS_SINCE} AS recorded_at, year::BIGINT AS manufactured_year, manufacturer, model,
           seats::BIGINT AS seats, engines::BIGINT AS engines, engine AS engine_type
    FROM raw_planes WHERE tailnum IN (SELECT tailnum FROM flights)
    ORDER BY tailnum
"""

ENTITY_ROWS = """
    SELECT scheduled_departure AS event_timestamp, origin, dest, carrier, flight, tailnum,
           latitude AS destination_latitude, longitude AS destination_longitude, runway_heading,
           arr_delay::DOUBLE AS arr_delay, arr_delay > 15 AS late
    FROM flights JOIN airports ON dest = airport JOIN runways USING (origin)
    WHERE tailnum IS NOT NULL AND month = {month}
    ORDER BY event_timestamp, carrier, flight, origin
"""


def write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, encodings: dict[str, str]) -> None:
    """Writes a query's rows; columns without an encoding of their own go through a dictionary."""
    table = connection.sql(query).to_arrow_table()
    path.parent.mkdir(parents=True, exist_ok=True)
    coded = [name for name in table.column_names if name not in encodings]
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=coded, column_encoding=encodings
    )
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes")


def main() -> None:
    """Reads the arguments and writes every file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the data set's tables, as CSV or Parquet")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "data", help="where the files go")
    parser.add_argument("--months", type=int, default=3, help="how many months of 2013 to keep, from January on")
    arguments = parser.parse_args()

    connection = connect(arguments.folder, arguments.months)
    arrivals(connection)
    out = arguments.out
    steps, plain = "DELTA_BINARY_PACKED", "PLAIN"
    plane = delays("plane", ["tailnum"], 5, PLANE_EXTRA)
    write(connection, WEATHER, out / "weather.parquet", {"observed_at": steps})
    write(connection, AIRPORTS, out / "airports.parquet", {"name": plain, "latitude": plain, "longitude": plain})
    write(connection, PLANES, out / "planes.parquet", {})
    write(connection, plane, out / "plane_delays.parquet", {"arrived_at": plain, "last_arrival": plain})
    write(connection, delays("carrier", ["carrier"], 20), out / "carrier_delays.parquet", {"arrived_at": steps})
    write(connection, delays("route", ["origin", "dest"], 10), out / "route_delays.parquet", {"arrived_at": steps})
    for month in range(1, arguments.months + 1):
        rows = ENTITY_ROWS.format(month=month)
        write(connection, rows, out / "flights" / f"2013-{month:02}.parquet", {"event_timestamp": steps})


if __name__ == "__main__":
    main()
