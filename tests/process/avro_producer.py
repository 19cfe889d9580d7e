"""Writes Avro records with confluent-kafka's own serializer. Arguments: brokers, registry, topic; on its input lines
of JSON: {"schema": ..., "records": [...]}. Run by a Python that has confluent-kafka[avro] (WEIR_PYTHON)."""

import json
import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main():
    brokers, registry, topic = sys.argv[1:4]
    producer = Producer({"bootstrap.servers": brokers, "compression.type": "zstd"})
    client = SchemaRegistryClient({"url": registry})
    for line in sys.stdin:
        asked = json.loads(line)
        serializer = AvroSerializer(client, json.dumps(asked["schema"]))
        for record in asked["records"]:
            context = SerializationContext(topic, MessageField.VALUE)
            producer.produce(topic, serializer(record, context))
    if producer.flush(60):
        sys.exit("not everything was delivered")


main()
