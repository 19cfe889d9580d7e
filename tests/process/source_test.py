"""Sources that fail, are added, paused, resumed and removed while their node runs, through the command line."""

import gzip
import json
import os
import unittest

from node_process import node, run_tests, wait_until

CONFIG = """
[node]
shards = 2
worker_threads = 2
[supervision]
watch_interval = "50 ms"
[sources]
restart_min = "300 ms"
restart_max = "2 s"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""

MAIN = """
CREATE TABLE readings (at timestamptz NOT NULL, v bigint NOT NULL)
  WITH (format = 'json', event_time = 'at', lateness = '1 second');
CREATE MATERIALIZED VIEW seen AS SELECT source, v FROM readings;
CREATE MATERIALIZED VIEW windows AS SELECT window_start, count(*) AS n FROM tumble(readings, interval '10 seconds')
  GROUP BY window_start;
CREATE TABLE quiet (at timestamptz NOT NULL, v bigint NOT NULL)
  WITH (format = 'json', event_time = 'at', lateness = '1 second', idle = '1 second');
CREATE MATERIALIZED VIEW quiet_windows AS SELECT window_start, count(*) AS n FROM tumble(quiet, interval '10 seconds')
  GROUP BY window_start;
"""


def lines(first, count):
    """One record a second."""
    return "".join(json.dumps({"at": f"2024-01-01T00:{i // 60:02}:{i % 60:02}Z", "v": i}) + "\n"
                   for i in range(first, first + count))


class sources(unittest.TestCase):
    def setUp(self):
        self.node = node(CONFIG, {"main.sql": MAIN})
        self.addCleanup(self.node.__exit__, None, None, None)

    def cli(self, *arguments, code=0):
        done = self.node.weir(*arguments)
        self.assertEqual(done.code, code, f"weir {arguments}: {done.out} {done.err}")
        return done

    def add(self, name, path, *options, stream="readings", code=0):
        more = [word for o in options for word in ("--option", o)]
        return self.cli("source", "add", name, "--stream", stream, "--connector", "file", "--option",
                        f"path={self.node.folder / path}", *more, code=code)

    def append(self, name, text):
        with open(self.node.folder / "in" / name, "a") as file:
            file.write(text)

    def wait_for(self, name, state):
        try:
            return wait_until(f"{name} is {state}", seconds=10, true=lambda: (
                s := self.node.source(name))["state"] == state and s)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.node.source(name)}") from None

    def wait_for_rows(self, view, count):
        wait_until(f"{view} has {count} rows", lambda: self.node.view(view)["rows"] == count)

    def check_goes_on(self):
        """The neighbour that follows a file still reads."""
        before = self.node.source("good")["records"]
        self.append("good.ndjson", lines(before, 10))
        wait_until("the good source goes on", lambda: self.node.source("good")["records"] == before + 10)

    def start_with_good_source(self):
        self.node.start()
        self.node.write("in/good.ndjson", lines(0, 10))
        self.add("good", "in/good.ndjson", "follow=true")
        wait_until("the good source is read", lambda: self.node.source("good")["records"] == 10)

    def check_failed(self, name, text):
        s = self.wait_for(name, "failed")
        self.assertIn(text, s["last_error"])
        self.assertIsNotNone(wait_until("a next try is told", lambda: self.node.source(name)["next_try"]))
        shown = self.cli("source", "show", name).json()
        self.assertIn(text, shown["last_error"])
        wait_until("it is tried again", lambda: self.node.source(name)["restarts"] >= 2)
        self.check_goes_on()

    def test_a_file_that_is_missing_fails_its_source_until_it_comes(self):
        self.start_with_good_source()
        self.add("missing", "in/missing.ndjson")
        self.check_failed("missing", "missing.ndjson")
        status, text = self.node.ask("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("missing has failed", json.dumps(text))
        self.assertEqual(self.node.ask("/livez")[0], 200)
        self.assertEqual(self.node.weir("status").code, 4)
        self.node.write("in/missing.ndjson", lines(500, 7))
        self.wait_for("missing", "ended")
        wait_until("its records are counted", lambda: self.node.source("missing")["records"] == 7)
        wait_until("the node is ready again", lambda: self.node.ask("/readyz")[0] == 200)

    def test_a_path_outside_the_allowed_folders_is_refused(self):
        self.start_with_good_source()
        refused = self.add("outside", "main.sql", code=1)
        self.assertIn("sources.file.allow", refused.err)
        os.symlink("/etc/passwd", self.node.folder / "in" / "link")
        refused = self.node.weir("source", "add", "link", "--stream", "readings", "--connector", "file", "--option",
                                 f"path={self.node.folder / 'in' / 'link'}", "--option", "format=raw")
        if refused.code == 0:
            self.check_failed("link", "sources.file.allow")
        self.assertNotIn("outside", {s["name"] for s in self.node.get("/v1/sources")["items"]})
        self.check_goes_on()
        self.assertEqual(self.node.view("seen")["rows"], self.node.source("good")["records"])

    def test_a_folder_without_permission_fails_its_source(self):
        self.node.give_up_root()
        self.start_with_good_source()
        closed = self.node.folder / "in" / "closed"
        closed.mkdir(0o755)
        (closed / "a.ndjson").write_text(lines(0, 3))
        closed.chmod(0)
        self.add("closed", "in/closed")
        self.check_failed("closed", "closed")
        closed.chmod(0o755)
        self.wait_for("closed", "ended")

    def test_a_truncated_gzip_fails_its_source_after_what_can_be_read(self):
        self.start_with_good_source()
        whole = gzip.compress(os.urandom(20_000).hex().encode() + b"\n" + lines(0, 3000).encode(), mtime=0)
        (self.node.folder / "in" / "cut.gz").write_bytes(whole[:len(whole) - 200])
        self.add("cut", "in/cut.gz")
        self.check_failed("cut", "cut.gz")
        got = self.node.source("cut")["records"]
        self.assertLess(got, 3000)
        stream = [r["sequence"] for r in self.node.records("readings") if r["source"] == "cut"]
        self.assertEqual(len(stream), len(set(stream)), "no record twice, however often it is tried")

    def test_sources_are_paused_resumed_and_removed_while_the_node_runs(self):
        self.start_with_good_source()
        self.cli("source", "pause", "good")
        self.wait_for("good", "paused")
        self.append("good.ndjson", lines(10, 10))
        self.node.write("in/other.ndjson", lines(0, 5))
        self.add("other", "in/other.ndjson", "follow=true")
        wait_until("the other is read", lambda: self.node.source("other")["records"] == 5)
        self.assertEqual(self.node.source("good")["records"], 10)
        self.cli("source", "resume", "good")
        wait_until("it is read again", lambda: self.node.source("good")["records"] == 20)
        self.cli("source", "remove", "other")
        self.assertEqual(self.node.ask("/v1/sources/other")[0], 404)
        self.cli("source", "show", "other", code=3)
        self.wait_for_rows("seen", 25)
        self.assertEqual(sorted(r["v"] for r in self.node.rows("seen") if r["source"] == "good"), list(range(20)))
        self.assertEqual(self.node.stop(), 0)
        self.node.start()
        self.assertEqual([s["name"] for s in self.node.get("/v1/sources")["items"]], ["good"])
        self.append("good.ndjson", lines(20, 5))
        self.wait_for_rows("seen", 30)

    def add_talking_and_silent(self, stream):
        self.node.start()
        self.node.write("in/talks.ndjson", "")
        self.node.write("in/silent.ndjson", lines(0, 1))
        self.node.write("sources.toml", "".join(
            f'[[source]]\nname = "{name}"\nstream = "{stream}"\nconnector = "file"\nfollow = "true"\n'
            f'path = "{self.node.folder}/in/{name}.ndjson"\n' for name in ("talks", "silent")))
        self.cli("source", "add", "--from", "sources.toml")
        wait_until("the silent one has spoken once", lambda: self.node.source("silent")["records"] == 1)
        self.append("talks.ndjson", lines(0, 45))
        wait_until("the other is read", lambda: self.node.source("talks")["records"] == 45)

    def test_a_removed_source_holds_no_window_back(self):
        self.add_talking_and_silent("readings")
        self.assertEqual(self.node.view("windows")["rows"], 0, "the silent source holds the windows")
        self.cli("source", "remove", "silent")
        self.wait_for_rows("windows", 4)
        self.assertEqual([r["n"] for r in sorted(self.node.rows("windows"), key=lambda r: r["window_start"])],
                         [11, 10, 10, 10])

    def test_an_idle_source_holds_no_window_back(self):
        self.add_talking_and_silent("quiet")
        # Both fall silent in the end: then every window that holds a record closes.
        self.wait_for_rows("quiet_windows", 5)
        self.assertEqual(sum(r["n"] for r in self.node.rows("quiet_windows")), 46)


if __name__ == "__main__":
    run_tests()
