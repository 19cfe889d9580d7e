"""Three brokers.

One dies under load: the leader of everything that is the active controller too, then another, and so on. Clients POST
to every shard meanwhile; the longest gap between two of their answers is printed.

The transactional copy of Kafka's own tests (tests/core/transactions_test.py there): numbered records are copied while
nodes or brokers bounce, hard or clean; one reader of committed entries runs beside the copy, another comes at its end.

WEIR_BROKER_KILLS=n: so many kills (default 1). WEIR_COPY_RECORDS=100000: the long form of the copy, all four ways."""

import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import unittest

from kafka_cluster import PATIENCE, ROOT, kafka_cluster, log_section, named
from node_process import node, programs, run_tests, wait_until
from posting_client import client

KILLS = int(os.environ.get("WEIR_BROKER_KILLS", "1"))
COPIED = int(os.environ.get("WEIR_COPY_RECORDS", "8000"))
WAYS = [(how, what) for what in ("nodes", "brokers") for how in ("hard", "clean")]
if "WEIR_COPY_RECORDS" not in os.environ:
    WAYS = [("hard", "nodes"), ("clean", "brokers")]
COPY_RATE, BOUNCE_EACH_S = 2_000, 2  # records a second that are offered; seconds between bounces
SHARDS, CLIENTS = 4, 8
LOAD_SECONDS = 5  # before a kill, and after the brokers are whole again

CONFIG = f"""
[node]
app = "three"
shards = {SHARDS}
log_level = "warning"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""

SQL = """
CREATE TABLE readings (client bigint NOT NULL, n bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW echo AS SELECT client, n FROM readings WHERE n >= 0;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS
  SELECT client, count(*) AS records, sum(n) AS total FROM readings GROUP BY client;
"""


COPY_CONFIG = """
[node]
shards = 2
log_level = "warning"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "copy"
file = "copy.sql"
from = "beginning"
""" + "".join(f"""[[source]]
name = "{name}"
stream = "numbers"
connector = "file"
path = "in/{name}.ndjson"
follow = "true"
""" for name in "ab")

COPY_SQL = """
CREATE TABLE numbers (n bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW copy AS SELECT source, n FROM numbers;
"""


class copied(threading.Thread):
    """Numbers that are offered at a steady rate, each file its own."""

    def __init__(self, n):
        super().__init__(daemon=True)
        self.folder, self.offered = n.folder / "in", 0

    def run(self):
        begun = time.monotonic()
        while self.offered < COPIED:
            upto = min(COPIED, int((time.monotonic() - begun) * COPY_RATE) + 1)
            for name in "ab":
                with open(self.folder / f"{name}.ndjson", "a") as file:
                    file.writelines(f'{{"n": {i}}}\n' for i in range(self.offered, upto) if i % 2 == (name == "b"))
            self.offered = upto
            time.sleep(0.05)


def committed_of(kafka, topic, least):
    """How often each client's number stands in the view echo."""
    return collections.Counter((r["client"], r["n"]) for r in kafka.rows(topic, least))


def order_of(rows):
    """The numbers of each source as they came."""
    out = collections.defaultdict(list)
    for row in rows:
        out[row["source"]].append(row["n"])
    return out


class three_brokers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = kafka_cluster(count=3)
        cls.addClassCleanup(cls.kafka.close)

    def test_the_log_keeps_its_rules_on_three_brokers(self):
        """The conformance suite (in the long form), and leaders that change."""
        tests = pathlib.Path(programs.node).parent.parent / "tests/test_kafka_log"
        which = "[.three]" + (",[conformance]" if "WEIR_BROKER_KILLS" in os.environ else "")
        done = subprocess.run([tests, which], text=True, capture_output=True, timeout=900, cwd=ROOT, env={
            **os.environ, "WEIR_KAFKA": self.kafka.servers, "WEIR_KAFKA_FOLDER": str(self.kafka.folder),
            "WEIR_KAFKA_COPIES": "3"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout.strip().split("\n")[-1], flush=True)

    def bounce(self, how, what, n, round_number):
        if what == "nodes":
            n.kill() if how == "hard" else self.assertEqual(n.stop(60), 0)
            n.start()
            return
        victim = str(1 + round_number % 3)
        self.kafka.call("kill" if how == "hard" else "stop", victim)
        self.kafka.call("start")
        self.wait_until_whole("copy")

    def test_a_copy_is_the_original_whoever_bounces(self):
        for how, what in WAYS:
            with self.subTest(f"{how} bounces of {what}"):
                self.copy(how, what)

    def copy(self, how, what):
        app = f"copy-{how}-{what}"
        topic = f"{app}.view.copy"
        log = log_section(self.kafka.servers, copies=3)
        with node(named(COPY_CONFIG, app) + log, {"copy.sql": COPY_SQL}) as n:
            n.patience = PATIENCE
            for name in "ab":
                n.write(f"in/{name}.ndjson", "")
            n.start()
            beside = self.kafka.reader(topic, n.folder / "beside")
            source = copied(n)
            source.start()
            bounces = 0
            while source.is_alive() or bounces < 2:
                time.sleep(BOUNCE_EACH_S)
                self.bounce(how, what, n, bounces)
                bounces += 1
            wait_until("all is copied", lambda: n.view("copy")["rows"] >= COPIED, PATIENCE, pause=0.2)
            rows = self.kafka.rows(topic, COPIED)
            wait_until("the reader beside has all", lambda: len(beside.rows()) >= COPIED, PATIENCE, pause=0.5)
            time.sleep(1)  # what comes twice would come now
            seen = beside.end()
            self.assertEqual(n.stop(60), 0)
        expected = {"a": list(range(0, COPIED, 2)), "b": list(range(1, COPIED, 2))}
        for reader, found in (("final", order_of(rows)), ("concurrent", order_of(seen))):
            for name, numbers in expected.items():
                self.assertEqual(len(found[name]), len(numbers), f"{reader} reader, source {name}")
                self.assertEqual(found[name], numbers, f"{reader} reader, source {name}")
        print(f"{COPIED} records copied, {bounces} {how} bounces of {what}", flush=True)
        self.kafka.drop_topics(f"{app}\\..*")

    def wait_until_whole(self, app):
        topics = [t for t in self.kafka.call("topics", "--list").split()
                  if t.startswith(app) and t.endswith(".changelog")] + ["__transaction_state"]
        wait_until("all copies are in sync", lambda: all(
            len(insync) == 3 for topic in topics for _, insync in self.kafka.leaders(topic)), PATIENCE, pause=0.5)

    def test_nothing_is_lost_or_doubled_and_no_shard_moves_when_a_broker_dies(self):
        choice = random.Random(KILLS)
        with node(CONFIG + log_section(self.kafka.servers, copies=3), {"main.sql": SQL}) as n:
            n.patience = PATIENCE
            n.start()
            clients = [client(n, i) for i in range(CLIENTS)]
            for one in clients:
                one.start()
            gaps = []
            for kill in range(KILLS):
                controller = self.kafka.call("controller").strip()
                victim = controller if kill % 2 == 0 else choice.choice([b for b in "123" if b != controller])
                if kill % 2 == 0:
                    self.kafka.call("lead", victim)
                self.wait_until_whole("three")
                self.assertTrue(kill % 2 or all(str(leader) == victim
                                                for leader, _ in self.kafka.leaders("three.changelog")))
                time.sleep(LOAD_SECONDS)
                quiet = max(one.take_gap() for one in clients)
                self.kafka.call("kill", victim)
                time.sleep(LOAD_SECONDS)
                wait_until("every client goes on", lambda: all(one.gap or one.take_gap() for one in clients), PATIENCE)
                gap = max(one.take_gap() for one in clients)
                gaps.append(gap)
                what = "active controller and leader of everything" if kill % 2 == 0 else "another"
                print(f"broker {victim} killed, {what}: longest gap {gap:.1f} s, before {quiet:.1f} s", flush=True)
                self.kafka.call("start")
            self.wait_until_whole("three")
            time.sleep(1)
            for one in clients:
                one.over.set()
            for one in clients:
                one.join(PATIENCE)
                self.assertFalse(one.is_alive(), "a client waits for its answer")
            refusals = sum((one.refusals for one in clients), collections.Counter())
            print(f"{sum(one.taken for one in clients)} records, refusals {dict(refusals)}", flush=True)
            self.check(n, clients)
            self.assertEqual([s["failures"] for s in self.shards(n)], [0] * SHARDS)
            self.assertEqual(n.stop(60), 0)

    def shards(self, n):
        return n.get("/v1/status")["shards"]

    def check(self, n, clients):
        total = sum(one.taken for one in clients)
        wait_until("all rows are there", lambda: sum(r["records"] for r in n.rows("totals")) >= total, PATIENCE)
        rows = committed_of(self.kafka, "three.view.echo", total)
        expected = collections.Counter((one.number, i) for one in clients for i in range(one.taken))
        self.assertEqual(sum((rows - expected).values()), 0, "records are doubled")
        self.assertEqual(sum((expected - rows).values()), 0, "records are lost")
        totals = {r["client"]: (r["records"], r["total"]) for r in n.rows("totals")}
        self.assertEqual(totals, {one.number: (one.taken, one.taken * (one.taken - 1) // 2) for one in clients})


if __name__ == "__main__":
    if os.environ.get("WEIR_KAFKA", "") == "" or not shutil.which("java"):
        print("WEIR_KAFKA names no brokers, or java is missing; see tools/test --kafka")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
