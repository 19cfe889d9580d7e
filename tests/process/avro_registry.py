"""The schema registry of tests, franz-go's srfake (WEIR_REGISTRY, built by tests/process/registry/build), and what
confluent-kafka says of it and reads with it."""

import os
import subprocess
import unittest

import foreign_kafka as foreign
from foreign_kafka import BROKERS, PATIENCE, PYTHON

REGISTRY = os.environ.get("WEIR_REGISTRY", "")


def require_registry():
    foreign.require_clients()
    missing = [name for name, value in (("WEIR_REGISTRY", REGISTRY), ("WEIR_PYTHON", PYTHON)) if not value]
    if missing and os.environ.get("WEIR_REQUIRE_SERVERS") != "1":
        raise unittest.SkipTest("missing: " + ", ".join(missing))
    assert not missing, f"WEIR_REQUIRE_SERVERS=1, but missing: {missing}"


class registry:
    def __init__(self, *options):
        self.process = subprocess.Popen([REGISTRY, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def client(self, **more):
        from confluent_kafka.schema_registry import SchemaRegistryClient
        return SchemaRegistryClient({"url": self.url, **more})


def read_records(topic):
    """Every committed record of a topic that holds some, in the order of each partition."""
    from confluent_kafka import Consumer, KafkaError, TopicPartition
    reader = Consumer({"bootstrap.servers": BROKERS, "group.id": "none", "enable.auto.commit": False,
                       "enable.partition.eof": True, "isolation.level": "read_committed"})
    partitions = reader.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
    reader.assign([TopicPartition(topic, p, 0) for p in partitions])
    out, open_ones = [], set(partitions)
    while open_ones:
        record = reader.poll(PATIENCE)
        assert record is not None, f"{topic} is not read to its end"
        if record.error() and record.error().code() == KafkaError._PARTITION_EOF:
            open_ones.discard(record.partition())
        else:
            assert not record.error(), record.error()
            out.append(record)
    reader.close()
    return out


def read_avro(topic, client):
    """Key and value of each, by confluent-kafka's AvroDeserializer."""
    from confluent_kafka.schema_registry.avro import AvroDeserializer
    from confluent_kafka.serialization import MessageField, SerializationContext
    read = AvroDeserializer(client)

    def value(raw, field):
        return None if raw is None else read(raw, SerializationContext(topic, field))
    return [(value(r.key(), MessageField.KEY), value(r.value(), MessageField.VALUE)) for r in read_records(topic)]
