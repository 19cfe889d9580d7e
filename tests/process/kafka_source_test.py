"""Topics that others write, as streams: exactly once whatever dies, and where something is lost the source stops and
says so. WEIR_KAFKA names the brokers and WEIR_KAFKA_FOLDER their folder of tools/kafka."""

import collections
import json
import os
import random
import time
import unittest

import foreign_kafka as foreign
from foreign_kafka import BROKERS, COMPRESSIONS, PATIENCE
from node_process import node, wait_until

SQL = """
CREATE TABLE orders (id bigint NOT NULL, k text, at timestamptz) WITH (format = 'json');
CREATE TABLE lines (a bigint NOT NULL, b text) WITH (format = 'csv');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS SELECT k, count(*) AS n, sum(id) AS total
  FROM orders GROUP BY k;
"""
CONFIG = f"""
[node]
shards = 2
worker_threads = 2
log_level = "warning"
[commit]
interval_min = "0 s"
interval_max = "10 ms"
[log]
max_record = "2 KiB"
[sources]
restart_min = "100 ms"
restart_max = "1 s"
[sources.kafka]
allow = ["{BROKERS}"]
look_interval = "200 ms"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""
KILLS, PER_BURST = 5, 40


def order(i):
    return json.dumps({"id": i})


class kafka_sources(unittest.TestCase):
    def setUp(self):
        foreign.require_clients()
        self.topic = f"x{os.getpid()}-{self.id().rsplit('.', 1)[-1][:40]}"

    def tearDown(self):
        foreign.drop_topics(f"x{os.getpid()}-")
        foreign.drop_topics(f"y{os.getpid()}.")

    def running(self, partitions=1, config=CONFIG, **settings):
        foreign.make_topic(self.topic, partitions, **settings)
        made = node(config, {"main.sql": SQL})
        made.patience = PATIENCE
        return made

    def add(self, n, name="o", stream="orders", **options):
        words = [f"--option={k}={v}" for k, v in {"topic": self.topic, **options}.items()]
        added = n.weir("source", "add", name, "--stream", stream, "--connector", "kafka", *words)
        self.assertEqual(added.code, 0, added.err)

    def ids(self, n, count):
        """The records of the stream, once there are so many."""
        wait_until(f"{count} records", lambda: n.get("/v1/streams/orders")["records"] >= count, PATIENCE, pause=0.1)
        return [r["id"] for r in self.records(n)]

    def records(self, n):
        """In the order of each source."""
        stored = sorted(n.records("orders"), key=lambda r: (r["source"], r["sequence"]))
        return [json.loads(r["record"]) for r in stored]

    def failed(self, n, name):
        wait_until(f"{name} has failed", lambda: n.source(name)["state"] == "failed", PATIENCE, pause=0.1)
        return n.source(name)["last_error"]

    def check_killed_node(self, config):
        with self.running(4, config) as n:
            n.start()
            self.add(n, key_column="k")
            written, moments = 0, random.Random(7)
            for life in range(KILLS):
                end = time.monotonic() + moments.uniform(0.5, 2)
                while time.monotonic() < end:
                    batch = [f"k{i % 7}|{order(i)}" for i in range(written, written + PER_BURST)]
                    foreign.kcat(self.topic, batch, "-K|", "-z", COMPRESSIONS[written // PER_BURST % 5])
                    written += PER_BURST
                n.kill()
                n.start()
            ids = self.ids(n, written)
            self.assertEqual(sorted(ids), list(range(written)))
            wait_until("the table is complete", lambda: sum(r["n"] for r in n.rows("totals")) == written, PATIENCE)
            expected = {f"k{k}": sum(range(k, written, 7)) for k in range(7)}
            self.assertEqual({r["k"]: r["total"] for r in n.rows("totals")}, expected)
            by_source = collections.defaultdict(list)
            for r in sorted(n.records("orders"), key=lambda r: r["sequence"]):
                by_source[r["source"]].append(json.loads(r["record"])["id"])
            for source, ids in by_source.items():
                self.assertEqual(ids, sorted(ids), source)  # a partition's order
            self.assertGreater(len(by_source), 1)
            self.assertEqual(n.letters("orders"), [])
            self.assertEqual(n.stop(60), 0)

    def test_a_node_killed_at_random_moments_reads_every_record_once(self):
        self.check_killed_node(CONFIG)

    def test_a_node_on_kafka_killed_at_random_moments_reads_every_record_once(self):
        self.check_killed_node(CONFIG.replace("[node]\n", f'[node]\napp = "y{os.getpid()}"\n').replace(
            "[log]\n", '[log]\nkind = "kafka"\n') + f'[log.kafka]\nbrokers = "{BROKERS}"\nreplication = 1\n'
            'min_insync = 1\n')

    def test_clients_of_four_kinds_write_what_is_read(self):
        import kafka
        with self.running(2) as n:
            n.start()
            self.add(n)
            foreign.kcat(self.topic, [order(i) for i in range(10)])
            lines = "".join(order(i) + "\n" for i in range(10, 20))
            foreign.tool("produce", "--topic", self.topic, input=lines.encode())
            python = kafka.KafkaProducer(bootstrap_servers=BROKERS, compression_type="gzip")
            for i in range(20, 30):
                python.send(self.topic, order(i).encode(), key=None if i % 2 else b"k")
            python.close()
            committed = foreign.transactional(self.topic)
            for i in range(30, 40):
                committed.produce(self.topic, order(i).encode())
            committed.commit_transaction(PATIENCE)
            self.assertEqual(sorted(self.ids(n, 40)), list(range(40)))
            self.assertEqual(n.letters("orders"), [])

    def test_aborted_and_open_transactions_of_others_are_not_read(self):
        with self.running() as n:
            n.start()
            self.add(n)
            aborted = foreign.transactional(self.topic + "-a")
            for i in range(100, 120):
                aborted.produce(self.topic, order(i).encode())
            aborted.flush(PATIENCE)
            aborted.abort_transaction(PATIENCE)
            opened = foreign.transactional(self.topic + "-b")
            opened.produce(self.topic, order(1).encode())
            opened.flush(PATIENCE)
            foreign.kcat(self.topic, [order(2)])  # behind it, so not to be read yet
            n.kill()
            n.start()
            time.sleep(1)
            self.assertEqual(n.get("/v1/streams/orders")["records"], 0)
            opened.commit_transaction(PATIENCE)
            self.assertEqual(self.ids(n, 2), [1, 2])
            n.kill()
            n.start()
            foreign.kcat(self.topic, [order(3)])
            self.assertEqual(self.ids(n, 3), [1, 2, 3])

    def test_null_keys_tombstones_and_records_over_the_limit(self):
        with self.running() as n:
            n.start()
            self.add(n, key_column="k", timestamp_column="at")
            foreign.kcat(self.topic, [order(0), json.dumps({"id": 1, "text": "x" * 3000}), "not json"])
            foreign.kcat(self.topic, ["gone|", "k1|" + order(2)], "-K|", "-Z")
            ids = self.ids(n, 2)
            self.assertEqual(ids, [0, 2])
            records = self.records(n)
            self.assertEqual([r["k"] for r in records], [None, "k1"])
            self.assertTrue(all(r["at"].startswith("20") for r in records), records)
            reasons = [letter["reason"] for letter in n.letters("orders")]
            self.assertEqual(len(reasons), 3, reasons)
            for part in ("more than log.max_record = 2048", "a record without a value, of key 'gone'", "object"):
                self.assertTrue(any(part in reason for reason in reasons), (part, reasons))

    def test_csv_records_with_the_header_of_the_option(self):
        with self.running() as n:
            n.start()
            self.add(n, stream="lines", header="a,b")
            foreign.kcat(self.topic, ['1,"x, y"', "2,z"])
            wait_until("both are there", lambda: n.get("/v1/streams/lines")["records"] == 2, PATIENCE)
            self.assertEqual(sorted(r["record"] for r in n.records("lines")), ['1,"x, y"', "2,z"])
            self.assertEqual(n.letters("lines"), [])

    def test_partitions_that_come_later_are_read_from_their_beginning(self):
        with self.running() as n:
            foreign.kcat(self.topic, [order(0)])
            n.start()
            self.add(n, **{"from": "latest"})
            wait_until("the partition is open", lambda: n.ask("/v1/sources/o.0")[0] == 200, PATIENCE)
            foreign.kcat(self.topic, [order(1)])
            foreign.grow_topic(self.topic, 3)
            foreign.kcat(self.topic, [order(2)], partition=2)
            self.assertEqual(sorted(self.ids(n, 2)), [1, 2])
            self.assertEqual(n.source("o")["progress"], "3 partitions")
            self.assertEqual(n.source("o.2")["group"], "o")

    def test_a_position_that_retention_has_passed_stops_the_partition_until_somebody_decides(self):
        with self.running(2, segment_ms="500") as n:
            foreign.kcat(self.topic, [order(i) for i in range(3)], partition=0)
            foreign.kcat(self.topic, [order(10)], partition=1)
            n.start()
            self.add(n)
            self.ids(n, 4)
            self.assertEqual(n.weir("source", "pause", "o").code, 0)
            foreign.kcat(self.topic, [order(i) for i in range(3, 6)], partition=0)
            foreign.set_topic(self.topic, retention_ms=1000, file_delete_delay_ms=100)
            wait_until("retention has passed", lambda: foreign.first_offset(self.topic) == 6, PATIENCE)
            foreign.set_topic(self.topic, retention_ms=3_600_000)
            foreign.kcat(self.topic, [order(6)], partition=0)
            self.assertEqual(n.weir("source", "resume", "o").code, 0)
            why = self.failed(n, "o.0")
            self.assertIn("offsets 3 to 5 are gone", why)
            self.assertIn("weir source remove o.0", why)
            foreign.kcat(self.topic, [order(11)], partition=1)  # the other partition goes on
            self.assertEqual(sorted(self.ids(n, 5)), [0, 1, 2, 10, 11])
            self.assertEqual(n.weir("source", "remove", "o.0").code, 0)
            self.assertEqual(sorted(self.ids(n, 6)), [0, 1, 2, 6, 10, 11])

    def test_a_deleted_topic_stops_the_source_and_one_made_anew_is_not_taken_for_it(self):
        with self.running() as n:
            foreign.kcat(self.topic, [order(i) for i in range(3)])
            n.start()
            self.add(n)
            self.ids(n, 3)
            foreign.drop_topic(self.topic)
            self.assertIn("was read up to offset 3", self.failed(n, "o.0"))
            self.failed(n, "o")
            foreign.make_topic(self.topic)
            foreign.kcat(self.topic, [order(i) for i in range(20, 26)])
            wait_until("the new topic is known for another",
                       lambda: "made anew" in n.source("o.0")["last_error"], PATIENCE, pause=0.1)
            self.assertEqual(self.ids(n, 3), [0, 1, 2])
            self.assertEqual(n.weir("source", "remove", "o.0").code, 0)
            self.assertEqual(self.ids(n, 9), [0, 1, 2, *range(20, 26)])

    def test_a_topic_can_be_tried_and_listed_in_the_config(self):
        listed = CONFIG + f'[[source]]\nname = "o"\nstream = "orders"\nconnector = "kafka"\ntopic = "{self.topic}"\n'
        with self.running(3, listed) as n:
            foreign.kcat(self.topic, [order(4)], partition=1)
            n.start()
            self.assertEqual(self.ids(n, 1), [4])
            tried = n.weir("source", "test", "--stream", "orders", "--connector", "kafka",
                           f"--option=topic={self.topic}")
            self.assertEqual(tried.code, 0, tried.err)
            self.assertEqual(tried.json()["records"], 1)
            n.kill()
            n.start()
            foreign.kcat(self.topic, [order(5)], partition=0)
            self.assertEqual(sorted(self.ids(n, 2)), [4, 5])
            self.assertEqual(n.weir("source", "remove", "o").code, 0)
            wait_until("all are gone", lambda: n.get("/v1/sources")["items"] == [], PATIENCE)

    def test_a_topic_that_is_not_there_and_brokers_that_are_not_allowed_are_said(self):
        with self.running() as n:
            n.start()
            self.add(n, name="none", topic="no-such-topic")
            self.assertIn("no-such-topic", self.failed(n, "none"))
            refused = n.weir("source", "add", "else", "--stream", "orders", "--connector", "kafka", "--option=topic=t",
                             "--option=brokers=127.0.0.1:1")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("not ones that Kafka sources may reach", refused.err)


if __name__ == "__main__":
    foreign.run_with_clients()
