"""Topics of Protobuf: written with protoc's code and with confluent-kafka's ProtobufSerializer, schemas kept by
franz-go's srfake.

WEIR_REGISTRY names the registry's program (tests/process/registry/build), WEIR_PYTHON a Python with
confluent-kafka[avro,protobuf] and protobuf."""

import os
import pathlib
import shutil
import unittest

import avro_registry
import foreign_kafka as foreign
from foreign_kafka import BROKERS, PATIENCE
from node_process import node, wait_until

SHOP = pathlib.Path(__file__).resolve().parent.parent / "runtime/format/protobuf/shop.desc"
NAME = f"p{os.getpid()}"
SQL = """
CREATE TABLE orders (id bigint NOT NULL, k text, price double precision, at timestamptz, items json, stock json,
  state text, proof bytea, wait interval) WITH (format = 'protobuf', descriptors = 'shop.desc',
  message = 'shop.Order', framing = '{}');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS SELECT k, count(*) AS n, sum(price) AS total
  FROM orders GROUP BY k;
"""


def config():
    return f"""
[node]
app = "{NAME}"
shards = 2
worker_threads = 2
log_level = "warning"
[sources]
descriptors = "sets"
restart_min = "100 ms"
restart_max = "1 s"
[sources.kafka]
allow = ["{BROKERS}"]
timeout = "2 s"
[gateway]
port = 0
"""


def message_class(name):
    """Of the descriptor set, by Google's own library."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(SHOP.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def order(i):
    made = message_class("shop.Order")(id=i, k=f"k{i % 2}", price=i / 4, state=i % 2, proof=b"\0" * (i % 3))
    made.at.FromMilliseconds(1_700_000_000_000 + i)
    made.wait.FromSeconds(i)
    made.items.add(sku=f"s{i}", price=1).parts.add(sku="p")
    made.stock["b"] = i
    made.stock["a"] = -1
    return made


class protobuf_topics(unittest.TestCase):
    def setUp(self):
        avro_registry.require_registry()
        self.topic = f"{NAME}-{self.id().rsplit('.', 1)[-1][:40]}"
        foreign.make_topic(self.topic, 2)

    def tearDown(self):
        foreign.drop_topics(NAME)

    def running(self, framing="none"):
        made = node(config(), {"main.sql": SQL.format(framing)})
        made.patience = PATIENCE
        (made.folder / "sets").mkdir()
        shutil.copy(SHOP, made.folder / "sets")
        return made

    def write(self, values):
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": BROKERS, "compression.type": "lz4"})
        for value in values:
            producer.produce(self.topic, value)
        self.assertEqual(producer.flush(PATIENCE), 0)

    def start(self, n):
        n.start()
        applied = n.weir("apply", "main.sql")
        self.assertEqual(applied.code, 0, applied.err)
        added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka",
                       f"--option=topic={self.topic}")
        self.assertEqual(added.code, 0, added.err)

    def totals(self, n, count):
        wait_until(f"{count} are counted", lambda: sum(r["n"] for r in n.rows("totals")) == count, PATIENCE, pause=0.1)
        return {r["k"]: r["total"] for r in n.rows("totals")}

    def test_records_are_read_and_replayed_without_the_descriptors(self):
        with self.running() as n:
            self.start(n)
            self.write(order(i).SerializeToString() for i in range(30))
            n.kill()
            shutil.rmtree(n.folder / "sets")
            n.start()
            self.write(order(i).SerializeToString() for i in range(30, 40))
            self.assertEqual(self.totals(n, 40), {f"k{k}": sum(i / 4 for i in range(k, 40, 2)) for k in (0, 1)})
            self.assertEqual(n.letters("orders"), [])
            n.write("again.sql", "CREATE MATERIALIZED VIEW again AS SELECT id, at, items, stock, state, proof, wait "
                                 "FROM orders;")
            again = n.weir("apply", "again.sql", "--name", "again")
            self.assertEqual(again.code, 0, again.err)
            wait_until("the log is read again", lambda: len(n.rows("again")) == 40, PATIENCE, pause=0.1)
            row = {r["id"]: r for r in n.rows("again")}[35]
            self.assertEqual(row, {"id": 35, "at": "2023-11-14T22:13:20.035Z", "state": "PAID", "proof": "\\x0000",
                                   "wait": "00:00:35", "stock": {"a": -1, "b": 35},
                                   "items": [{"sku": "s35", "price": 1, "parts": [
                                       {"sku": "p", "price": 0, "parts": []}]}]})

    def test_records_in_confluents_framing_are_read_and_others_are_dead_letters(self):
        from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext
        registry = avro_registry.registry()
        self.addCleanup(registry.stop)
        context = SerializationContext(self.topic, MessageField.VALUE)

        def framed(made):
            write = ProtobufSerializer(type(made), registry.client(), {"use.deprecated.format": False})
            return write(made, context)
        with self.running("confluent") as n:
            self.start(n)
            self.write([framed(order(i)) for i in range(10)])
            self.write([framed(message_class("shop.Other")(name="x")), order(0).SerializeToString(), b"",
                        framed(order(0)) + b"\xff"])
            self.assertEqual(self.totals(n, 10), {"k0": 5.0, "k1": 6.25})
            wait_until("what is none is told", lambda: len(n.letters("orders")) == 4, PATIENCE, pause=0.1)
            reasons = sorted(letter["reason"].split(": ")[0] for letter in n.letters("orders"))
            self.assertEqual(reasons, ["it is message 0 of its schema, and the stream's is 1", "no framed record",
                                       "no framed record", "these bytes are no message shop.Order"])

    def test_streams_whose_descriptors_cannot_be_are_refused_with_what_to_do(self):
        with self.running() as n:
            n.start()
            (n.folder / "sets/broken.desc").write_bytes(b"broken")
            for old, new, said in (("shop.desc", "none.desc", "cannot be read"),
                                   ("shop.desc", "broken.desc", "protoc --include_imports"),
                                   ("shop.desc", "../shop.desc", "sources.descriptors"),
                                   ("shop.Order", "shop.Missing", "it has: shop.Other, shop.Order"),
                                   ("state text", "states text", "column states is no field of message shop.Order"),
                                   ("message = 'shop.Order',", "", "needs the options descriptors and message")):
                n.write("refused.sql", SQL.format("none").replace(old, new, 1))
                refused = n.weir("apply", "refused.sql", "--name", "main")
                self.assertNotEqual(refused.code, 0, new)
                self.assertIn(said, refused.err)
            self.assertEqual(n.ask("/v1/pipelines/main")[0], 404)
            n.stop()
            n.write("config.toml", config().replace('descriptors = "sets"', ""))
            n.start()
            self.assertIn("sources.descriptors", n.weir("apply", "main.sql").err)


if __name__ == "__main__":
    foreign.run_with_clients()
