"""Views that go out as Avro: read by confluent-kafka's AvroDeserializer, their schemas in franz-go's srfake.

WEIR_REGISTRY names the registry's program (tests/process/registry/build), WEIR_PYTHON a Python with
confluent-kafka[avro]."""

import collections
import datetime
import json
import os
import random
import socket
import threading
import time
import unittest

import avro_registry
import foreign_kafka as foreign
from foreign_kafka import PATIENCE
from node_process import node, wait_until

NAME = f"v{os.getpid()}"
SQL = f"""
CREATE TABLE orders (id bigint NOT NULL, k text NOT NULL, price double precision, at timestamptz, paid boolean,
  tags json, proof bytea, wait interval) WITH (format = 'json');
CREATE MATERIALIZED VIEW bought WITH (topic = '{NAME}-bought', format = 'avro', compatibility = 'FULL') AS
  SELECT id, k, price, at, paid, tags, proof, wait FROM orders;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 3, topic = '{NAME}-totals', format = 'avro') AS
  SELECT k, count(*) AS n, sum(id) AS total FROM orders GROUP BY k;
CREATE MATERIALIZED VIEW everything WITH (topic = '{NAME}-everything', format = 'avro') AS
  SELECT count(*) AS n FROM orders;
"""
KEYS, KILLS = 4, 3


def config(registry):
    return foreign.node_on_kafka(NAME) + f"""
[sources]
restart_min = "100 ms"
restart_max = "1 s"
[sources.kafka]
registry = "{registry}"
timeout = "2 s"
[gateway]
port = 0
"""


def order(i):
    if i % 5 == 0:
        return {"id": i, "k": f"k{i % KEYS}"}
    return {"id": i, "k": f"k{i % KEYS}", "price": -i / 4, "at": f"2023-11-14T22:13:{i % 60:02}.000001Z",
            "paid": i % 2 == 0, "tags": ["a", {"b": None}], "proof": "\\xff00", "wait": "1 hour"}


def expected(i):
    """What a reader of Avro gets of it."""
    if i % 5 == 0:
        return {**order(i), **dict.fromkeys(("price", "at", "paid", "tags", "proof", "wait"))}
    at = datetime.datetime(2023, 11, 14, 22, 13, i % 60, 1, datetime.timezone.utc)
    return {**order(i), "at": at, "tags": '["a", {"b": null}]', "proof": b"\xff\0", "wait": "01:00:00"}


class avro_outputs(unittest.TestCase):
    def setUp(self):
        avro_registry.require_registry()
        self.registry = avro_registry.registry()
        foreign.make_topic(f"{NAME}-in", 2)

    def tearDown(self):
        self.registry.stop()
        foreign.drop_topics(NAME)

    def running(self, where=None):
        made = node(config(where or self.registry.url), {"main.sql": SQL})
        made.patience = PATIENCE
        return made

    def start(self, n):
        n.start()
        self.apply(n)

    def apply(self, n):
        applied = n.weir("apply", "main.sql")
        self.assertEqual(applied.code, 0, applied.err)
        added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka", f"--option=topic={NAME}-in")
        self.assertEqual(added.code, 0, added.err)

    def wait_for(self, n, count):
        wait_until("all is counted", lambda: sum(r["n"] for r in n.rows("totals")) == count, PATIENCE, pause=0.1)

    def refused(self, n, sql, *more):
        n.write("refused.sql", sql)
        done = n.weir("apply", "refused.sql", *more)
        self.assertNotEqual(done.code, 0)
        return done.err

    def test_a_node_killed_at_random_moments_writes_every_row_once_for_another_reader(self):
        with self.running() as n:
            self.start(n)
            written, moments = 0, random.Random(5)
            for _ in range(KILLS):
                end = time.monotonic() + moments.uniform(0.5, 1.5)
                while time.monotonic() < end:
                    foreign.kcat(f"{NAME}-in", [json.dumps(order(i)) for i in range(written, written + 50)])
                    written += 50
                n.kill()
                n.start()
            self.wait_for(n, written)
            client = self.registry.client()
            bought = avro_registry.read_avro(f"{NAME}-bought", client)
            self.assertEqual({key for key, _ in bought}, {None})
            self.assertEqual(sorted((row for _, row in bought), key=lambda r: r["id"]),
                             [expected(i) for i in range(written)])
            table = {}
            for key, row in avro_registry.read_avro(f"{NAME}-totals", client):
                table.pop(key["k"], None)
                if row is not None:
                    table[key["k"]] = row
            self.assertEqual(table, {r["k"]: r for r in n.rows("totals")})
            everything = avro_registry.read_avro(f"{NAME}-everything", client)
            self.assertEqual({key["view"] for key, _ in everything}, {"everything"})
            self.assertEqual(everything[-1][1], {"n": written})
            subjects = [f"{NAME}-{topic}" for topic in ("bought-value", "everything-key", "everything-value",
                                                        "totals-key", "totals-value")]
            self.assertEqual(sorted(client.get_subjects()), subjects)
            self.assertEqual(client.get_compatibility(subjects[0]), "FULL")
            self.assertEqual([len(client.get_versions(s)) for s in subjects], [1] * len(subjects))

    def test_without_its_registry_a_node_goes_on_starts_again_and_replaces_what_stands(self):
        with self.running() as n:
            self.start(n)
            foreign.kcat(f"{NAME}-in", [json.dumps(order(i)) for i in range(20)])
            self.wait_for(n, 20)
            client = self.registry.client()
            self.assertEqual(len(avro_registry.read_avro(f"{NAME}-bought", client)), 20)  # its schemas are cached now
            avro_registry.read_avro(f"{NAME}-totals", client)
            n.kill()
            self.registry.stop()
            n.start()
            foreign.kcat(f"{NAME}-in", [json.dumps(order(i)) for i in range(20, 40)])
            self.wait_for(n, 40)
            n.write("next.sql", SQL.replace("FROM orders GROUP BY k", "FROM orders WHERE id < 30 GROUP BY k"))
            replaced = n.weir("apply", "next.sql", "--name", "main", "--replace")
            self.assertEqual(replaced.code, 0, replaced.err)
            self.wait_for(n, 30)
            ids = {int.from_bytes(r.value()[1:5], "big") for r in avro_registry.read_records(f"{NAME}-totals")
                   if r.value() is not None}
            self.assertEqual(len(ids), 1, "the numbers stay when a view is replaced")
            new = (f"CREATE MATERIALIZED VIEW more WITH (topic = '{NAME}-more', format = 'avro') AS "
                   "SELECT id FROM orders;")
            self.assertIn("schema registry", self.refused(n, new, "--name", "more"))
            self.registry = avro_registry.registry()

    def test_a_schema_that_does_not_fit_its_subject_is_refused_with_what_to_do(self):
        with self.running() as n:
            self.start(n)
            fields = [{"name": "n", "type": "string"}]
            from confluent_kafka.schema_registry import Schema
            client = self.registry.client()
            client.register_schema(f"{NAME}-taken-value", Schema(json.dumps(
                {"type": "record", "name": f"{NAME}_taken", "namespace": "weir", "fields": fields}), "AVRO"))
            view = ("CREATE MATERIALIZED VIEW taken WITH (topic = '{}-taken', format = 'avro'{}) AS "
                    "SELECT id AS n FROM orders;")
            said = self.refused(n, view.format(NAME, ""), "--name", "taken")
            for part in (f"subject {NAME}-taken-value", "BACKWARD", "view taken", "another topic"):
                self.assertIn(part, said)
            self.assertIn("has compatibility BACKWARD, and the view asks for FULL",
                          self.refused(n, view.format(NAME, ", compatibility = 'FULL'"), "--name", "taken"))
            self.assertIn("option compatibility cannot be 'SOME'",
                          self.refused(n, view.format(NAME, ", compatibility = 'SOME'"), "--name", "taken"))
            self.assertIn("AS, in letters",
                          self.refused(n, view.format(NAME, "").replace("AS n", 'AS "n m"'), "--name", "taken"))
            self.assertEqual(n.ask("/v1/pipelines/taken")[0], 404)
            client.set_compatibility(f"{NAME}-taken-value", "NONE")
            n.write("taken.sql", view.format(NAME, ""))
            applied = n.weir("apply", "taken.sql")
            self.assertEqual(applied.code, 0, applied.err)
            self.assertEqual(client.get_versions(f"{NAME}-taken-value"), [1, 2])

    def test_a_folder_of_schemas_gives_the_numbers(self):
        with self.running("schemas") as n:
            (n.folder / "schemas").mkdir()
            n.start()
            wanted = {}
            for _ in range(5):
                said = self.refused(n, SQL, "--name", "main")
                self.assertIn("write it to", said)
                wanted[len(wanted) + 7] = text = said[said.index('{"type"'):said.rindex("}") + 1]
                schema = json.loads(text)
                n.write(f"schemas/{len(wanted) + 6}.avsc", json.dumps({**schema, "name": "other", "doc": "ours"}))
            n.write("schemas/README.txt", "no schema")
            self.apply(n)
            foreign.kcat(f"{NAME}-in", [json.dumps(order(i)) for i in range(20)])
            self.wait_for(n, 20)
            numbers = collections.Counter(int.from_bytes(r.value()[1:5], "big")
                                          for r in avro_registry.read_records(f"{NAME}-bought"))
            self.assertEqual(numbers, {7: 20})

    def test_a_registry_that_is_silent_holds_up_nobody_else(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with self.running(url) as n:
                n.write("config.toml", config(url).replace('timeout = "2 s"', 'timeout = "5 minutes"'))
                n.start()
                said = []
                waits = threading.Thread(target=lambda: said.append(n.weir("apply", "main.sql")))
                waits.start()
                asked, _ = silent.accept()
                n.write("other.sql", SQL.split("CREATE MATERIALIZED")[0].replace("orders", "others"))
                applied = n.weir("apply", "other.sql")
                self.assertEqual(applied.code, 0, applied.err)
                self.assertEqual(n.ask("/v1/streams/others")[0], 200)
                self.assertTrue(waits.is_alive())
                asked.close()
                waits.join(PATIENCE)
                self.assertNotEqual(said[0].code, 0)
                self.assertIn("schema registry", said[0].err)

    def test_avro_without_a_registry_is_refused(self):
        with self.running(" ") as n:
            n.write("config.toml", config(""))
            n.start()
            self.assertIn("sources.kafka.registry", self.refused(n, SQL, "--name", "main"))
            n.kill()
            n.write("config.toml", config("") + '[[pipeline]]\nname = "listed"\nfile = "main.sql"\n')
            n.launch()
            self.assertNotIn(n.wait_for_death(PATIENCE), (None, 0))
            self.assertIn("pipeline listed", n.log_text())
            self.assertIn("name a registry or a folder in sources.kafka.registry", n.log_text())


if __name__ == "__main__":
    foreign.run_with_clients()
