"""Topics of Protobuf: written with protoc's code and with confluent-kafka's ProtobufSerializer, schemas kept by
franz-go's srfake.

WEIR_REGISTRY names the registry's program (tests/process/registry/build), WEIR_PYTHON a Python with
confluent-kafka[avro,protobuf] and protobuf."""

import json
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


OUTWARD = f"""
CREATE TABLE orders (id bigint NOT NULL, k text NOT NULL, price double precision, at timestamptz, note text)
  WITH (format = 'json');
CREATE MATERIALIZED VIEW plain WITH (topic = '{NAME}-plain', format = 'protobuf', descriptors = 'shop.desc',
  message = 'shop.Order') AS SELECT id, k, price, at, price > 1 AS paid, note AS by FROM orders;
CREATE MATERIALIZED VIEW framed WITH (max_rows = 3, topic = '{NAME}-framed', format = 'protobuf',
  descriptors = 'shop.desc', message = 'shop.Total', framing = 'confluent', compatibility = 'NONE') AS
  SELECT k, count(*) AS n, sum(id) AS total FROM orders GROUP BY k;
"""


def config(registry="", more=""):
    return f"""
[node]
app = "{NAME}"
shards = 2
worker_threads = 2
log_level = "warning"
{more}
[sources]
descriptors = "sets"
restart_min = "100 ms"
restart_max = "1 s"
[sources.kafka]
allow = ["{BROKERS}"]
registry = "{registry}"
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

    def outward(self, registry):
        made = node(config(registry, foreign.ON_KAFKA), {"main.sql": OUTWARD})
        made.patience = PATIENCE
        (made.folder / "sets").mkdir()
        shutil.copy(SHOP, made.folder / "sets")
        return made

    @staticmethod
    def note(i):
        more = {"price": i / 4, "at": f"2023-11-14T22:{i // 60:02}:{i % 60:02}.000001Z", "note": "n"}
        return {"id": i, "k": f"k{i % 4}", **({} if i % 3 else more)}

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

    def check_outward(self, n, written, read_framed):
        """The topics hold each row once, for Google's library and whoever reads framed ones."""
        orders = [message_class("shop.Order").FromString(r.value())
                  for r in avro_registry.read_records(f"{NAME}-plain")]
        self.assertEqual(sorted(o.id for o in orders), list(range(written)))
        for made in orders:
            asked = self.note(made.id)
            self.assertEqual((made.k, made.price, made.paid), (asked["k"], asked.get("price", 0),
                                                               asked.get("price", 0) > 1))
            self.assertEqual((made.HasField("at"), made.HasField("by")), ("at" in asked, "note" in asked))
            if made.HasField("at"):
                self.assertEqual(made.at.ToJsonString(), asked["at"])
        table = {}
        for r in avro_registry.read_records(f"{NAME}-framed"):
            key = json.loads(r.key())["k"]
            table.pop(key, None)
            if r.value() is not None:
                total = read_framed(r.value())
                table[key] = {"k": total.k, "n": total.n, "total": total.total}
        self.assertEqual(table, {r["k"]: r for r in n.rows("framed")})

    def wait_for_rows(self, n, count):
        wait_until("all is counted", lambda: sum(r["n"] for r in n.rows("framed")) == count, PATIENCE, pause=0.1)

    def test_views_go_out_as_messages_once_each_however_often_the_node_is_killed(self):
        from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
        from confluent_kafka.serialization import MessageField, SerializationContext
        registry = avro_registry.registry()
        read = ProtobufDeserializer(message_class("shop.Total"), {"use.deprecated.format": False})
        with self.outward(registry.url) as n:
            n.start()
            applied = n.weir("apply", "main.sql")
            self.assertEqual(applied.code, 0, applied.err)
            client = registry.client()
            self.assertEqual(client.get_subjects(), [f"{NAME}-framed-value"])
            schema = client.get_latest_version(f"{NAME}-framed-value").schema
            self.assertEqual((schema.schema_type, client.get_compatibility(f"{NAME}-framed-value")),
                             ("PROTOBUF", "NONE"))
            self.assertIn("message Total {", schema.schema_str)
            registry.stop()
            added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka",
                           f"--option=topic={self.topic}")
            self.assertEqual(added.code, 0, added.err)
            shutil.rmtree(n.folder / "sets")
            for i in range(0, 90, 30):
                self.write(json.dumps(self.note(i)) for i in range(i, i + 30))
                n.kill()
                n.start()
            self.wait_for_rows(n, 90)
            context = SerializationContext(f"{NAME}-framed", MessageField.VALUE)
            self.check_outward(n, 90, lambda value: read(value, context))

    def test_what_a_framed_message_imports_is_registered_before_it(self):
        from google.protobuf import descriptor_pb2
        made = descriptor_pb2.FileDescriptorSet()
        for name, imports, fields in (("deep/unit", (), (("name", "string"),)),
                                      ("amount", ("deep/unit",), (("n", "int64"), ("of", ".bill.Unit"))),
                                      ("bill", ("amount", "deep/unit"), (("k", "string"), ("n", "int64"),
                                                                         ("sum", ".bill.Amount")))):
            file = made.file.add(name=f"{name}.proto", package="bill", syntax="proto3",
                                 dependency=[f"{one}.proto" for one in imports])
            message = file.message_type.add(name=name.split("/")[-1].capitalize())
            for number, (field, kind) in enumerate(fields, 1):
                simple = {"string": 9, "int64": 3}.get(kind)
                message.field.add(name=field, number=number, label=1, type=simple or 11,
                                  type_name=None if simple else kind)
        registry = avro_registry.registry()
        self.addCleanup(registry.stop)
        with self.outward(registry.url) as n:
            (n.folder / "sets/bill.desc").write_bytes(made.SerializeToString())
            n.write("main.sql", OUTWARD.split("CREATE MATERIALIZED VIEW plain")[0] + f"""
                CREATE MATERIALIZED VIEW bills WITH (max_rows = 9, topic = '{NAME}-bills', format = 'protobuf',
                  descriptors = 'bill.desc', message = 'bill.Bill', framing = 'confluent') AS
                SELECT k, count(*) AS n FROM orders GROUP BY k;""")
            n.start()
            for _ in range(2):
                applied = n.weir("apply", "main.sql")
                self.assertEqual(applied.code, 0, applied.err)
            client = registry.client()
            self.assertEqual(sorted(client.get_subjects()),
                             sorted(("amount.proto", "deep/unit.proto", f"{NAME}-bills-value")))

            def imported(subject):
                references = client.get_latest_version(subject).schema.references
                return [(r.name, r.subject, r.version) for r in references]
            unit, amount = (("deep/unit.proto",) * 2 + (1,)), (("amount.proto",) * 2 + (1,))
            self.assertEqual(imported(f"{NAME}-bills-value"), [amount, unit])
            self.assertEqual(imported("amount.proto"), [unit])

    def test_a_folder_gives_the_number_of_framed_messages(self):
        with self.outward("schemas") as n:
            (n.folder / "schemas").mkdir()
            n.start()
            refused = n.weir("apply", "main.sql")
            self.assertIn("schemas/ID.desc", refused.err)
            shutil.copy(SHOP, n.folder / "schemas/77.desc")
            applied = n.weir("apply", "main.sql")
            self.assertEqual(applied.code, 0, applied.err)
            added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka",
                           f"--option=topic={self.topic}")
            self.assertEqual(added.code, 0, added.err)
            self.write(json.dumps(self.note(i)) for i in range(10))
            self.wait_for_rows(n, 10)

            def read(value):  # the message has place 3 in its file
                self.assertEqual(value[:7], bytes([0, 0, 0, 0, 77, 2, 4]))
                return message_class("shop.Total").FromString(value[7:])
            self.check_outward(n, 10, read)

    def test_views_that_do_not_fit_their_message_are_refused_with_what_to_do(self):
        with self.outward("") as n:
            n.start()
            base = OUTWARD.split("CREATE MATERIALIZED VIEW framed")[0]
            for old, new, said in (("note AS by", "note AS other", "column other is no field of message shop.Order"),
                                   ("price > 1 AS paid", "price AS paid", "it should be double"),
                                   ("price > 1 AS paid", "id AS parcel, price > 1 AS paid", "it should be int64"),
                                   ("'shop.Order')", "'shop.Order', compatibility = 'FULL')", "framing = 'confluent'"),
                                   ("'shop.Order')", "'shop.Order', framing = 'confluent')", "sources.kafka.registry"),
                                   (", message = 'shop.Order'", "", "needs the options descriptors and message")):
                sql = base.replace("\n  message", " message").replace(old, new)
                self.assertNotEqual(sql, base.replace("\n  message", " message"), old)
                n.write("refused.sql", sql)
                refused = n.weir("apply", "refused.sql", "--name", "main")
                self.assertNotEqual(refused.code, 0, new)
                self.assertIn(said, refused.err)
            self.assertEqual(n.ask("/v1/pipelines/main")[0], 404)

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
