"""Kafka's Java client and kafkajs as producers of a topic that is read, and as readers of a view's topic.

Java's programs are those of tools/kafka; WEIR_KAFKAJS names a node_modules with kafkajs (npm), else it is not tried."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

import foreign_kafka as foreign
from foreign_kafka import BROKERS, PATIENCE
from node_process import node, wait_until

HERE = pathlib.Path(__file__).resolve().parent / "clients"
KAFKAJS = os.environ.get("WEIR_KAFKAJS", "")
NAME = f"c{os.getpid()}"
SQL = f"""
CREATE TABLE orders (id bigint NOT NULL, by text NOT NULL, key text) WITH (format = 'json');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100, topic = '{NAME}-totals') AS
  SELECT by, count(*) AS n, sum(id) AS total FROM orders WHERE key IS NULL GROUP BY by;
"""
CONFIG = foreign.node_on_kafka(NAME) + """
[gateway]
port = 0
"""


def java():
    home = pathlib.Path(os.environ.get("WEIR_KAFKA_HOME") or pathlib.Path.home() / ".cache/weir/kafka")
    libraries = {jar.parent for jar in home.rglob("kafka-clients-*.jar")}
    return ["java", "-cp", ":".join(f"{folder}/*" for folder in sorted(libraries)), HERE / "Client.java"], {}


def kafkajs():
    return ["node", HERE / "client.js"], {"NODE_PATH": KAFKAJS}


CLIENTS = [("java", java, foreign.COMPRESSIONS)] + ([("kafkajs", kafkajs, ("none", "gzip"))] if KAFKAJS else [])


def run(client, *words, lines=()):
    command, more = client()
    done = subprocess.run([*command, *words], input="".join(line + "\n" for line in lines), text=True,
                          capture_output=True, timeout=PATIENCE, env={**os.environ, **more})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class clients(unittest.TestCase):
    def setUp(self):
        foreign.require_clients()
        if not shutil.which("javac"):
            assert os.environ.get("WEIR_REQUIRE_SERVERS") != "1", "no JDK (tools/install --test)"
            raise unittest.SkipTest("no JDK")
        foreign.make_topic(f"{NAME}-in", 2)

    def tearDown(self):
        foreign.drop_topics(NAME)

    def test_what_they_write_is_read_and_they_read_what_a_view_writes(self):
        with node(CONFIG, {"main.sql": SQL}) as n:
            n.patience = PATIENCE
            n.start()
            applied = n.weir("apply", "main.sql")
            self.assertEqual(applied.code, 0, applied.err)
            added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka",
                           f"--option=topic={NAME}-in", "--option=key_column=key")
            self.assertEqual(added.code, 0, added.err)
            expected = {}
            for name, client, compressions in CLIENTS:
                for compression in compressions:
                    by = f"{name} {compression}"
                    run(client, "produce", BROKERS, f"{NAME}-in", compression,
                        lines=[json.dumps({"id": i, "by": by}) for i in range(10)])
                    expected[by] = {"by": by, "n": 10, "total": 45}
            wait_until("all is counted", lambda: {r["by"]: r for r in n.rows("totals")} == expected, PATIENCE,
                       pause=0.1)
            self.assertEqual(n.letters("orders"), [])
            count = len(foreign_records())
            for name, client, _ in CLIENTS:
                with self.subTest(reader=name):
                    table = {}
                    for line in run(client, "consume", BROKERS, f"{NAME}-totals", str(count)):
                        key, value = line.split("\t")
                        table[json.loads(key)["by"]] = json.loads(value)
                    self.assertEqual(table, expected)


def foreign_records():
    """How many records the view's topic has, by kcat."""
    done = subprocess.run(["kcat", "-q", "-b", BROKERS, "-C", "-t", f"{NAME}-totals", "-e", "-o", "beginning", "-X",
                           "isolation.level=read_committed"], check=True, timeout=PATIENCE, capture_output=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    foreign.run_with_clients()
