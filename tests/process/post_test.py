"""Records by POST into a real node: what the answer says, lost answers, kill -9 around the commit, limits, tools."""

import collections
import gzip
import json
import pathlib
import signal
import socket
import subprocess
import time
import unittest
import urllib.parse

from node_process import environment, node, programs, run_tests, wait_until
from posting import LINES, path_of, send

CONFIG = """
[node]
shards = 2
worker_threads = 2
log_level = "warning"
[commit]
interval_min = "0 s"
interval_max = "2 ms"
[sources.file]
allow = ["in"]
[gateway]
port = 0
max_request_bytes = "64 KiB"
max_inflated_bytes = "256 KiB"
max_request_lines = 1000
[[pipeline]]
name = "readings"
file = "readings.sql"
"""

SQL = """
CREATE TABLE readings (k text NOT NULL, v bigint) WITH (format = 'json');
CREATE TABLE table_rows (a bigint, b text) WITH (format = 'csv');
CREATE TABLE frames (frame bytea) WITH (format = 'raw');
CREATE MATERIALIZED VIEW per_key WITH (max_rows = 100000) AS SELECT k, count(*) AS n FROM readings GROUP BY k;
"""


def started(**faults):
    return node(CONFIG, {"readings.sql": SQL}).start(**faults)


def line(k, v=1):
    return json.dumps({"k": k, "v": v}) + "\n"


def counts(n, stream="readings"):
    """How often each record is in the stream."""
    return collections.Counter(record_of(r) for r in n.records(stream))


def record_of(r):
    record = r["record"]
    return json.loads(record)["k"] if isinstance(record, str) else record["k"]


class answers(unittest.TestCase):
    def test_the_answer_counts_records_and_dead_letters_and_tells_where_they_are(self):
        with started() as n:
            status, answer = send(n, '{"k":\n"one"}', type="application/json", source="cam")
            self.assertEqual((status, answer["accepted"], answer["dead"]), (200, 1, 0))
            self.assertEqual((answer["stream"], answer["source"], answer["repeated"]), ("readings", "cam", False))
            body = (line("two") + '{"k":"broken"\n' + '{"k":7}\n').encode() + b'{"k":"\xff"}\n' + line("three").encode()
            status, answer = send(n, body, source="cam")
            self.assertEqual((status, answer["accepted"], answer["dead"]), (200, 2, 3))
            self.assertGreater(answer["first_number"], 0)
            self.assertTrue(answer["first_reason"])
            # What was answered is committed.
            self.assertEqual(counts(n), {"one": 1, "two": 1, "three": 1})
            self.assertEqual(len(n.letters("readings")), 3)
            wait_until("the source shows what it brought", lambda: n.source("cam")["dead_letters"] == 3)
            source = n.source("cam")
            self.assertEqual((source["connector"], source["records"], source["state"]), ("http", 3, "running"))
            self.assertEqual(n.stop(), 0)

    def test_formats_and_gzip(self):
        with started() as n:
            csv = "a,b\n1,x\n2,\"y\nz\"\n"
            self.assertEqual(send(n, csv, "table_rows", "text/csv")[1]["accepted"], 2)
            self.assertEqual(send(n, b"\x00\n\xff", "frames", "application/octet-stream")[1]["accepted"], 1)
            many = gzip.compress("".join(line(f"g{i}") for i in range(900)).encode())
            status, answer = send(n, many, encoding="gzip")
            self.assertEqual((status, answer["accepted"]), (200, 900))
            (n.folder / "curl.gz").write_bytes(gzip.compress(line("by curl").encode()))
            at = n.address()
            done = subprocess.run(
                ["curl", "-sS", "--noproxy", "*", "--data-binary", "@curl.gz", "-H", "Content-Type: " + LINES,
                 "-H", "Content-Encoding: gzip", "-H", "Authorization: Bearer " + at["token"],
                 at["url"] + path_of("readings")], cwd=n.folder, capture_output=True, text=True, timeout=30)
            self.assertEqual(json.loads(done.stdout)["accepted"], 1, done.stderr)
            self.assertEqual(n.stop(), 0)

    def test_what_cannot_be_taken_is_refused_with_what_to_do(self):
        with started() as n:
            bomb = gzip.compress(b"{}" + b" " * 30_000_000)
            long_lines = line("x") * 1_001
            n.write("in/empty.ndjson", "")
            n.weir("source", "add", "file1", "--stream", "readings", "--connector", "file", "--option",
                   f"path={n.folder}/in/empty.ndjson")
            send(n, line("first"), source="paused")
            n.weir("source", "pause", "paused")
            for status, call in ((413, dict(body=bomb, encoding="gzip")), (413, dict(body="x" * 65_537)),
                                 (413, dict(body=long_lines)),
                                 (400, dict(body=gzip.compress(b"{}")[:-4], encoding="gzip")),
                                 (400, dict(body='[{"k":"a"}]', type="application/json")), (400, dict(body="\n")),
                                 (415, dict(body="{}", type="application/x-www-form-urlencoded")),
                                 (415, dict(body="{}", type="application/octet-stream")),
                                 (415, dict(body="{}", stream="frames", type="application/json")),
                                 (415, dict(body="x", encoding="br")), (404, dict(body="{}", stream="nowhere")),
                                 (409, dict(body=line("x"), source="file1")),
                                 (409, dict(body=line("x"), source="paused")),
                                 (400, dict(body=line("x"), source="a%20b")), (400, dict(body="{}", key="k" * 256))):
                with self.subTest(status=status, call=str(call)[:80]):
                    got, problem = send(n, **call)
                    self.assertEqual(got, status, problem)
                    self.assertTrue(problem["detail"])
            self.assertEqual(counts(n), {"first": 1})
            self.assertEqual(n.stop(), 0)

    def test_without_a_source_sixteen_virtual_ones_open_together(self):
        with started() as n:
            for i in range(20):
                self.assertEqual(send(n, line(f"r{i}"))[1]["accepted"], 1)
            sources = lambda: [s["records"] for s in n.get("/v1/sources")["items"] if s["connector"] == "http"]
            self.assertEqual(len(sources()), 16)
            wait_until("each took its turn", lambda: sorted(sources()) == [1] * 12 + [2] * 4)
            key = send(n, line("k"), key="same")[1]["source"]
            self.assertEqual(send(n, line("k"), key="same")[1]["source"], key)
            self.assertEqual(n.stop(), 0)


class once(unittest.TestCase):
    def test_the_answer_is_lost_and_the_client_asks_again_with_its_key(self):
        with started() as n:
            body = line("a") + line("b") + "broken\n"
            at = n.address()
            to = urllib.parse.urlsplit(at["url"])
            with socket.create_connection((to.hostname, to.port)) as s:
                s.sendall((f"POST {path_of('readings', 'cam')} HTTP/1.1\r\nHost: localhost\r\n"
                           f"Authorization: Bearer {at['token']}\r\nContent-Type: {LINES}\r\nIdempotency-Key: k\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
                wait_until("the records are there", lambda: len(n.records("readings")) == 2)
            for _ in range(2):
                status, answer = send(n, body, key="k", source="cam")
                self.assertEqual(status, 200)
                self.assertEqual((answer["accepted"], answer["dead"], answer["repeated"]), (2, 1, True))
            self.assertEqual(counts(n), {"a": 1, "b": 1})
            self.assertEqual(len(n.letters("readings")), 1)
            n.kill()
            n.start()  # the key outlives the node
            self.assertTrue(send(n, body, key="k", source="cam")[1]["repeated"])
            self.assertEqual(n.stop(), 0)

    def test_the_same_key_with_other_records_is_409(self):
        with started() as n:
            self.assertEqual(send(n, line("a"), key="k")[0], 200)
            status, problem = send(n, line("b"), key="k")
            self.assertEqual((status, problem["code"]), (409, "conflict"))
            self.assertEqual(counts(n), {"a": 1})
            # Another source, another scope.
            self.assertEqual(send(n, line("b"), key="k", source="cam")[0], 200)
            self.assertEqual(n.stop(), 0)

    def killed_while_it_takes(self, n, point, body_of, **how):
        """POSTs until one is under way when the node dies at the point; answers that one's number. `body_of` gives each
        its records; those that were answered before stand."""
        number = 1
        for passage in range(1, 60):
            n.launch(WEIR_KILL_AT=f"{point}:{passage}")
            wait_until("it serves or is dead", lambda: n.address() or n.exit_code() is not None)
            for _ in range(200):
                if n.exit_code() is not None:  # it died of another commit than a request's
                    break
                status, _ = send(n, body_of(number), **{k: v(number) for k, v in how.items()})
                if status == 200:
                    number += 1
                elif status == 503:  # its shards are not up yet
                    time.sleep(0.02)
                else:
                    self.assertEqual(n.wait_for_death(20), -signal.SIGKILL)
                    return number
            n.kill()
        self.fail(f"never killed at {point}")

    POINTS = ("ingest.after_accept", "ingest.after_cut", "writer.before_log_commit", "writer.after_log_commit",
              "writer.after_state_write")

    def test_a_node_killed_around_the_commit_has_keyed_records_once(self):
        for point in self.POINTS:
            with self.subTest(point=point), started() as n:
                send(n, line("opens the source"), source="cam", key="0")
                n.stop()
                last = self.killed_while_it_takes(n, point, lambda i: line(f"r{i}") * 2, key=lambda i: f"k{i}",
                                                  source=lambda i: "cam")
                n.start()
                for _ in range(2):
                    status, answer = send(n, line(f"r{last}") * 2, key=f"k{last}", source="cam")
                    self.assertEqual((status, answer["accepted"]), (200, 2))
                self.assertTrue(answer["repeated"])
                found = counts(n)
                self.assertEqual(found, {"opens the source": 1, **{f"r{i}": 2 for i in range(1, last + 1)}})
                wait_until("the view counts each once", lambda: sum(
                    row["n"] for row in n.rows("per_key")) == sum(found.values()))
                self.assertEqual(n.stop(), 0)

    def test_without_a_key_nothing_is_lost_but_it_may_come_twice(self):
        for point in ("writer.before_log_commit", "writer.after_log_commit"):
            with self.subTest(point=point), started() as n:
                send(n, line("opens the source"), source="cam")
                n.stop()
                last = self.killed_while_it_takes(n, point, lambda i: line(f"r{i}"), source=lambda i: "cam")
                n.start()
                before = counts(n)[f"r{last}"]  # the client cannot know
                self.assertLessEqual(before, 1 if point == "writer.after_log_commit" else 0)
                self.assertEqual(send(n, line(f"r{last}"), source="cam")[0], 200)
                found = counts(n)
                self.assertEqual(found.pop(f"r{last}"), before + 1)
                self.assertEqual(found, {"opens the source": 1, **{f"r{i}": 1 for i in range(1, last)}})
                self.assertEqual(n.stop(), 0)


class tools(unittest.TestCase):
    def test_weir_stream_post_sends_a_file_once_however_often_it_is_called(self):
        with started() as n:
            n.write("in/many.ndjson", "".join(line(f"r{i}") for i in range(2_500)))
            for repeated in (0, 3):
                done = n.weir("stream", "post", "readings", "in/many.ndjson", "--source", "cam", "--key", "june")
                self.assertEqual(done.code, 0, done.err)
                self.assertEqual({k: done.json()[k] for k in ("requests", "accepted", "repeated")},
                                 {"requests": 3, "accepted": 2_500, "repeated": repeated})
            found = counts(n)
            self.assertEqual((len(found), set(found.values())), (2_500, {1}))
            n.write("in/rows.csv", "a,b\n1,x\n2,y\nthree,z\n")
            done = n.weir("stream", "post", "table_rows", "in/rows.csv", "--batch", "2")
            self.assertEqual(done.code, 1)
            self.assertEqual(done.json()["accepted"], 2)
            self.assertIn("dead-letter list table_rows", done.err)
            self.assertEqual(n.weir("stream", "post", "nowhere", "in/rows.csv").code, 3)
            self.assertEqual(n.stop(), 0)

    def test_weir_source_test_shows_what_a_source_would_bring_and_adds_nothing(self):
        with started() as n:
            n.write("in/some.ndjson", line("a") + "broken\n" + line("b"))
            described = ("--stream", "readings", "--connector", "file", "--option")
            done = n.weir("source", "test", *described, f"path={n.folder}/in/some.ndjson")
            self.assertEqual(done.code, 1)  # one record would be a dead letter
            shown = done.json()
            self.assertEqual((shown["records"], shown["rows"], len(shown["dead"])), (3, [["a", 1], ["b", 1]], 1))
            self.assertIn("expected", done.err)
            absent = n.weir("source", "test", *described, f"path={n.folder}/in/absent.ndjson")
            self.assertEqual((absent.code, absent.out), (3, ""))
            self.assertIn("absent.ndjson", absent.err)
            self.assertEqual(n.get("/v1/sources")["items"] + n.records("readings") + n.letters("readings"), [])
            self.assertEqual(n.stop(), 0)

    def test_weir_simulate_sends_from_outside_once_per_key(self):
        program = pathlib.Path(programs.weir).parent / "weir-simulate"
        with started() as n:
            n.write("cameras.sql", "CREATE TABLE camera (image text NOT NULL, probability double precision) "
                                   "WITH (format = 'json');")
            self.assertEqual(n.weir("apply", "cameras.sql").code, 0)
            for _ in range(2):
                done = subprocess.run(
                    [program, "--node-file", n.folder / "data" / "node.json", "--stream", "camera", "--instruments",
                     "3", "--source", "cam", "--count", "500", "--batch", "50", "--seconds", "60", "--key", "run",
                     "-o", "json"], env=environment(), capture_output=True, text=True, timeout=120)
                self.assertEqual(done.returncode, 0, done.stderr)
                summary = json.loads(done.stdout)
                self.assertEqual((summary["sent"], summary["accepted"], summary["dead"]), (500, 500, 0))
                self.assertLessEqual(summary["latency_p50_ms"], summary["latency_p99_ms"])
            self.assertEqual(len(n.records("camera")), 500)
            self.assertEqual(n.stop(), 0)


if __name__ == "__main__":
    run_tests()
