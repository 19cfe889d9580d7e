"""Views that go out as topics of others: read by kcat, kafka-python and Kafka's own consumer they hold each row once,
whatever dies. WEIR_KAFKA names the brokers and WEIR_KAFKA_FOLDER their folder of tools/kafka."""

import collections
import csv
import json
import os
import random
import re
import subprocess
import time
import unittest

import foreign_kafka as foreign
from foreign_kafka import BROKERS, PATIENCE
from node_process import node, wait_until

NAME = f"x{os.getpid()}"
SQL = f"""
CREATE TABLE orders (id bigint NOT NULL, k text NOT NULL, note text) WITH (format = 'json');
CREATE MATERIALIZED VIEW high WITH (topic = '{NAME}-high', format = 'csv') AS
  SELECT id, k, note FROM orders WHERE id % 2 = 0;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 3, topic = '{NAME}-totals') AS
  SELECT k, count(*) AS n, sum(id) AS total FROM orders GROUP BY k;
"""
CONFIG = foreign.node_on_kafka(NAME) + """
[sources]
restart_min = "100 ms"
restart_max = "1 s"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""
KILLS, KEYS = 4, 3


def note_of(i):
    return None if i % 3 == 0 else f'say "{i}", please'


def order(i, k=None):
    return json.dumps({"id": i, "k": k or f"k{i % KEYS}", "note": note_of(i)})


def read_with_kcat(topic):
    """Key and value of every committed record, in the order of each partition; None for no value."""
    done = subprocess.run(["kcat", "-q", "-b", BROKERS, "-C", "-t", topic, "-e", "-o", "beginning", "-X",
                           "isolation.level=read_committed", "-f", "%p\\t%K\\t%k\\t%S\\t%s\\n"],
                          check=True, timeout=PATIENCE, capture_output=True, text=True)
    out = []
    for line in done.stdout.splitlines():
        _, key_size, key, size, value = line.split("\t", 4)
        out.append((None if key_size == "-1" else key, None if size == "-1" else value))
    return out


def read_with_python(topic, count):
    """The first `count` records."""
    import kafka
    reader = kafka.KafkaConsumer(topic, bootstrap_servers=BROKERS, auto_offset_reset="earliest",
                                 enable_auto_commit=False, isolation_level="read_committed",
                                 consumer_timeout_ms=1000 * PATIENCE)
    out = []
    while len(out) < count:
        r = next(reader)
        out.append((r.key and r.key.decode(), None if r.value is None else r.value.decode()))
    reader.close()
    return out


def table_of(records):
    """What is left of an upsert topic: the newest value of each key."""
    table = {}
    for key, value in records:
        table.pop(key, None)
        if value is not None:
            table[key] = json.loads(value)
    return table


class kafka_outputs(unittest.TestCase):
    def setUp(self):
        foreign.require_clients()

    def tearDown(self):
        foreign.drop_topics(NAME)

    def running(self, sql=SQL):
        foreign.make_topic(f"{NAME}-in", 2)
        made = node(CONFIG, {"main.sql": sql})
        made.patience = PATIENCE
        return made

    def add(self, n):
        added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka", f"--option=topic={NAME}-in")
        self.assertEqual(added.code, 0, added.err)

    def wait_for(self, n, count):
        wait_until("all is counted", lambda: sum(r["n"] for r in n.rows("totals")) == count, PATIENCE, pause=0.1)

    def test_a_node_killed_at_random_moments_writes_every_row_once(self):
        with self.running() as n:
            n.start()
            self.add(n)
            written, moments = 0, random.Random(11)
            for _ in range(KILLS):
                end = time.monotonic() + moments.uniform(0.5, 1.5)
                while time.monotonic() < end:
                    foreign.kcat(f"{NAME}-in", [order(i) for i in range(written, written + 50)])
                    written += 50
                n.kill()
                n.start()
            self.wait_for(n, written)
            expected = collections.Counter((str(i), f"k{i % KEYS}", note_of(i) or "") for i in range(0, written, 2))
            high = read_with_kcat(f"{NAME}-high")
            self.assertEqual({key for key, _ in high}, {None})
            rows = [tuple(row) for row in csv.reader(value for _, value in high)]
            self.assertEqual(collections.Counter(rows), expected)
            table = {json.dumps({"k": r["k"]}, separators=(",", ":")): r for r in n.rows("totals")}
            totals = read_with_kcat(f"{NAME}-totals")
            self.assertEqual(table_of(totals), table)
            self.assertEqual(table_of(read_with_python(f"{NAME}-totals", len(totals))), table)
            own = foreign.tool("consume", "--topic", f"{NAME}-high", "--from-beginning", "--isolation-level",
                               "read_committed", "--max-messages", str(len(high)), "--timeout-ms",
                               str(1000 * PATIENCE)).decode().splitlines()
            own = [line for line in own if re.match(r"\d+,k\d", line)]  # the rest is what the program says
            self.assertEqual(collections.Counter(own), collections.Counter(value for _, value in high))
            self.assertEqual(n.stop(60), 0)

    def test_rows_that_go_are_tombstones_also_when_a_pipeline_is_replaced(self):
        with self.running() as n:
            n.start()
            self.add(n)
            foreign.kcat(f"{NAME}-in", [order(i, f"k{i}") for i in range(20)])
            wait_until("all went through", lambda: len(read_with_kcat(f"{NAME}-high")) == 10, PATIENCE, pause=0.2)
            self.check_table(n)
            n.write("next.sql", SQL.replace("FROM orders GROUP BY k", "FROM orders WHERE id % 4 = 0 GROUP BY k"))
            replaced = n.weir("apply", "next.sql", "--name", "main", "--replace")
            self.assertEqual(replaced.code, 0, replaced.err)
            wait_until("only every fourth is left", lambda: {int(r["k"][1:]) % 4 for r in n.rows("totals")} == {0},
                       PATIENCE, pause=0.1)
            self.check_table(n)
            self.assertEqual(len(read_with_kcat(f"{NAME}-high")), 10)

    def check_table(self, n):
        def same():
            table = {json.dumps({"k": r["k"]}, separators=(",", ":")): r for r in n.rows("totals")}
            return table_of(read_with_kcat(f"{NAME}-totals")) == table
        wait_until("the topic holds the table", same, PATIENCE, pause=0.3)

    def test_topics_that_cannot_be_are_refused_with_what_to_do(self):
        with self.running() as n:
            n.start()
            foreign.make_topic(f"{NAME}-narrow", 1)
            for topic, part in ((f"{NAME}-narrow", "partition"), (f"{NAME}.x", "one of weir's own"),
                                (f"{NAME}-high", "as view high does"), ("a b", "letters, digits")):
                n.write("more.sql",
                        f"CREATE MATERIALIZED VIEW more WITH (topic = '{topic}') AS SELECT id FROM orders;")
                def is_refused():  # the brokers may not all know the topic yet
                    refused = n.weir("apply", "more.sql", "--name", "more")
                    self.assertNotEqual(refused.code, 0, topic)
                    return part in refused.err
                wait_until(f"{topic} is refused with '{part}'", is_refused, PATIENCE, pause=0.2)
            self.assertEqual(n.ask("/v1/pipelines/more")[0], 404)

    def test_a_log_that_is_not_on_kafka_refuses_views_with_topics(self):
        config = CONFIG.replace('kind = "kafka"', 'kind = "local"').split("[[pipeline]]")[0]
        with node(config, {"main.sql": SQL}) as n:
            n.start()
            refused = n.weir("apply", "main.sql")
            self.assertNotEqual(refused.code, 0)
            self.assertIn('log.kind = "kafka"', refused.err)


if __name__ == "__main__":
    foreign.run_with_clients()
