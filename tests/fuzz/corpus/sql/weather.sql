
CREATE TABLE weather (
  station text NOT NULL,
  date timestamptz NOT NULL,
  report_type text,
  latitude double precision,
  longitude double precision,
  elevation double precision,
  name text,
  tmp text
) WITH (format = 'csv', event_time = 'date', lateness = '30 minutes', idle = '6 hours');

CREATE MATERIALIZED VIEW temperatures AS
  SELECT source, station, date, report_type, split_part(tmp, ',', 1)::double precision / 10 AS celsius
  FROM weather
  WHERE split_part(tmp, ',', 1) <> '+9999' AND split_part(tmp, ',', 2) NOT IN ('2', '3', '6', '7');

CREATE MATERIALIZED VIEW station_hours AS
  SELECT source, station, window_start, count(*) AS reports, min(celsius) AS min, max(celsius) AS max,
         avg(celsius) AS mean, sum(celsius) AS total
  FROM tumble(temperatures, interval '1 hour')
  GROUP BY source, station, window_start;

CREATE MATERIALIZED VIEW all_hours WITH (max_rows = 500000) AS
  SELECT window_start, count(DISTINCT station) AS stations, sum(reports) AS reports, avg(mean) AS mean_of_stations,
         sum(total) / sum(reports) AS pooled_mean, min(min) AS min, max(max) AS max
  FROM station_hours
  GROUP BY window_start;
