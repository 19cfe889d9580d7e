-- A camera over a belt tells many times a second which label it sees. From these detections: socks, and pairs.

-- One JSON object per detection, as {"image":"Google","probability":97.3}; probability is in percent. A detection has
-- no time of its own, so its time is that of its arrival. A camera that is silent for 10 s holds no window back.
CREATE TABLE camera (image text NOT NULL, probability double precision)
  WITH (format = 'json', lateness = '2 s', idle = '10 s');

-- A sock, seen more than 3 times within 5 s; fewer are ghosts. "Blank" is the empty belt.
CREATE MATERIALIZED VIEW sock_seen AS
  SELECT window_start, image, count(*) AS seen, max(probability) AS best
  FROM tumble(camera, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image
  HAVING count(*) > 3;

-- A sock, from its first detection to its last: however long it is held, it is one. Detections of one label that are
-- more than 3 s apart are of two socks.
CREATE MATERIALIZED VIEW sock_runs AS
  SELECT window_start, window_end, image, count(*) AS seen, max(probability) AS best
  FROM session(camera, interval '3 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, window_end, image
  HAVING count(*) > 3;

-- How many socks of each label, and whether each has its partner: over windows ...
CREATE MATERIALIZED VIEW sock_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM sock_seen
  GROUP BY image;

-- ... and over runs.
CREATE MATERIALIZED VIEW sock_run_pairs WITH (max_rows = 1000) AS
  SELECT image, count(*) AS socks, CASE WHEN count(*) % 2 = 0 THEN 'Pair' ELSE 'Un-matched' END AS pairing
  FROM sock_runs
  GROUP BY image;
