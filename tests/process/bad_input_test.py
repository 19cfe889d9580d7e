"""Input that is wrong: each record and file has its outcome (a dead letter with its reason, or a source that says what
is the matter), what stands beside it is read, and the node stays up, ready and within its memory."""

import gzip
import json
import os
import pathlib
import unittest

from node_process import node, run_tests, wait_until

CONFIG = """
[node]
shards = 2
worker_threads = 2
[supervision]
watch_interval = "50 ms"
[limits]
view_groups = 400000
[sources]
restart_min = "200 ms"
restart_max = "1 s"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
"""

MAIN = """
CREATE TABLE readings (at timestamptz NOT NULL, k text NOT NULL, v double precision, n bigint)
  WITH (format = 'json', event_time = 'at', lateness = '1 second');
CREATE MATERIALIZED VIEW seen AS SELECT source, at, k, v, n FROM readings;
CREATE MATERIALIZED VIEW windows AS
  SELECT window_start, source, count(*) AS n, sum(v) AS total FROM tumble(readings, interval '1 hour')
  GROUP BY window_start, source;
CREATE TABLE cells (k text NOT NULL, v double precision, n bigint) WITH (format = 'csv');
CREATE MATERIALIZED VIEW cell_rows AS SELECT source, k, v, n FROM cells;
"""

MEMORY_MIB = 400  # of the whole node, whatever it reads


def good(i, k="good", second=None):
    second = i if second is None else second
    return json.dumps({"at": f"2024-01-01T00:{second // 60:02}:{second % 60:02}Z", "k": k, "v": i + 0.5, "n": i})


# Each with what its dead letter's reason says.
BROKEN = {
    "{": "expected",
    '{"at":"2024-01-01T00:00:00Z","k":"x"': "expected",
    "not json at all": "expected",
    "[1,2]": "expected",
    "null": "expected",
    '{"at":"2024-01-01T00:00:00Z","k":"x"} trailing': "expected",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":"1.5"}': "'v'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","n":1.5}': "'n'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","n":"7"}': "'n'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","n":99999999999999999999}': "'n'",
    '{"at":"2024-01-01T00:00:00Z","k":["x"]}': "'k'",
    '{"at":"yesterday","k":"x"}': "'at'",
    '{"at":1704067200,"k":"x"}': "'at'",
    '{"at":"2024-01-01T00:00:00Z"}': "'k'",
    '{"k":"x"}': "'at'",
    '{"at":"2024-01-01T00:00:00Z","k":null}': "'k'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":NaN}': "'v'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":Infinity}': "'v'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":-Infinity}': "'v'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":nan}': "'v'",
    '{"at":"2024-01-01T00:00:00Z","k":"x","v":1e999}': "'v'",
    '{"at":"9999-12-31T23:59:59Z","k":"x"}': "max_future",
    '{"at":"10000-01-01T00:00:00Z","k":"x"}': "'at'",
    '{"at":"0000-01-01T00:00:00Z","k":"x"}': "'at'",
}


class bad_input(unittest.TestCase):
    def setUp(self):
        self.node = node(CONFIG, {"main.sql": MAIN})
        self.addCleanup(self.node.__exit__, None, None, None)
        self.node.start()

    def path(self, name):
        return self.node.folder / "in" / name

    def add(self, name, file, *options, stream="readings"):
        more = [word for o in options for word in ("--option", o)]
        done = self.node.weir("source", "add", name, "--stream", stream, "--connector", "file", "--option",
                              f"path={self.path(file)}", *more)
        self.assertEqual(done.code, 0, done.err)

    def add_bytes(self, name, data, *options, stream="readings"):
        self.path(name).write_bytes(data)
        self.add(name, name, *options, stream=stream)

    def wait_for(self, name, state, seconds=20):
        try:
            return wait_until(f"{name} is {state}", seconds=seconds, true=lambda: (
                s := self.node.source(name))["state"] == state and s)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.node.source(name)}") from None

    def wait_for_counts(self, name, records, dead_letters):
        wait_until(f"{name} has {records} records and {dead_letters} dead letters", lambda: (
            s := self.node.source(name)) and (s["records"], s["dead_letters"]) == (records, dead_letters))

    def letters(self, stream, source):
        return [each for each in self.node.letters(stream) if each["source"] == source]

    def rows(self, view, source):
        wait_until("nothing is left to read", lambda: self.node.pipeline("main")["lag"] == 0)
        return [r for r in self.node.rows(view) if r["source"] == source]

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.node.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024

    def check_goes_on(self, number):
        """A good source beside the bad one is read to its end, and the node is up."""
        name = f"beside-{number}"
        self.add_bytes(name, "".join(good(i) + "\n" for i in range(100)).encode())
        self.wait_for(name, "ended")
        self.wait_for_counts(name, 100, 0)
        self.assertEqual(self.node.ask("/livez")[0], 200)
        self.assertEqual(self.node.pipeline("main")["state"], "running")

    def test_every_broken_json_record_is_a_dead_letter_with_its_reason_and_bytes(self):
        lines = []
        for i, text in enumerate(BROKEN):
            lines += [good(i), text]
        self.add_bytes("broken", "".join(each + "\n" for each in lines).encode())
        self.wait_for("broken", "ended")
        self.wait_for_counts("broken", len(BROKEN), len(BROKEN))
        letters = sorted(self.letters("readings", "broken"), key=lambda each: each["sequence"])
        self.assertEqual([each["sequence"] for each in letters], list(range(1, 2 * len(BROKEN), 2)))
        for letter, (text, reason) in zip(letters, BROKEN.items()):
            self.assertIn(reason, letter["reason"], text)
            self.assertEqual(letter["record"], text)
        self.assertEqual(sorted(r["n"] for r in self.rows("seen", "broken")), list(range(len(BROKEN))))
        self.check_goes_on(1)

    def test_bytes_that_are_no_utf8_are_dead_letters(self):
        bad = [b'{"at":"2024-01-01T00:00:00Z","k":"\xff\xfe"}', b"\x00\x01\x02\x80", b'{"at":"2024-01-01T00:00:00Z",'
               b'"k":"\xc3"}', b'{"at":"2024-01-01T00:00:00Z","k":"\xed\xa0\x80"}']
        self.add_bytes("bytes", b"\n".join([good(1).encode(), *bad, good(2).encode()]) + b"\n")
        self.wait_for("bytes", "ended")
        self.wait_for_counts("bytes", 2, len(bad))
        for letter in self.letters("readings", "bytes"):
            self.assertIn("UTF-8", letter["reason"])
        self.assertEqual(self.node.weir("dead-letter", "list", "readings").code, 0)
        self.check_goes_on(2)

    def test_nan_and_infinity_are_numbers_as_text_in_json_and_bare_in_csv(self):
        texts = ("NaN", "Infinity", "-Infinity")
        self.add_bytes("texts", "".join(
            json.dumps({"at": "2024-01-01T00:00:01Z", "k": t, "v": t}) + "\n" for t in texts).encode())
        self.add_bytes("cells.csv", b"k,v,n\na,NaN,1\nb,inf,2\nc,-Infinity,3\nd,1e999,4\ne,NaN,NaN\nf,,6\n",
                       stream="cells")
        self.wait_for_counts("texts", 3, 0)
        self.wait_for_counts("cells.csv", 4, 2)
        self.assertEqual({r["k"]: r["v"] for r in self.rows("seen", "texts")}, {t: t for t in texts})
        self.assertEqual({r["k"]: r["v"] for r in self.rows("cell_rows", "cells.csv")},
                         {"a": "NaN", "b": "Infinity", "c": "-Infinity", "f": None})
        reasons = sorted(each["reason"] for each in self.letters("cells", "cells.csv"))
        self.assertIn("range", " ".join(reasons))
        self.assertEqual(wait_until("the window has closed", lambda: self.rows("windows", "texts"))[0]["total"], "NaN")

    def test_cells_that_do_not_fit_their_header_are_dead_letters(self):
        self.add_bytes("short.csv", b'k,v,n\na,1,1\nb,2\nc,3,3,3\n,4,4\ne,x,5\n"f,6,6\ng,7,7\n', stream="cells")
        s = self.wait_for("short.csv", "ended")
        wait_until("all are counted", lambda: (s := self.node.source("short.csv")) and
                   s["records"] + s["dead_letters"] >= 5)
        s = self.node.source("short.csv")
        self.assertGreaterEqual(s["dead_letters"], 2, self.letters("cells", "short.csv"))
        self.assertIn("a", {r["k"] for r in self.rows("cell_rows", "short.csv")})
        self.add_bytes("missing.csv", b"v,n\n1,1\n2,2\n", stream="cells")  # k is NOT NULL
        self.wait_for_counts("missing.csv", 0, 2)
        self.assertIn("k", self.letters("cells", "missing.csv")[0]["reason"])
        self.check_goes_on(3)

    def test_dates_before_1970_count_and_those_of_the_year_9999_close_nothing(self):
        old = ["0001-01-01T00:00:00Z", "1883-11-18T12:00:00Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z"]
        lines = [json.dumps({"at": at, "k": "old", "n": i}) for i, at in enumerate(old)]
        lines += [json.dumps({"at": "9999-12-31T23:59:59.999999Z", "k": "far", "n": -1}), good(7), good(8)]
        self.add_bytes("dates", "".join(each + "\n" for each in lines).encode())
        self.wait_for("dates", "ended")
        self.wait_for_counts("dates", 6, 1)
        wait_until("the view has them", lambda: len(self.rows("seen", "dates")) == 6)
        self.assertEqual(sorted(r["n"] for r in self.rows("seen", "dates")), [0, 1, 2, 3, 7, 8])
        windows = wait_until("all windows have closed", lambda: (
            w := self.rows("windows", "dates")) and sum(each["n"] for each in w) == 6 and w)
        self.assertEqual(sorted(each["window_start"] for each in windows)[0][:13], "0001-01-01T00")
        self.assertIn("max_future", self.letters("readings", "dates")[0]["reason"])

    def test_a_line_of_100_mb_is_one_dead_letter_and_costs_no_memory(self):
        with open(self.path("long"), "wb") as file:
            file.write(good(1).encode() + b"\n")
            for _ in range(100):
                file.write(b"x" * (1 << 20))
            file.write(b"\n" + good(2).encode() + b"\n")
        self.add("long", "long")
        self.wait_for("long", "ended", seconds=60)
        self.wait_for_counts("long", 2, 1)
        letter, = self.letters("readings", "long")
        self.assertIn("max_record", letter["reason"])
        self.assertLess(self.memory_mib(), MEMORY_MIB)
        self.check_goes_on(4)

    def test_an_empty_and_a_truncated_gzip_say_so_and_lose_nothing(self):
        whole = gzip.compress("".join(good(i, second=0) + "\n" for i in range(3000)).encode(), mtime=0)
        self.add_bytes("empty.gz", b"")
        self.add_bytes("nothing.gz", gzip.compress(b"", mtime=0))
        self.add_bytes("magic.gz", whole[:2])
        self.add_bytes("cut.gz", whole[:len(whole) - 100])
        self.add_bytes("garbage.gz", whole[:len(whole) // 2] + os.urandom(2000))
        self.wait_for("empty.gz", "ended")
        self.wait_for("nothing.gz", "ended")
        for name, text in (("magic.gz", "ends too early"), ("cut.gz", "ends too early"), ("garbage.gz", "gzip")):
            s = self.wait_for(name, "failed")
            self.assertIn(text, s["last_error"])
            self.assertIn(name, s["last_error"])
        wait_until("they are tried again", lambda: self.node.source("cut.gz")["restarts"] >= 3)
        seen = [r["n"] for r in self.rows("seen", "cut.gz")]
        self.assertEqual(len(seen), len(set(seen)), "however often it is tried")
        self.check_goes_on(5)

    def test_a_gzip_bomb_is_bounded_and_stalls_nobody(self):
        part = gzip.compress(bytes(100 << 20), 9, mtime=0)
        with open(self.path("bomb.gz"), "wb") as file:
            for _ in range(100):  # members of one file: 10 GB of zeros without a line end
                file.write(part)
        self.add("bomb", "bomb.gz")
        wait_until("it is being read", lambda: (self.node.source("bomb")["progress"] or "0 %") != "0 %")
        for number in range(5):
            self.check_goes_on(10 + number)
        self.assertLess(self.memory_mib(), MEMORY_MIB)
        s = self.node.source("bomb")
        self.assertIn(s["state"], ("running", "waiting", "ended"))
        self.assertEqual(self.node.weir("source", "remove", "bomb").code, 0)
        self.check_goes_on(20)

    def test_a_file_that_shrinks_or_is_written_anew_stops_its_source_with_a_reason(self):
        for name in ("shrinks", "anew", "replaced"):
            self.add_bytes(name, "".join(good(i) + "\n" for i in range(50)).encode(), "follow=true")
            self.wait_for_counts(name, 50, 0)
        self.path("shrinks").write_text(good(1) + "\n")
        self.path("anew").write_text("".join(good(1000 + i) + "\n" for i in range(80)))
        other = self.path("other")
        other.write_text("".join(good(2000 + i) + "\n" for i in range(10)))
        self.path("replaced").unlink()
        other.rename(self.path("replaced"))
        for name, text in (("shrinks", "shrank"), ("anew", "written anew"), ("replaced", "replaced")):
            s = self.wait_for(name, "failed")
            self.assertIn(text, s["last_error"])
            self.assertEqual(s["records"], 50, "nothing of the other content was taken")
        self.check_goes_on(6)

    def test_a_million_distinct_keys_stop_their_pipeline_with_a_clear_error_and_no_other(self):
        n = self.node
        n.write("keys.sql", "CREATE TABLE keys (k bigint NOT NULL) WITH (format = 'json');\n"
                "CREATE MATERIALIZED VIEW capped WITH (max_rows = 1000) AS "
                "SELECT k, count(*) AS n FROM keys GROUP BY k;")
        n.write("sick.sql", "CREATE MATERIALIZED VIEW each WITH (ttl = '1 day') AS SELECT k, count(*) AS n FROM keys "
                "GROUP BY k;")
        for name in ("keys", "sick"):
            done = n.weir("apply", str(n.folder / f"{name}.sql"), "--name", name)
            self.assertEqual(done.code, 0, done.err)
        with open(self.path("million"), "w") as file:
            file.writelines(f'{{"k":{i}}}\n' for i in range(1_000_000))
        self.add("million", "million", stream="keys")
        wait_until("the pipeline is quarantined", lambda: n.pipeline("sick")["state"] == "quarantined", seconds=120)
        error = n.pipeline("sick")["error"]
        self.assertIn("more than 400000 groups (limits.view_groups)", error)
        self.assertIn("max_rows", error)
        self.check_goes_on(8)
        wait_until("all is read", lambda: self.node.source("million")["records"] == 1_000_000, seconds=120)
        wait_until("the others have read all", lambda: n.pipeline("keys")["lag"] == 0, seconds=120)
        self.assertEqual(n.pipeline("keys")["state"], "running")
        wait_until("the newest are kept", lambda: n.view("capped")["rows"] == 2 * 1000)  # per shard
        self.assertLess(self.memory_mib(), 1000)

    def test_names_with_odd_characters(self):
        odd = ("a b.ndjson", "ünï.ndjson", "quote'\".ndjson", "-dash", "new\nline", "%2e%2e", "a;b&c=d")
        for i, name in enumerate(odd):
            self.path(name).write_text(good(1) + "\n")
            self.add(f"odd-{i}", name)
            self.wait_for(f"odd-{i}", "ended")
            self.wait_for_counts(f"odd-{i}", 1, 0)
        for name in ("a b", "a/b", "..", "ü", "", "x" * 200, "a\nb", "a'b"):
            refused = self.node.weir("source", "add", name, "--stream", "readings", "--connector", "file", "--option",
                                     f"path={self.path('a b.ndjson')}")
            if name == "..":
                continue  # dots are letters of a name; it is no path
            self.assertNotEqual(refused.code, 0, name)
            self.assertTrue(refused.err, name)
        self.path(os.fsdecode(b"bad-\xff.ndjson")).write_text(good(1) + "\n")
        self.add_whole_folder()
        self.check_goes_on(7)

    def add_whole_folder(self):
        done = self.node.weir("source", "add", "folder", "--stream", "readings", "--connector", "file", "--option",
                              f"path={self.path('*.ndjson')}")
        self.assertEqual(done.code, 0, done.err)
        wait_until("the folder has been read, or says why not", lambda: self.node.source("folder")["state"] in (
            "ended", "failed"))
        s = self.node.source("folder")
        if s["state"] == "failed":
            self.assertIn("UTF-8", s["last_error"])


if __name__ == "__main__":
    run_tests()
