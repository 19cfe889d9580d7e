"""Topics of others on the brokers that WEIR_KAFKA names, and clients that are not ours to write and read them."""

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from node_process import run_tests

BROKERS, FOLDER = os.environ.get("WEIR_KAFKA", ""), os.environ.get("WEIR_KAFKA_FOLDER", "")
PYTHON = os.environ.get("WEIR_PYTHON", "")  # with kafka-python and confluent-kafka[avro,protobuf]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 120
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
# A node's log on the brokers; it commits soon.
ON_KAFKA = f"""
[log]
kind = "kafka"
[log.kafka]
brokers = "{BROKERS}"
replication = 1
min_insync = 1
[commit]
interval_min = "0 s"
interval_max = "10 ms"
"""


def node_on_kafka(app):
    """The sections of a node whose log is on the brokers."""
    return f"""
[node]
app = "{app}"
shards = 2
worker_threads = 2
log_level = "warning"
""" + ON_KAFKA


def run_with_clients():
    """Python's clients are no part of the system's Python: WEIR_PYTHON names one that has them."""
    if PYTHON and os.path.realpath(os.path.dirname(PYTHON)) != os.path.realpath(os.path.dirname(sys.executable)):
        os.execv(PYTHON, [PYTHON, *sys.argv])
    run_tests()


def require_clients():
    """Skips where brokers or clients are missing; fails instead where servers are required."""
    missing = [] if BROKERS and FOLDER else ["a broker: WEIR_KAFKA and WEIR_KAFKA_FOLDER (tools/kafka start)"]
    missing += [] if shutil.which("kcat") else ["kcat (tools/install --test)"]
    for module in ("kafka", "confluent_kafka"):
        try:
            __import__(module)
        except ImportError:
            missing.append(f"Python's {module} (WEIR_PYTHON)")
    if missing and os.environ.get("WEIR_REQUIRE_SERVERS") != "1":
        raise unittest.SkipTest("missing: " + ", ".join(missing))
    assert not missing, f"WEIR_REQUIRE_SERVERS=1, but missing: {missing}"


def tool(command, *arguments, **more):
    done = subprocess.run([ROOT / "tools/kafka", command, "--folder", FOLDER, *arguments], check=True,
                          capture_output=True, timeout=PATIENCE, **more)
    return done.stdout


def administer(what):
    """what(client) answers futures; the client must live until they are done."""
    from confluent_kafka.admin import AdminClient
    client = AdminClient({"bootstrap.servers": BROKERS})
    for answer in what(client).values():
        answer.result(PATIENCE)


def named(settings):
    return {k.replace("_", "."): str(v) for k, v in settings.items()}


def make_topic(name, partitions=1, **settings):
    from confluent_kafka.admin import NewTopic
    administer(lambda c: c.create_topics([NewTopic(name, partitions, 1, config=named(settings))]))


def grow_topic(name, partitions):
    from confluent_kafka.admin import NewPartitions
    administer(lambda c: c.create_partitions([NewPartitions(name, partitions)]))


def drop_topic(name):
    administer(lambda c: c.delete_topics([name]))


def drop_topics(prefix):
    """All topics whose names begin so."""
    def drop(client):
        names = [t for t in client.list_topics(timeout=PATIENCE).topics if t.startswith(prefix)]
        return client.delete_topics(names) if names else {}
    administer(drop)


def set_topic(name, **settings):
    """These settings and no others."""
    from confluent_kafka.admin import ConfigResource
    administer(lambda c: c.alter_configs([ConfigResource("topic", name, set_config=named(settings))]))


def kcat(topic, lines, *options, partition=None):
    """Lines as 'key|value' with -K|, else values."""
    where = [] if partition is None else ["-p", str(partition)]
    subprocess.run(["kcat", "-q", "-b", BROKERS, "-P", "-t", topic, *where, *options], check=True, timeout=PATIENCE,
                   input="".join(line + "\n" for line in lines).encode())


def first_offset(topic, partition=0):
    done = subprocess.run(["kcat", "-b", BROKERS, "-Q", "-t", f"{topic}:{partition}:-2"], check=True, timeout=PATIENCE,
                          capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def transactional(name):
    """A foreign producer in a transaction that it has begun."""
    import confluent_kafka
    made = confluent_kafka.Producer({"bootstrap.servers": BROKERS, "transactional.id": name})
    made.init_transactions(PATIENCE)
    made.begin_transaction()
    return made
