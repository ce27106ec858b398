-- How many of January's flights get a delay of their aircraft that was not yet known when they were to depart?
-- Right: the newest row by arrival. Naive: the newest row by scheduled departure. Run in examples/flights.
SELECT count(*) AS flights,
       count(*) FILTER (point_in_time.last_arrival > event_timestamp) AS point_in_time_looks_ahead,
       count(*) FILTER (naive.last_arrival > event_timestamp) AS naive_looks_ahead,
       count(*) FILTER (naive.scheduled_departure = event_timestamp
                        AND naive.plane_last_arr_delay = arr_delay) AS naive_is_the_label,
       round(corr(point_in_time.plane_last_arr_delay, arr_delay), 3) AS point_in_time_correlation,
       round(corr(naive.plane_last_arr_delay, arr_delay), 3) AS naive_correlation
FROM 'data/flights/2013-01.parquet' AS flights
ASOF LEFT JOIN 'data/plane_delays.parquet' AS point_in_time
    ON flights.tailnum = point_in_time.tailnum
    AND flights.event_timestamp >= point_in_time.arrived_at
ASOF LEFT JOIN 'data/plane_delays.parquet' AS naive
    ON flights.tailnum = naive.tailnum
    AND flights.event_timestamp >= naive.scheduled_departure;
