"""Avro records in Confluent's framing: written by confluent-kafka's serializer, schemas kept by franz-go's srfake.

WEIR_REGISTRY names the registry's program (tests/process/registry/build), WEIR_PYTHON a Python with
confluent-kafka[avro]."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import avro_registry
import foreign_kafka as foreign
from foreign_kafka import BROKERS, PATIENCE, PYTHON
from node_process import node, wait_until

HERE = pathlib.Path(__file__).resolve().parent
SQL = """
CREATE TABLE orders (id bigint NOT NULL, k text, price double precision, at timestamptz, tags json, note text)
  WITH (format = 'avro');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS SELECT k, count(*) AS n, sum(price) AS total
  FROM orders GROUP BY k;
"""
FIRST = {"type": "record", "name": "order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"}, {"name": "k", "type": "string"}, {"name": "price", "type": "double"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
SECOND = {**FIRST, "fields": [
    {"name": "note", "type": ["null", "string"], "default": None}, *FIRST["fields"],
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}]}


def config(registry, more=""):
    return f"""
[node]
shards = 2
worker_threads = 2
log_level = "warning"
[sources]
restart_min = "100 ms"
restart_max = "1 s"
[sources.kafka]
allow = ["{BROKERS}"]
registry = "{registry}"
{more}
timeout = "2 s"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""


class avro_sources(unittest.TestCase):
    def setUp(self):
        avro_registry.require_registry()
        self.topic = f"x{os.getpid()}-{self.id().rsplit('.', 1)[-1][:40]}"
        foreign.make_topic(self.topic)
        self.start_registry()

    def start_registry(self):
        self.registry = avro_registry.registry()
        self.url = self.registry.url

    def tearDown(self):
        self.registry.stop()
        foreign.drop_topics(f"x{os.getpid()}-")

    def write(self, *batches):
        lines = "".join(json.dumps({"schema": s, "records": r}) + "\n" for s, r in batches)
        subprocess.run([PYTHON, HERE / "avro_producer.py", BROKERS, self.url, self.topic], input=lines, text=True,
                       check=True, timeout=PATIENCE)

    def add(self, n):
        added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka",
                       f"--option=topic={self.topic}")
        self.assertEqual(added.code, 0, added.err)

    def total(self, n, count):
        wait_until(f"{count} are counted", lambda: sum(r["n"] for r in n.rows("totals")) == count, PATIENCE, pause=0.1)
        return {r["k"]: r["total"] for r in n.rows("totals")}

    @staticmethod
    def order(i, **more):
        return {"id": i, "k": f"k{i % 2}", "price": i / 4, "at": 1_700_000_000_000 + i, **more}

    def test_records_of_changing_schemas_are_read_and_replayed_without_the_registry(self):
        with node(config(self.url), {"main.sql": SQL}) as n:
            n.start()
            self.add(n)
            self.write((FIRST, [self.order(i) for i in range(20)]),
                       (SECOND, [self.order(i, note="n", tags=["a", "b"]) for i in range(20, 30)]),
                       (FIRST, [self.order(30)]), (SECOND, [self.order(31, note=None, tags=[])]))
            expected = {f"k{k}": sum(i / 4 for i in range(k, 32, 2)) for k in (0, 1)}
            self.assertEqual(self.total(n, 32), expected)
            self.assertEqual(n.letters("orders"), [])
            n.kill()
            self.registry.stop()
            n.start()
            n.write("again.sql", "CREATE MATERIALIZED VIEW again AS SELECT id, at, tags, note FROM orders;")
            self.assertEqual(n.weir("apply", "again.sql", "--name", "again").code, 0)
            wait_until("the log is read again", lambda: len(n.rows("again")) == 32, PATIENCE, pause=0.1)
            rows = {r["id"]: r for r in n.rows("again")}
            self.assertEqual(rows[0]["at"], "2023-11-14T22:13:20Z")
            self.assertEqual((rows[25]["tags"], rows[25]["note"]), (["a", "b"], "n"))
            self.assertEqual((rows[30]["tags"], rows[31]["note"]), (None, None))
            self.start_registry()

    def test_what_is_no_avro_and_schemas_that_nobody_knows_are_dead_letters(self):
        with node(config(self.url), {"main.sql": SQL}) as n:
            n.start()
            self.add(n)
            foreign.kcat(self.topic, ["no avro"])
            subprocess.run(["kcat", "-q", "-b", BROKERS, "-P", "-t", self.topic, "-D", "none"], check=True,
                           input=b"\0\0\0\x27\x0fnone", timeout=PATIENCE)
            self.write((FIRST, [self.order(0)]))
            self.assertEqual(self.total(n, 1), {"k0": 0})
            reasons = sorted(letter["reason"] for letter in n.letters("orders"))
            self.assertEqual(len(reasons), 2, reasons)
            self.assertIn("its schema 9999 is known to nobody", reasons[1])
            self.assertIn("does not begin with a zero byte", reasons[0] + reasons[1])

    def test_a_registry_that_is_away_holds_the_source_and_loses_nothing(self):
        with node(config(self.url), {"main.sql": SQL}) as n:
            n.start()
            self.write((FIRST, [self.order(0)]))
            self.registry.stop()
            self.add(n)
            wait_until("the source has failed", lambda: n.ask("/v1/sources/o.0")[0] == 200
                       and n.source("o.0")["state"] == "failed", PATIENCE, pause=0.1)
            self.assertIn("schema registry", n.source("o.0")["last_error"])
            self.assertEqual(n.letters("orders"), [])
            n.kill()
            (n.folder / "schemas").mkdir()
            n.write("schemas/1.avsc", json.dumps(FIRST))
            n.write("config.toml", config("schemas"))
            n.start()
            self.assertEqual(self.total(n, 1), {"k0": 0})
            self.start_registry()

    def write_with(self, client, schema, records):
        """In this process, where the other program knows only an address."""
        from confluent_kafka import Producer
        from confluent_kafka.schema_registry.avro import AvroSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext
        producer, serializer = Producer({"bootstrap.servers": BROKERS}), AvroSerializer(client, schema)
        for record in records:
            producer.produce(self.topic, serializer(record, SerializationContext(self.topic, MessageField.VALUE)))
        self.assertEqual(producer.flush(PATIENCE), 0)

    def test_schemas_that_are_made_of_others_are_put_together(self):
        from confluent_kafka.schema_registry import Schema, SchemaReference
        client = self.registry.client()

        def enter(subject, schema, *references):
            made = Schema(json.dumps(schema), "AVRO", [SchemaReference(r["name"], r["subject"], 1) for r in references])
            client.register_schema(subject, made)
            return {"name": f"shop.{schema['name']}", "subject": subject, "schema": made}

        def record(name, **fields):
            return {"type": "record", "name": name, "namespace": "shop",
                    "fields": [{"name": n, "type": t} for n, t in fields.items()]}
        unit = enter("units/unit", {"type": "enum", "name": "unit", "namespace": "shop", "symbols": ["kg", "m"]})
        amount = enter("amount", record("amount", n="long", of="shop.unit"), unit)
        tag = enter("tag", record("tag", text="string", amount="shop.amount", unit="unit"), amount, unit)
        whole = enter("whole", record("order", id="long", tags={"type": "array", "items": "shop.tag"}, k="string",
                                      first="shop.amount"), tag, amount)
        amounts = [{"n": i, "of": "m"} for i in range(3)]
        self.write_with(client, whole["schema"], [
            {"id": i, "k": "k", "first": amounts[i], "tags": [{"text": "t", "amount": amounts[i], "unit": "kg"}] * i}
            for i in range(3)])
        with node(config(self.url), {"main.sql": SQL}) as n:
            n.start()
            self.add(n)
            self.total(n, 3)
            n.write("seen.sql", "CREATE MATERIALIZED VIEW seen AS SELECT id, tags FROM orders;")
            self.assertEqual(n.weir("apply", "seen.sql").code, 0)
            wait_until("all are seen", lambda: len(n.rows("seen")) == 3, PATIENCE, pause=0.1)
            self.assertEqual({r["id"]: r["tags"] for r in n.rows("seen")},
                             {i: [{"text": "t", "amount": amounts[i], "unit": "kg"}] * i for i in range(3)})

    def test_a_registry_over_tls_that_asks_for_a_password_is_trusted_by_its_certificate(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-registry-"))
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", folder / "key.pem", "-out", folder / "ca.pem", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        registry = avro_registry.registry("-cert", folder / "ca.pem", "-key", folder / "key.pem", "-user", "weir",
                                          "-password", "correct horse")
        self.addCleanup(registry.stop)
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # would go before what the client is told
            os.environ.pop(name, None)
        client = registry.client(**{"ssl.ca.location": str(folder / "ca.pem"),
                                    "basic.auth.user.info": "weir:correct horse"})
        self.write_with(client, json.dumps(FIRST), [self.order(i) for i in range(4)])
        with node("", {"main.sql": SQL}) as n:
            shutil.copy(folder / "ca.pem", n.folder)
            named = 'registry_user = "weir"\nregistry_password_file = "password"\n'
            for url, more, password, said in (
                    (registry.url, named, "correct horse", "is not trusted"),
                    (registry.url.replace("localhost", "127.0.0.1"), named + 'registry_ca = "ca.pem"', "correct horse",
                     "is not trusted"),
                    (registry.url, named + 'registry_ca = "ca.pem"', "wrong", "refuses GET /schemas/ids/1"),
                    (registry.url, 'registry_ca = "ca.pem"', "", "refuses GET /schemas/ids/1"),
                    (registry.url, named + 'registry_ca = "ca.pem"', "correct horse", None)):
                n.write("config.toml", config(url, more))
                n.write("password", password + "\n")
                n.start()
                if n.ask("/v1/sources/o")[0] == 404:
                    self.add(n)
                if said is None:
                    self.assertEqual(sum(self.total(n, 4).values()), 1.5)
                    self.assertEqual(n.letters("orders"), [])
                    return

                def is_told():
                    code, source = n.ask("/v1/sources/o.0")
                    return code == 200 and said in (source.get("last_error") or "")
                wait_until(f"the source says '{said}'", is_told, PATIENCE, pause=0.1)
                n.kill()

    def test_a_stream_of_avro_needs_to_know_where_schemas_are(self):
        with node(config(""), {"main.sql": SQL}) as n:
            n.start()
            refused = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka", "--option=topic=t")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("sources.kafka.registry", refused.err)


if __name__ == "__main__":
    foreign.run_with_clients()
