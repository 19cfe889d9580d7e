"""Real data, damaged: files of every format with random damage go through a running node. Nothing crashes, stops or
gets lost: every line is a record or a dead letter, and a whole file that comes afterwards gives what it must.

WEIR_MUTATION_SEED picks another damage, WEIR_MUTATION_FILES another number of files.
"""

import gzip
import json
import os
import pathlib
import random
import unittest

from node_process import node, run_tests, wait_until

DATA = pathlib.Path("../shared/data")
SEEDS = pathlib.Path("tests/process/seeds")
SEED = int(os.environ.get("WEIR_MUTATION_SEED", "2026"))
FILES = int(os.environ.get("WEIR_MUTATION_FILES", "48"))
PIECE = 40_000  # bytes taken out of a real file

CONFIG = """
[node]
shards = 3
worker_threads = 2
[sources]
restart_min = "200 ms"
restart_max = "1 s"
restart_budget = 1000
[log]
max_record = "64 KiB"
[sources.file]
allow = ["in"]
poll_interval = "20 ms"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
"""

MAIN = """
CREATE TABLE weather (station text NOT NULL, date timestamptz NOT NULL, report_type text, latitude double precision,
  longitude double precision, elevation double precision, name text, tmp text)
  WITH (format = 'csv', event_time = 'date', lateness = '30 minutes');
CREATE MATERIALIZED VIEW temperatures AS
  SELECT source, station, date, split_part(tmp, ',', 1)::double precision / 10 AS celsius FROM weather
  WHERE split_part(tmp, ',', 1) <> '+9999';
CREATE MATERIALIZED VIEW station_days AS
  SELECT source, station, window_start, count(*) AS reports, min(celsius) AS min, avg(celsius) AS mean
  FROM tumble(temperatures, interval '1 day') GROUP BY source, station, window_start;
CREATE MATERIALIZED VIEW all_days AS
  SELECT window_start, count(DISTINCT station) AS stations, max(celsius) AS max
  FROM tumble(temperatures, interval '1 day') GROUP BY window_start;
CREATE TABLE camera (arrival timestamptz, image text NOT NULL, probability double precision)
  WITH (format = 'json', lateness = '2 s');
CREATE MATERIALIZED VIEW runs AS
  SELECT window_start, window_end, image, count(*) AS seen, max(probability) AS best
  FROM session(camera, interval '3 seconds') GROUP BY window_start, window_end, image;
CREATE TABLE anything (record bytea) WITH (format = 'raw');
CREATE MATERIALIZED VIEW lengths WITH (max_rows = 100) AS
  SELECT octet_length(record) AS length, count(*) AS n FROM anything GROUP BY octet_length(record);
"""


def camera_lines(count):
    return b"".join(json.dumps({"arrival": f"2020-01-01T18:{i // 60 % 60:02}:{i % 60:02}Z", "image": f"Sock {i % 7}",
                                "probability": i / 8}).encode() + b"\n" for i in range(count))


def originals():
    """(format, stream, bytes): real files where they are, and in any case some made here."""
    found = [("json", "camera", camera_lines(400)), ("raw", "anything", camera_lines(50))]
    for name in ("weather.csv", "broken.csv", "bom.csv"):
        found.append(("csv", "weather", (SEEDS / name).read_bytes().split(b"\n", 1)[1]))
    if not DATA.exists():
        print("real files skipped: ../shared/data is absent")
        return found
    found.append(("csv", "weather", (DATA / "noaa" / "00702699999.csv").read_bytes()[:3 * PIECE]))
    found += [("isd", "weather", gzip.decompress(path.read_bytes())[:3 * PIECE])
              for path in sorted((DATA / "noaa").glob("*.gz"))]
    found.append(("json", "camera", (DATA / "socks" / "sequence.ndjson").read_bytes() * 20))
    found.append(("raw", "anything", sorted((DATA / "ifcb" / "bins").glob("*.roi"))[0].read_bytes()[:PIECE]))
    return found


def damaged(data, chance):
    """A piece of the data with some damage."""
    at = chance.randrange(max(1, len(data) - PIECE))
    out = bytearray(data[:2_000] + data[at:at + PIECE])
    for _ in range(chance.choice((1, 3, 30, 300))):
        where, size = chance.randrange(len(out) + 1), chance.choice((1, 1, 4, 50, 3_000))
        kind = chance.randrange(6)
        if kind == 0:
            del out[where:where + size]
        elif kind == 1:
            out[where:where] = chance.randbytes(size)
        elif kind == 2 and where < len(out):
            out[where] ^= 1 << chance.randrange(8)
        elif kind == 3:
            out[where:where] = out[max(0, where - size):where]
        elif kind == 4:
            out[where:where] = chance.choice((b'"', b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"{" * 200,
                                              b"1e999", b",", b"\\u", b"-", b"9" * 40))
        elif chance.random() < 0.05:
            out[where:where] = b"x" * 70_000  # longer than a record may be
    return bytes(out[:200_000])


def lines_of(data):
    """How many records and failures plain lines give: empty ones are none, nor is a byte order mark at the start."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    last = lines.pop()
    whole = [line.removesuffix(b"\r") for line in lines]
    return sum(1 for line in whole if line) + (1 if last else 0)


class mutations(unittest.TestCase):
    def setUp(self):
        self.node = node(CONFIG, {"main.sql": MAIN})
        self.addCleanup(self.node.__exit__, None, None, None)
        self.node.start()

    def add(self, sources):
        """All at once."""
        entries = [f'[[source]]\nname = "{name}"\nstream = "{stream}"\nconnector = "file"\nformat = "{form}"\n'
                   f'path = "{self.node.folder}/in/{name}"\n' for name, stream, form in sources]
        self.node.write("sources.toml", "".join(entries))
        done = self.node.weir("source", "add", "--from", "sources.toml")
        self.assertEqual(done.code, 0, done.err)

    def wait_until_read(self, names):
        """Ended, or failed for a reason that it tells (a header that names a column twice, gzip that is broken)."""
        def settled():
            states = {s["name"]: s for s in self.node.items("/v1/sources")}
            return all(states[n]["state"] == "ended" or (states[n]["last_error"] and states[n]["restarts"] > 0)
                       for n in names) and states
        return wait_until("every damaged file is read or refused", settled, seconds=120)

    def wait_for_count(self, name, lines):
        """Every line is a record or a dead letter."""
        def count():
            s = self.node.source(name)
            return s["records"] + s["dead_letters"]
        try:
            wait_until("", lambda: count() == lines, seconds=20)
        except AssertionError:
            self.assertEqual(count(), lines)

    def check_node_is_well(self):
        self.assertIsNone(self.node.exit_code(), self.node.log_text())
        self.assertEqual(self.node.ask("/livez")[0], 200)
        status = self.node.get("/v1/status")
        self.assertEqual([(s["state"], s["failures"]) for s in status["shards"]], [("running", 0)] * 3)
        pipeline = self.node.pipeline("main")
        self.assertEqual((pipeline["state"], pipeline["error"], pipeline["restarts"]), ("running", None, 0))

    def read_everything(self):
        """What came of damaged files can be shown: records, dead letters, rows, results."""
        for stream in ("weather", "camera", "anything"):
            self.node.records(stream)
            for letter in self.node.letters(stream):
                self.assertTrue(letter["reason"])
        for view in ("temperatures", "station_days", "all_days", "runs", "lengths"):
            self.assertEqual(len(self.node.rows(view)), self.node.view(view)["rows"])
        self.node.get("/metrics")

    def test_damaged_files_crash_nothing_and_lose_nothing(self):
        chance = random.Random(SEED)
        files, sources = {}, []
        for number in range(FILES):
            form, stream, data = chance.choice(originals_once())
            name, data = f"damaged-{number}", damaged(data, chance)
            zipped = chance.random() < 0.25
            if zipped:
                name, packed = f"{name}.gz", bytearray(gzip.compress(data, mtime=0))
                if chance.random() < 0.5:
                    packed[chance.randrange(2, len(packed))] ^= 1 << chance.randrange(8)  # two bytes tell gzip
                (self.node.folder / "in" / name).write_bytes(packed)
            else:
                (self.node.folder / "in" / name).write_bytes(data)
            files[name] = (form, data)
            sources.append((name, stream, form))
        print(f"{FILES} files, {sum(len(d) for _, d in files.values())} bytes, seed {SEED}")
        self.add(sources)
        states = self.wait_until_read(files)
        self.check_node_is_well()
        plain = {name: raw_lines_of(data) if form == "raw" else lines_of(data)
                 for name, (form, data) in files.items() if form != "csv" and states[name]["state"] == "ended"}
        self.assertGreater(len(plain), FILES // 4)
        for name, lines in plain.items():
            with self.subTest(file=name, form=files[name][0]):
                self.wait_for_count(name, lines)
        self.node.write("in/whole", camera_lines(100).decode())
        self.add([("whole", "camera", "json")])
        self.wait_for_count("whole", 100)
        self.assertEqual(self.node.source("whole")["dead_letters"], 0)
        self.check_node_is_well()
        self.read_everything()
        self.assertEqual(self.node.stop(30), 0)
        self.node.start(ready=False)  # sources that failed keep it from calling itself ready
        wait_until("the pipeline runs again in all shards", lambda: self.node.pipeline("main")["state"] == "running")
        self.check_node_is_well()
        self.assertEqual(self.node.source("whole")["records"], 100)


def raw_lines_of(data):
    """As lines_of, but raw keeps a byte order mark."""
    return lines_of(b"\n" + data)


ORIGINALS = []


def originals_once():
    if not ORIGINALS:
        ORIGINALS.extend(originals())
    return ORIGINALS


if __name__ == "__main__":
    run_tests()
