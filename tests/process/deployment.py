"""A deployment whose node is killed: its pipelines and files, what it must answer in the end, and the check."""

import collections
import datetime
import json
import signal
import time

from node_process import node, wait_until

CONFIG = """
[node]
shards = 2
worker_threads = 2
log_level = "warning"
[commit]
interval_min = "0 s"
interval_max = "2 ms"
[limits]
chunk_records = 20
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "windows"
file = "windows.sql"
from = "beginning"
[[pipeline]]
name = "totals"
file = "totals.sql"
from = "beginning"
[[source]]
name = "a"
stream = "readings"
connector = "file"
path = "in/a.ndjson"
[[source]]
name = "b"
stream = "readings"
connector = "file"
path = "in/b.ndjson"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
"""

WINDOWS = """
CREATE TABLE readings (at timestamptz NOT NULL, k text NOT NULL, v bigint)
  WITH (format = 'json', event_time = 'at', lateness = '1 second');
CREATE MATERIALIZED VIEW windows AS
  SELECT window_start, k, count(*) AS n, sum(v) AS total FROM tumble(readings, interval '10 seconds')
  GROUP BY window_start, k;
CREATE MATERIALIZED VIEW window_totals WITH (max_rows = 1000) AS
  SELECT k, count(*) AS windows, sum(n) AS n FROM windows GROUP BY k;
"""

TOTALS = """
CREATE MATERIALIZED VIEW high AS SELECT source, at, v FROM readings WHERE v > 90;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS
  SELECT source, k, count(*) AS n, sum(v) AS total FROM readings GROUP BY source, k;
"""

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
FILE_LINES = 1500


def stamp(tenths):
    return (START + datetime.timedelta(milliseconds=100 * tenths)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def line(i, source):
    """The i-th line of a source's file; each 97th is no record."""
    if i % 97 == 50:
        return f"not a record: {source} {i}"
    return json.dumps({"at": stamp(i), "k": "abc"[i % 3], "v": (i * 31 + len(source)) % 100})


def window_of(at):
    time_of = datetime.datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ")
    return time_of.replace(second=time_of.second // 10 * 10, microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


class life:
    """One deployment: its files, the lines that they hold, and what its node must answer in the end."""

    def __init__(self, config=CONFIG):
        self.lines = {s: [line(i, s) for i in range(FILE_LINES)] for s in ("a", "b")}
        self.lines["grows"] = []
        self.node = node(config, {"windows.sql": WINDOWS, "totals.sql": TOTALS})
        self.files = self.node.folder / "in"
        for s in self.lines:
            self.node.write(f"in/{s}.ndjson", "".join(text + "\n" for text in self.lines[s]))
        self.half = ""

    def grow(self, count):
        """Appends lines, the last one in two pieces: the second comes with the next call."""
        first = len(self.lines["grows"])
        added = [line(i, "grows") for i in range(first, first + count)]
        self.append_lines(added, cut=len(added[-1]) // 2)

    def append_lines(self, added, cut=None):
        self.lines["grows"] += added
        text = self.half + "".join(each + "\n" for each in added)
        keep = 0 if cut is None else cut + 1
        self.half = text[len(text) - keep:]
        with open(self.files / "grows.ndjson", "a") as file:
            file.write(text[:len(text) - keep])

    def live_until_killed(self, seconds=8.0, **faults):
        """One life in which the file grows; answers whether the fault ended it. Else it is killed after so long."""
        self.node.launch(**faults)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.grow(25)
            code = self.node.wait_for_death(0.02)
            if code is not None:
                assert code == -signal.SIGKILL, f"the node ended with {code}: {self.node.log_text()}"
                return True
        self.node.kill()
        return False

    def finish(self):
        """Ends the growing file with a record long after all others, which closes every window."""
        self.append_lines([json.dumps({"at": stamp(10_000_000), "k": "end", "v": 0})])

    def expected(self):
        records, letters, high = {}, {}, []
        windows, totals = collections.defaultdict(lambda: [0, 0]), collections.defaultdict(lambda: [0, 0])
        for source, lines in self.lines.items():
            for i, text in enumerate(lines):
                if text.startswith("not"):
                    letters[source, i] = text
                    continue
                r = json.loads(text)
                records[source, i] = text
                sums = [totals[source, r["k"]]]
                if r["k"] != "end":
                    sums.append(windows[window_of(r["at"]), r["k"]])
                for one in sums:
                    one[0] += 1
                    one[1] += r["v"]
                if r["v"] > 90:
                    high.append((source, time_key(r["at"]), r["v"]))
        per_key = collections.defaultdict(lambda: [0, 0])
        for (_, k), (n, _) in windows.items():
            per_key[k][0] += 1
            per_key[k][1] += n
        return {
            "records": sorted((*key, text) for key, text in records.items()),
            "letters": sorted((*key, text) for key, text in letters.items()),
            "high": sorted(high),
            "windows": sorted((*key, *value) for key, value in windows.items()),
            "totals": sorted((*key, *value) for key, value in totals.items()),
            "window_totals": sorted((key, *value) for key, value in per_key.items()),
        }

    def answers(self):
        n = self.node
        columns = lambda view, *names: sorted(tuple(row[c] for c in names) for row in n.rows(view))
        entries = lambda items: sorted((i["source"], i["sequence"], text_of(i["record"])) for i in items)
        return {
            "records": entries(n.records("readings")),
            "letters": entries(n.letters("readings")),
            "high": sorted((r["source"], time_key(r["at"]), r["v"]) for r in n.rows("high")),
            "windows": columns("windows", "window_start", "k", "n", "total"),
            "totals": columns("totals", "source", "k", "n", "total"),
            "window_totals": columns("window_totals", "k", "windows", "n"),
        }


def time_key(at):
    """Times without the noughts that end their fractions."""
    return at.removesuffix("Z").rstrip("0").rstrip(".") if "." in at else at.removesuffix("Z")


def text_of(record):
    return record if isinstance(record, str) else json.dumps(record)


class answers_in_the_end:
    """For a TestCase: the answers of a deployment against what they must be."""

    maxDiff = 4000

    def check_in_the_end(self, deployment, seconds=20, stop=True):
        deployment.finish()
        expected = deployment.expected()
        n = deployment.node
        if n.process is None:
            n.start()
        try:
            wait_until("all rows are there", seconds=seconds, pause=0.1, true=lambda: (
                all(n.view(v)["rows"] >= len(expected[v]) for v in ("high", "windows", "totals", "window_totals"))
                and all(n.pipeline(p)["lag"] == 0 for p in ("windows", "totals"))
                and sum(n.source(s)["records"] for s in deployment.lines) >= len(expected["records"])))
        except AssertionError:
            pass  # the comparison below says what is missing
        time.sleep(0.2)  # what comes twice would come now
        answers = deployment.answers()
        for what, rows in expected.items():
            if answers[what] != rows:
                got, want = collections.Counter(answers[what]), collections.Counter(rows)
                self.fail(f"{what}: {len(answers[what])} instead of {len(rows)}; too many: "
                          f"{sorted((got - want).elements())[:5]}; missing: {sorted((want - got).elements())[:5]}")
        self.assertEqual(n.letters("totals") + n.letters("windows"), [])
        if stop:
            self.assertEqual(n.stop(), 0)
