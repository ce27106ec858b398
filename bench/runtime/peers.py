"""The peers in Python: pandas (DataFrame in, Series out) and plain CPython (lists in, list out).

Lines of JSON come in, each is answered with one: rows to keep, a question for the values of a function, or a number of
calls to time. The benchmark starts this program; it is of no use alone.
"""

import json
import math
import sys
import time

import numpy
import pandas

EARTH_RADIUS_KM = 6371.0088


def ratio(total_spend, total_orders):
    return total_spend / total_orders if total_orders != 0 else None


def haversine(from_latitude, from_longitude, to_latitude, to_longitude):
    half_latitude = math.radians(to_latitude - from_latitude) / 2.0
    half_longitude = math.radians(to_longitude - from_longitude) / 2.0
    across = math.cos(math.radians(from_latitude)) * math.cos(math.radians(to_latitude))
    haversine = math.sin(half_latitude) ** 2 + across * math.sin(half_longitude) ** 2
    return 2.0 * EARTH_RADIUS_KM * math.atan2(math.sqrt(haversine), math.sqrt(1.0 - haversine))


def email_domain(email):
    _, at, domain = email.rpartition("@")
    return domain if at else None


# The fastest of the ways that a user of pandas might write: over NumPy's arrays where there are numbers, and for texts
# `map`, which is faster than `.str.extract`, `.str.rsplit` and `.str.rpartition`.
def pandas_ratio(frame):
    total_spend, total_orders = frame["total_spend"].to_numpy(), frame["total_orders"].to_numpy()
    ratio = numpy.full(len(frame), numpy.nan)
    return pandas.Series(numpy.divide(total_spend, total_orders, out=ratio, where=total_orders != 0))


def pandas_haversine(frame):
    columns = ("from_latitude", "from_longitude", "to_latitude", "to_longitude")
    from_latitude, from_longitude, to_latitude, to_longitude = (numpy.radians(frame[name].to_numpy()) for name in columns)
    across = numpy.cos(from_latitude) * numpy.cos(to_latitude)
    half_latitude, half_longitude = (to_latitude - from_latitude) / 2.0, (to_longitude - from_longitude) / 2.0
    haversine = numpy.sin(half_latitude) ** 2 + across * numpy.sin(half_longitude) ** 2
    return pandas.Series(2.0 * EARTH_RADIUS_KM * numpy.arctan2(numpy.sqrt(haversine), numpy.sqrt(1.0 - haversine)))


def pandas_email_domain(frame):
    return frame["email"].map(email_domain)


CPYTHON = {"ratio": ratio, "haversine": haversine, "email_domain": email_domain}
PANDAS = {"ratio": pandas_ratio, "haversine": pandas_haversine, "email_domain": pandas_email_domain}

lists = {}
frames = {}


def call_of(question):
    """The call that is asked about: a function without arguments."""
    name, key = question["function"], (question["function"], question["rows"])
    if question["peer"] == "pandas":
        function, frame = PANDAS[name], frames[key]
        return lambda: function(frame)
    function, columns = CPYTHON[name], lists[key]
    return lambda: list(map(function, *columns))


def answer(question):
    if "load" in question:
        key = (question["load"], question["rows"])
        lists[key] = [values for _, values in question["columns"]]
        frames[key] = pandas.DataFrame(dict(question["columns"]))
        return len(frames[key])
    call = call_of(question)
    if "calls" not in question:
        return [None if value is None or value != value else value for value in list(call())]
    started = time.perf_counter_ns()
    for _ in range(question["calls"]):
        call()
    return time.perf_counter_ns() - started


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
