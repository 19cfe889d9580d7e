-- Hourly temperatures of NOAA's weather stations, from its two forms of the same reports: global-hourly CSV and
-- fixed-width ISD (sources with format = 'isd').

-- The columns that are used here, named as in the CSV's header; further ones differ from station to station. Reports of
-- one source are in the order of time, give or take half an hour.
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

-- tmp is tenths of a degree Celsius with sign, a comma, and the quality: "+0172,1". +9999 is missing; the qualities 2,
-- 3, 6 and 7 are suspect or erroneous. What has another form becomes a dead letter.
CREATE MATERIALIZED VIEW temperatures AS
  SELECT source, station, date, report_type, split_part(tmp, ',', 1)::double precision / 10 AS celsius
  FROM weather
  WHERE split_part(tmp, ',', 1) <> '+9999' AND split_part(tmp, ',', 2) NOT IN ('2', '3', '6', '7');

-- Per station and hour. The source is in the group, so an hour closes when its own source has passed it: the file of
-- another station, however old, can be added at any time.
CREATE MATERIALIZED VIEW station_hours AS
  SELECT source, station, window_start, count(*) AS reports, min(celsius) AS min, max(celsius) AS max,
         avg(celsius) AS mean, sum(celsius) AS total
  FROM tumble(temperatures, interval '1 hour')
  GROUP BY source, station, window_start;

-- All stations, per hour: a mean in which each station counts the same, and beside it the pooled mean, in which a
-- station that reports more often counts more.
CREATE MATERIALIZED VIEW all_hours WITH (max_rows = 500000) AS
  SELECT window_start, count(DISTINCT station) AS stations, sum(reports) AS reports, avg(mean) AS mean_of_stations,
         sum(total) / sum(reports) AS pooled_mean, min(min) AS min, max(max) AS max
  FROM station_hours
  GROUP BY window_start;
