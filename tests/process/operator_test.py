"""An operator that never returns, and one that takes its process down: what becomes of its pipeline and neighbours."""

import collections
import json
import shutil
import signal
import time
import unittest

from node_process import node, run_tests, wait_until

CONFIG = """
[node]
shards = 2
worker_threads = 2
stall_timeout = "500 ms"
shutdown_timeout = "2 s"
[commit]
interval_min = "1 ms"
interval_max = "5 ms"
[limits]
chunk_records = 20
[supervision]
watch_interval = "50 ms"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "well"
file = "well.sql"
from = "beginning"
[[pipeline]]
name = "sick"
file = "sick.sql"
from = "beginning"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
[[source]]
name = "whole"
stream = "readings"
connector = "file"
path = "in/whole.ndjson"
"""

WELL = """
CREATE TABLE readings (id bigint NOT NULL, k text NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW well_rows AS SELECT source, id FROM readings;
CREATE MATERIALIZED VIEW well_totals WITH (max_rows = 1000) AS SELECT source, k, count(*) AS n FROM readings
  GROUP BY source, k;
"""

SICK = """
CREATE MATERIALIZED VIEW sick_rows AS SELECT source, id FROM readings;
CREATE MATERIALIZED VIEW sick_totals WITH (max_rows = 1000) AS SELECT source, k, count(*) AS n FROM readings
  GROUP BY source, k;
"""

POISON = "boom"
WHOLE = 500
SHUTDOWN_SECONDS = 2
MOST_STARTS = 30


def line(i, k=None):
    return json.dumps({"id": i, "k": k or "abc"[i % 3]})


class deployment:
    def __init__(self, config=CONFIG):
        self.lines = {"whole": [line(i) for i in range(WHOLE)], "grows": []}
        self.node = node(config, {
            "well.sql": WELL, "sick.sql": SICK, "in/grows.ndjson": "",
            "in/whole.ndjson": "".join(each + "\n" for each in self.lines["whole"])})

    def grow(self, count, poison=False):
        first = len(self.lines["grows"])
        added = [line(i) for i in range(first, first + count)]
        if poison:
            added[count // 2] = line(first + count // 2, POISON)
        self.lines["grows"] += added
        with open(self.node.folder / "in" / "grows.ndjson", "a") as file:
            file.write("".join(each + "\n" for each in added))

    def expected(self, left_out=""):
        """Rows and totals of a pipeline that took all records, but for those that hold a text."""
        rows, totals = [], collections.Counter()
        for source, lines in self.lines.items():
            for text in lines:
                if left_out and left_out in text:
                    continue
                r = json.loads(text)
                rows.append((source, r["id"]))
                totals[source, r["k"]] += 1
        return sorted(rows), sorted((*key, n) for key, n in totals.items())

    def answers(self, pipeline):
        n = self.node
        return (sorted((r["source"], r["id"]) for r in n.rows(pipeline + "_rows")),
                sorted((r["source"], r["k"], r["n"]) for r in n.rows(pipeline + "_totals")))

    def count(self):
        return sum(map(len, self.lines.values()))

    def commits(self):
        return sum(s["commits"] for s in self.node.get("/v1/status")["shards"])

    def well_count(self):
        return self.node.view("well_rows")["rows"]


class operators(unittest.TestCase):
    def check_exactly_once(self, d, left_out=""):
        rows, totals = d.expected(left_out)
        n = d.node
        wait_until("all rows are there", pause=0.1, true=lambda: (
            n.view("sick_rows")["rows"] >= len(rows) and d.well_count() >= d.count()
            and all(n.pipeline(p)["lag"] == 0 for p in ("sick", "well"))))
        time.sleep(0.2)  # what comes twice would come now
        self.assertEqual(d.answers("well"), d.expected())
        self.assertEqual(d.answers("sick"), (rows, totals))
        stream = sorted((r["source"], r["sequence"]) for r in n.records("readings"))
        self.assertEqual(stream, sorted((s, i) for s, lines in d.lines.items() for i in range(len(lines))))

    def test_an_endless_loop_quarantines_its_pipeline_and_nothing_else(self):
        with (d := deployment()).node as n:
            n.start(WEIR_HANG_ON=f"sick:{POISON}")
            d.grow(100)
            wait_until("both read", lambda: n.view("sick_rows")["rows"] == d.well_count() == d.count())
            d.grow(40, poison=True)
            wait_until("sick is quarantined", lambda: n.pipeline("sick")["state"] == "quarantined", seconds=10)
            self.check_reports(n)
            self.check_neighbour_goes_on(d)
            began = time.monotonic()
            self.assertEqual(n.stop(), 0)
            self.assertLess(time.monotonic() - began, SHUTDOWN_SECONDS + 1)

            n.start(ready=False)
            wait_until("the gateway answers", lambda: n.ask("/readyz")[0])
            self.assertEqual(n.pipeline("sick")["state"], "quarantined", "what was quarantined stays so")
            d.grow(50)
            done = n.weir("pipeline", "resume", "sick")
            self.assertEqual(done.code, 0, done.err)
            self.check_exactly_once(d)
            self.assertEqual(n.letters("readings"), [])
            self.assertEqual(n.ask("/readyz")[0], 200)
            self.assertEqual(n.stop(), 0)

    def check_reports(self, n):
        error = n.pipeline("sick")["error"]
        self.assertRegex(error, r"(?i)did not come back|does not return|never return|longer than|stall")
        listed = {p["name"]: p for p in n.weir("pipeline", "list").json()["items"]}
        self.assertEqual((listed["sick"]["state"], listed["well"]["state"]), ("quarantined", "running"))
        self.assertEqual(listed["sick"]["error"], error)
        status, text = n.ask("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("sick is quarantined", json.dumps(text))
        self.assertEqual(n.ask("/livez")[0], 200, "a node that one pipeline has left is alive")
        shown = n.weir("status")
        self.assertEqual(shown.code, 4, shown.err)
        self.assertIn("sick is quarantined", shown.json()["checks"]["pipelines"])
        self.assertEqual(shown.json()["pool"]["hung"], 1)

    def check_neighbour_goes_on(self, d):
        wait_until("the neighbour has read all", lambda: d.well_count() == d.count())
        wait_until("ingest tells so", lambda: d.node.source("grows")["records"] == len(d.lines["grows"]))
        rows, commits, records = d.well_count(), d.commits(), len(d.lines["grows"])
        for _ in range(5):
            d.grow(20)
            wait_until("the neighbour goes on", lambda: d.well_count() == d.count())
        print(f"beside the loop: rows {rows} to {d.well_count()}, commits {commits} to {d.commits()}", flush=True)
        self.assertEqual(d.well_count() - rows, 100)
        wait_until("ingest goes on", lambda: d.node.source("grows")["records"] == records + 100)
        self.assertGreater(d.commits(), commits + 4)
        self.assertEqual(d.node.pipeline("sick")["state"], "quarantined")

    def test_a_record_that_crashes_the_process_becomes_a_dead_letter_after_some_restarts(self):
        with (d := deployment()).node as n:
            d.grow(100)
            deaths, seen = 0, []
            while deaths < MOST_STARTS:
                n.launch(WEIR_CRASH_ON=f"sick:{POISON}")
                if deaths == 0:
                    wait_until("the node answers", lambda: n.ask("/readyz")[0])
                    wait_until("both read", lambda: n.view("sick_rows")["rows"] == d.well_count() == d.count())
                    d.grow(40, poison=True)
                code = self.follow_life(d)
                if code is None:
                    break
                self.assertEqual(code, -signal.SIGSEGV, n.log_text())
                deaths += 1
                seen.append(self.committed_by_neighbour(d))
                d.grow(30)
            print(f"crashes: {deaths}; the neighbour's committed rows after each: {seen}", flush=True)
            self.assertGreater(deaths, 0)
            self.assertLess(deaths, MOST_STARTS, "the node dies of this record again and again")
            self.check_exactly_once(d, left_out=POISON)
            self.check_letter(d)
            self.assertEqual(seen, sorted(seen), "committed rows never vanish")
            self.assertGreater(seen[-1], seen[0], "the neighbour goes on while its process dies again and again")
            self.assertEqual(n.ask("/readyz")[0], 200)
            self.assertEqual(n.stop(), 0)

    def follow_life(self, d, seconds=10):
        """Answers the exit code of this life; None when the node lives on and has set the record aside."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            code = d.node.wait_for_death(0.02)
            if code is not None:
                return code
            status, letters = d.node.ask("/v1/dead_letters/readings")
            if status == 200 and letters["items"]:
                return None
        self.fail("the node lives, but has no dead letter")

    def committed_by_neighbour(self, d):
        """What a dead node has committed: a copy of its folder, where no source may read and the neighbour stands."""
        with node(CONFIG.replace('allow = ["in"]', "allow = []").split("[[source]]")[0],
                  {"well.sql": WELL, "sick.sql": SICK}) as copy:
            shutil.copytree(d.node.folder / "data", copy.folder / "data")
            copy.start(ready=False, WEIR_HANG_ON='well:"id"')
            return wait_until("the view is there", lambda: copy.ask("/v1/views/well_rows")[1])["rows"]

    def check_letter(self, d):
        letters = d.node.letters("readings")
        place = next(i for i, text in enumerate(d.lines["grows"]) if POISON in text)
        self.assertEqual([(i["source"], i["sequence"], i["pipeline"]) for i in letters], [("grows", place, "sick")])
        self.assertIn("pipeline sick", letters[0]["reason"])
        self.assertIn("the process ended", letters[0]["reason"])


if __name__ == "__main__":
    run_tests()
