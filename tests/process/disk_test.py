"""A disk that is full: a small file system of its own holds the node's data, in memory and as an ext4 in a file.
Sources come to a stand and say why, /readyz tells, nothing is lost or taken twice, and all goes on by itself when there
is room."""

import json
import os
import time
import unittest

from node_process import node, wait_until
from own_mounts import ext4_disk, memory_disk, require_ext4, require_mounts, run_tests_with_own_mounts

MIB = 1 << 20
SIZE_MIB = 320

CONFIG = """
[node]
shards = 2
worker_threads = 2
[log]
disk_reserve = "RESERVE"
[limits]
ingest_queue = "1 MiB"
[commit]
max_bytes = "2 MiB"
[supervision]
watch_interval = "50 ms"
restart_budget = 2
[sources.file]
allow = ["in"]
poll_interval = "20 ms"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
"""

MAIN = """
CREATE TABLE readings (id bigint NOT NULL, pad text) WITH (format = 'json');
CREATE MATERIALIZED VIEW ids AS SELECT id FROM readings;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100) AS SELECT id % 10 AS k, count(*) AS n FROM readings
  GROUP BY id % 10;
"""


class small_disk(node):
    """A node whose data folder is a file system of SIZE_MIB."""

    def __init__(self, reserve, kind):
        super().__init__(CONFIG.replace("RESERVE", reserve), {"main.sql": MAIN, "in/grows.ndjson": ""})
        self.data = self.folder / "data"
        self.disk = kind(self.data, SIZE_MIB)
        self.filler = self.data / "somebody-elses"
        self.written = 0

    def free(self):
        s = os.statvfs(self.data)
        return s.f_bavail * s.f_frsize

    def grow(self, count, pad=2000):
        with open(self.folder / "in" / "grows.ndjson", "a") as file:
            for _ in range(count):
                file.write(json.dumps({"id": self.written, "pad": f"{self.written:x}" * (pad // 8)}) + "\n")
                self.written += 1

    def fill(self, leave):
        """Another program takes the room, but for so much."""
        with open(self.filler, "ab") as file:
            try:
                while self.free() > leave:
                    file.write(bytes(min(MIB, max(4096, self.free() - leave))))
                    file.flush()
            except OSError:
                pass

    def make_room(self):
        self.filler.unlink()

    def records(self):
        return self.source("grows")["records"]


class full_disks(unittest.TestCase):
    kind = memory_disk

    def setUp(self):
        require_mounts()

    def check_all_is_there_once(self, n):
        wait_until("all is read", seconds=60, true=lambda: n.ask("/v1/sources/grows")[0] == 200
                   and n.records() == n.written)
        wait_until("all is in the view", seconds=60, true=lambda: n.view("ids")["rows"] >= n.written)
        # The shard that merges may have been held a moment longer than the one that reads.
        wait_until("all is in the totals", seconds=60, true=lambda: sum(r["n"] for r in n.rows("totals")) >= n.written)
        time.sleep(0.3)  # what comes twice would come now
        self.assertEqual(sorted(r["id"] for r in n.rows("ids")), list(range(n.written)))
        self.assertEqual(sum(r["n"] for r in n.rows("totals")), n.written)
        wait_until("the node is ready again", lambda: n.ask("/readyz")[0] == 200)

    def check_it_says_so(self, n, meanwhile=lambda: None):
        wait_until("/readyz tells", seconds=30, true=lambda: n.ask("/readyz")[0] == 503)
        checks = wait_until("it is the disk", seconds=30, true=lambda: (
            c := n.ask("/readyz")[1]) and "disk" in json.dumps(c) and "waits, and with it" in json.dumps(c) and c)
        self.assertIn("free", json.dumps(checks).lower() + "space")
        self.assertEqual(n.ask("/livez")[0], 200)
        s = wait_until("the source says so", seconds=30, pause=0.1, true=lambda: (
            meanwhile(), s := n.source("grows"))[1]["state"] == "held" and s["last_error"] and s)
        self.assertIn(str(n.data), s["last_error"])
        self.assertEqual(n.weir("status").code, 4)

    def test_below_the_reserve_sources_are_held_and_go_on_when_there_is_room(self):
        with small_disk("48 MiB", self.kind) as n:
            n.start()
            n.grow(2000)
            wait_until("it reads", lambda: n.records() == n.written)
            n.fill(leave=40 * MIB)
            n.grow(60_000)
            self.check_it_says_so(n)
            self.assertGreater(n.free(), 30 * MIB, "the reserve is not eaten by the node itself")
            refused = n.weir("source", "pause", "grows")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("free", refused.err)
            n.make_room()
            self.check_all_is_there_once(n)
            self.assertEqual(n.stop(), 0)
            n.start()
            self.check_all_is_there_once(n)

    def test_a_disk_that_others_fill_to_the_last_byte_is_survived(self):
        with small_disk("0 B", self.kind) as n:
            n.start()
            pid = n.process.pid
            n.grow(2000)
            wait_until("it reads", lambda: n.records() == n.written)
            for _ in range(2):
                n.grow(3000)
                n.fill(leave=0)
                n.grow(12_000)
                end = time.monotonic() + 4
                while time.monotonic() < end:  # whatever the node lets go, they take
                    n.fill(leave=0)
                    time.sleep(0.05)
                self.check_it_says_so(n)
                n.make_room()
                self.check_all_is_there_once(n)
            self.assertIsNone(n.exit_code())
            self.assertEqual(n.process.pid, pid)
            self.assertEqual(n.stop(), 0)
            n.start()
            self.check_all_is_there_once(n)

    def test_a_node_killed_while_the_disk_is_full_starts_again_when_there_is_room(self):
        with small_disk("0 B", self.kind) as n:
            n.start()
            n.grow(3000)
            wait_until("it reads", lambda: n.records() > 0)
            n.fill(leave=0)
            n.grow(12_000)
            # The node may let room go in which the source reads to its end, and is not held any more.
            self.check_it_says_so(n, meanwhile=lambda: (n.grow(200), n.fill(leave=0)))
            n.kill()
            n.make_room()
            n.start()
            self.check_all_is_there_once(n)


class full_ext4_disks(full_disks):
    kind = ext4_disk

    def setUp(self):
        require_ext4()


if __name__ == "__main__":
    run_tests_with_own_mounts()
