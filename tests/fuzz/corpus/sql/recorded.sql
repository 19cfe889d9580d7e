
CREATE TABLE recording (arrival timestamptz NOT NULL, image text NOT NULL, probability double precision)
  WITH (format = 'json', event_time = 'arrival', lateness = '2 s');

CREATE MATERIALIZED VIEW recorded_seen AS
  SELECT window_start, image, count(*) AS seen, max(probability) AS best
  FROM tumble(recording, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image
  HAVING count(*) > 3;

CREATE MATERIALIZED VIEW recorded_runs AS
  SELECT window_start, window_end, image, count(*) AS seen, max(probability) AS best
  FROM session(recording, interval '3 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, window_end, image
  HAVING count(*) > 3;

CREATE MATERIALIZED VIEW recorded_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM recorded_seen
  GROUP BY image;

CREATE MATERIALIZED VIEW recorded_run_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM recorded_runs
  GROUP BY image;
