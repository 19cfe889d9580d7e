"""Two real nodes of one app on Apache Kafka: one owns the shards, the other stands by and takes over.

WEIR_KAFKA names the brokers and WEIR_KAFKA_FOLDER their folder of tools/kafka; without them the tests are skipped, or
fail where servers are required.
"""

import collections
import json
import os
import signal
import subprocess
import sys
import time
import unittest

import kafka_test
from deployment import CONFIG, answers_in_the_end, life, time_key
from kafka_test import BROKERS, FOLDER, PATIENCE, ROOT, on_kafka, rows_of, topics
from node_process import node, run_tests, wait_until

TRANSACTIONS = 'transaction_timeout = "1 s"\n'
STOP_SECONDS = 5  # longer than the lease and a transaction may last
KEYS, TAKEOVERS, LIVE_LINES, NEXT_WEEK = 20_000, 4, 400, 8

MANY_CONFIG = """
[node]
name = "{name}"
shards = 2
[sources.file]
allow = ["{folder}"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "many"
file = "{folder}/many.sql"
from = "beginning"
[[source]]
name = "keys"
stream = "readings"
connector = "file"
path = "{folder}/keys.ndjson"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "{folder}/grows.ndjson"
follow = "true"
"""
MANY = """
CREATE TABLE readings (at timestamptz NOT NULL, k text NOT NULL, v bigint)
  WITH (format = 'json', event_time = 'at', lateness = '1 day', retention = '30 days');
CREATE MATERIALIZED VIEW weeks AS
  SELECT window_start, k, count(*) AS n, sum(v) AS total FROM tumble(readings, interval '7 days')
  GROUP BY window_start, k;
CREATE MATERIALIZED VIEW best WITH (max_rows = 100000) AS
  SELECT k, max(v) AS v, count(*) AS n FROM readings GROUP BY k;
"""


class pair(life):
    """A deployment whose two nodes read the same files; `node` is the one that owns the shards."""

    def __init__(self, name, more=""):
        config = on_kafka(CONFIG.replace("log_level = \"warning\"\n", ""), name) + more
        super().__init__(config.replace("[node]\n", '[node]\nname = "first"\n'))
        folder = self.node.folder
        shared = config.replace("[node]\n", '[node]\nname = "second"\n')
        for path in ("windows.sql", "totals.sql", "in"):
            shared = shared.replace(f'"{path}', f'"{folder}/{path}')
        self.standby = node(shared)
        self.node.patience = self.standby.patience = PATIENCE

    def __enter__(self):
        self.node.start()
        self.standby.start()
        return self

    def __exit__(self, *problem):
        self.standby.__exit__(*problem)
        self.node.__exit__(*problem)

    def swap(self):
        self.node, self.standby = self.standby, self.node

    def grow_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.grow(25)
            time.sleep(0.01)


class many_keys:
    """Two nodes, whose state is one group per key in a window that stays open; and what it must say when it closes."""

    def __init__(self, name):
        self.first, self.second = node(""), node("")
        self.folder = self.first.folder
        self.first.write("many.sql", MANY)
        for n, its_name in ((self.first, "first"), (self.second, "second")):
            n.write("config.toml", on_kafka(MANY_CONFIG.format(name=its_name, folder=self.folder), name))
            n.patience = PATIENCE
        self.n, self.total, self.best = collections.Counter(), collections.Counter(), {}
        (self.folder / "keys.ndjson").write_text("".join(self.line(i, i % 1000) for i in range(KEYS)))
        self.grows = open(self.folder / "grows.ndjson", "a", buffering=1)

    def __enter__(self):
        self.first.start()
        self.second.start()
        return self

    def __exit__(self, *problem):
        self.grows.close()
        self.second.__exit__(*problem)
        self.first.__exit__(*problem)

    def line(self, key, v, days=0):
        k = f"key-{key:06}"
        if days == 0:
            self.n[k] += 1
            self.total[k] += v
        self.best[k] = max(v, self.best.get(k, v))
        return json.dumps({"at": f"2024-01-{1 + days:02}T{key % 24:02}:00:00Z", "k": k, "v": v}) + "\n"

    def grow(self, begin, count):
        for i in range(begin, begin + count):
            self.grows.write(self.line(i * 7919 % KEYS, i))
            time.sleep(0.0005)


def is_warm(n):
    status, answer = n.ask("/v1/status")
    tails = answer["cluster"]["standby"] if status == 200 else []
    return bool(tails) and all(one["pipelines_in_memory"] == 1 for one in tails) and n.ask("/readyz")[0] == 200


def role(n):
    status, answer = n.ask("/v1/status")
    return answer["cluster"]["role"] if status == 200 else None


def owns(n):
    return role(n) == "owner" and n.ask("/readyz")[0] == 200


class two_nodes(answers_in_the_end, unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        topics("--delete", "--if-exists", "--topic", f"k{os.getpid()}-.*")

    def check_all(self, both, name):
        """The owner's answers, and what a reader of committed entries that is not ours finds in the topics."""
        self.check_in_the_end(both, PATIENCE, stop=False)
        expected = both.expected()
        high = lambda r: (r["source"], time_key(r["at"]), r["v"])
        windows = lambda r: (r["window_start"], r["k"], r["n"], r["total"])
        for view, columns in (("high", high), ("windows", windows)):
            self.assertEqual(self.committed(kafka_test.app(name) + ".view." + view, columns, len(expected[view])),
                             collections.Counter(expected[view]))

    def committed(self, topic, columns, count):
        """Asks again while the consumer, which gives up after a while, has not seen as many rows."""
        for _ in range(10):
            rows = [columns(r) for r in rows_of(topic)]
            if len(rows) >= count:
                break
        return collections.Counter(rows)

    def test_a_standby_takes_over_from_an_owner_that_is_killed(self):
        with pair("killed") as both:
            self.assertEqual((role(both.node), role(both.standby)), ("owner", "standby"))
            both.grow_for(1)
            self.check_refusals(both)
            for _ in range(2):  # the one that was killed comes back as standby, and takes over in its turn
                both.grow_for(1)
                both.node.kill()
                both.grow(25)
                both.swap()
                wait_until("the standby owns the shards", lambda: owns(both.node), PATIENCE)
                both.standby.start()
                self.assertEqual(role(both.standby), "standby")
                self.check_nodes_shown(both)
            self.check_all(both, "killed")
            self.assertEqual(both.node.stop(60), 0)

    def check_refusals(self, both):
        """What a standby cannot answer it refuses with the owner's address; what goes by the control log it takes."""
        owner = both.node.address()["url"]
        for path in ("/v1/views/high/rows", "/v1/views/high/live"):
            status, problem = both.standby.ask(path)
            self.assertEqual(status, 503, problem)
            self.assertIn(owner, json.dumps(problem))
        self.assertEqual(both.standby.weir("source", "pause", "a").code, 0)
        wait_until("the owner follows", lambda: both.node.source("a")["state"] == "paused", PATIENCE)
        self.assertEqual(both.node.weir("source", "resume", "a").code, 0)
        wait_until("the owner follows", lambda: both.node.source("a")["state"] != "paused", PATIENCE)

    def check_nodes_shown(self, both):
        shown = both.standby.weir("status").json()
        roles = {one["node"]: one["role"] for one in shown["cluster"]["nodes"]}
        self.assertEqual(sorted(roles.values()), ["owner", "standby"])
        self.assertEqual(shown["cluster"]["owner_url"], both.node.address()["url"])
        self.assertIn("ms behind", shown["checks"]["cluster"])
        self.assertEqual({one["problem"] for one in shown["cluster"]["standby"]}, {None})

    def test_an_owner_stopped_for_longer_than_its_lease_lets_go_and_takes_over_from_one_that_is_ended(self):
        with pair("stopped", TRANSACTIONS) as both:
            both.grow_for(1)
            stopped = both.node.process
            stopped.send_signal(signal.SIGSTOP)
            begun = time.monotonic()
            both.swap()
            wait_until("the standby owns the shards", lambda: owns(both.node), PATIENCE)
            while time.monotonic() < begun + STOP_SECONDS:
                both.grow_for(0.5)
            stopped.send_signal(signal.SIGCONT)
            wait_until("it has let go", lambda: role(both.standby) == "standby", PATIENCE)
            wait_until("it stands by", lambda: both.standby.ask("/readyz")[0] == 200, PATIENCE)
            self.assertEqual(both.standby.ask("/v1/views/high/rows")[0], 503)
            both.grow_for(1)
            self.assertEqual(role(both.node), "owner")
            # An end that was asked for hands over, to a copy that has what both did.
            self.assertEqual(both.node.stop(60), 0)
            both.swap()
            wait_until("the first owns the shards again", lambda: owns(both.node), PATIENCE)
            self.assertIn("after_clean_end=true", both.node.log_text())
            self.check_all(both, "stopped")

    def test_a_standby_with_many_keys_in_memory_takes_over_again_and_again(self):
        with many_keys("many") as both:
            owner, standby = both.first, both.second
            for i in range(TAKEOVERS):
                wait_until("the standby has its state in memory", lambda: is_warm(standby), PATIENCE)
                both.grow(i * 2 * LIVE_LINES, LIVE_LINES)
                owner.kill()
                both.grow((i * 2 + 1) * LIVE_LINES, LIVE_LINES)
                owner, standby = standby, owner
                wait_until("the standby owns the shards", lambda: owns(owner), PATIENCE)
                standby.start()
            self.assertIn("retention.ms=2592000000", subprocess.run(
                [ROOT / "tools/kafka", "configs", "--folder", FOLDER, "--describe", "--entity-type", "topics",
                 "--entity-name", kafka_test.app("many") + ".stream.readings"],
                check=True, text=True, capture_output=True, timeout=PATIENCE).stdout)
            self.assertNotIn("not kept in memory", owner.log_text() + standby.log_text())
            both.grows.write(both.line(0, 5, NEXT_WEEK))
            expected = collections.Counter((k, n, both.total[k]) for k, n in both.n.items())
            weeks = lambda: collections.Counter((r["k"], r["n"], r["total"]) for r in owner.rows("weeks"))
            wait_until("every key's window is closed", lambda: weeks().total() >= KEYS, PATIENCE)
            self.assertEqual(weeks(), expected)
            best = {r["k"]: (r["v"], r["n"]) for r in owner.rows("best")}
            both.n["key-000000"] += 1
            self.assertEqual(best, {k: (v, both.n[k]) for k, v in both.best.items()})

    def test_a_second_process_of_the_same_name_ends_the_first(self):
        with pair("twice") as both:
            both.standby.write("config.toml", (both.standby.folder / "config.toml").read_text().replace(
                'name = "second"', 'name = "first"'))
            both.standby.kill()
            both.standby.start()
            both.swap()
            wait_until("the later one owns the shards", lambda: owns(both.node), PATIENCE)
            self.assertEqual(both.standby.wait_for_death(PATIENCE), 1)
            self.assertIn("needs a node.name of its own", both.standby.log_text())


if __name__ == "__main__":
    if not (BROKERS and FOLDER):
        print("WEIR_KAFKA and WEIR_KAFKA_FOLDER name no brokers; start them with tools/kafka start")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
