
CREATE TABLE camera (image text NOT NULL, probability double precision)
  WITH (format = 'json', lateness = '2 s', idle = '10 s');

CREATE MATERIALIZED VIEW sock_seen AS
  SELECT window_start, image, count(*) AS seen, max(probability) AS best
  FROM tumble(camera, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image
  HAVING count(*) > 3;

CREATE MATERIALIZED VIEW sock_runs AS
  SELECT window_start, window_end, image, count(*) AS seen, max(probability) AS best
  FROM session(camera, interval '3 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, window_end, image
  HAVING count(*) > 3;

CREATE MATERIALIZED VIEW sock_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM sock_seen
  GROUP BY image;

CREATE MATERIALIZED VIEW sock_run_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM sock_runs
  GROUP BY image;
