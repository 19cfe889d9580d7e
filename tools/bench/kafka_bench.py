#!/usr/bin/env python3
"""weir on Kafka beside the bare loops and, with --streams, Kafka Streams: W1 (windows), W2 (latency), large records.

PEERS is a folder with the bare loops (`bare`, CMake) and Kafka Streams (`jvm`, Maven). Each measurement has fresh
topics and is one line of JSON; a result that differs from W1's answer ends the run. Needs confluent-kafka, orjson and
numpy.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "process"))
from kafka_cluster import log_section  # noqa: E402
from node_process import node, programs, wait_until  # noqa: E402
from process_figures import cpu_s, peak_mb  # noqa: E402

CONFIG = """
[node]
app = "{app}"
shards = {shards}
log_level = "warning"
[commit]
interval_min = "{interval}"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""

W1 = """
CREATE TABLE readings (sensor text, ts bigint, value double precision)
  WITH (format = 'json', event_time = 'ts', event_time_unit = 'ms', lateness = '1 s');
CREATE MATERIALIZED VIEW windows WITH (emit = 'final') AS
  SELECT window_start, sensor, count(*) AS n, max(value) AS best FROM tumble(readings, interval '5 seconds')
  GROUP BY window_start, sensor;
"""

W2_INTERVALS_MS = (100, 25, 15)
WARM_RUNS = 4
W2 = """
CREATE TABLE readings (sensor text, value double precision, sent_us bigint) WITH (format = 'json');
CREATE MATERIALIZED VIEW passed AS SELECT sensor, value, sent_us FROM readings WHERE value > 10;
"""

# More than a source's buffer holds (sources.kafka.buffer), in one partition.
LARGE_RECORDS, LARGE_BYTES = 100_000, 4_000
LARGE = """
CREATE TABLE readings (k bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW counted WITH (max_rows = 1) AS SELECT k > -1 AS taken, count(*) AS n
  FROM readings GROUP BY k > -1;
"""

FIRST_MS, WINDOW_MS = 1_700_000_000_000, 5_000
PATIENCE = 300


def say(**line):
    print(json.dumps(line), flush=True)
    return line


class bench:
    def __init__(self, given, folder):
        self.given, self.folder = given, pathlib.Path(folder)
        self.peers = pathlib.Path(given.peers).resolve()
        self.broker_folder = self.folder / "broker"
        self.brokers = self.tool("start")
        self.admin = AdminClient({"bootstrap.servers": self.brokers})
        self.runs = 0

    def tool(self, *words):
        done = subprocess.run([ROOT / "tools" / "kafka", *words, "--folder", self.broker_folder], check=True, text=True,
                              stdout=subprocess.PIPE)
        return done.stdout.strip()

    def peer(self, *words, **more):
        return subprocess.run([str(w) for w in words], check=True, text=True, stdout=subprocess.PIPE,
                              timeout=PATIENCE, **more).stdout

    def prepare(self):
        self.built = self.folder / "bare"
        bare = self.peers / "bare"
        self.peer("cmake", "-S", bare, "-B", self.built, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release")
        self.peer("cmake", "--build", self.built, "--target", "bare_w1", "bare_w2", "w2_load")
        if "w1" not in self.given.only:
            return
        self.fill()

    def fill(self):
        """W1's records, in order in each partition: a retry that changes it makes records late."""
        self.make_topic("w1")
        producer = Producer({"bootstrap.servers": self.brokers, "linger.ms": 50, "enable.idempotence": True,
                             "queue.buffering.max.messages": 500_000})
        self.answer = {}
        for sensor, ts, value in w1_records(self.given.records):
            at = (sensor, (ts - ts % WINDOW_MS) * 1000)
            count, best = self.answer.get(at, (0, -1e300))
            self.answer[at] = (count + 1, max(best, value))
            record = {"sensor": sensor, "ts": ts, "value": value, "status": "ok", "site": "north-atlantic"}
            while True:
                try:
                    producer.produce("w1", orjson.dumps(record), sensor)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        producer.flush()
        with open(self.folder / "answer", "wb") as out:  # as Kafka Streams' checker reads it
            for (sensor, start), (count, best) in self.answer.items():
                row = {"sensor": sensor, "window_start": start // 1000, "count": count, "max": best}
                out.write(orjson.dumps(row) + b"\n")

    def name(self, what):
        self.runs += 1
        return f"{what}{self.runs}"

    def make_topic(self, name, partitions=4):
        for made in self.admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result()

    def committed(self, topic):
        """Values of the topic's records, up to its present end."""
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "check", "isolation.level": "read_committed",
                      "enable.partition.eof": True, "enable.auto.commit": False})
        left = set(c.list_topics(topic, timeout=10).topics[topic].partitions)
        c.assign([TopicPartition(topic, p, 0) for p in left])
        while left:
            for m in c.consume(10_000, 5):
                if m.error():
                    left.discard(m.partition())
                elif is_row(m):
                    yield m
        c.close()

    def started(self, sql, interval):
        app = self.name("bench")
        made = node(CONFIG.format(app=app, shards=self.given.shards, interval=interval) + log_section(self.brokers),
                    {"main.sql": sql})
        made.patience = 60
        made.app = app
        return made

    # W1

    def weir_w1(self):
        with self.started(W1, "100 ms") as n:
            n.start()
            cpu, begun = cpu_s(n.process.pid), time.monotonic()
            self.add_source(n, "w1")
            taken = lambda: n.get("/v1/pipelines/main")["records"]  # noqa: E731
            wait_until("all is in windows", lambda: taken() >= self.given.records, PATIENCE)
            wall = time.monotonic() - begun
            used, peak = cpu_s(n.process.pid) - cpu, peak_mb(n.process.pid)
            n.stop(60)
            self.check_w1(f"{n.app}.view.windows")
        return say(bench="w1", side="weir", records_per_s=round(self.given.records / wall),
                   cpu_s_per_million=round(used * 1e6 / self.given.records, 2), peak_mb=peak)

    def add_source(self, n, topic):
        added = n.weir("source", "add", "in", "--stream", "readings", "--connector", "kafka", f"--option=topic={topic}",
                       "--option=from=earliest")
        if added.code:
            raise SystemExit(f"the source was refused: {added.err}")

    def check_w1(self, topic):
        found = collections.Counter()
        for m in self.committed(topic):
            row = orjson.loads(m.value())
            found[row["sensor"], micros(row["window_start"]), row["n"], row["best"]] += 1
        twice = [row for row, times in found.items() if times > 1]
        wrong = [row for row in found if self.answer.get(row[:2]) != row[2:]]
        windows = {row[:2] for row in found}
        open_from = sorted({start for _, start in self.answer})[-2]  # these may be open at the input's end
        missing = [key for key in self.answer if key not in windows and key[1] < open_from]
        if twice or wrong or missing:
            raise SystemExit(f"W1 differs: {len(twice)} twice, {len(wrong)} wrong, {len(missing)} missing windows")

    def bare_w1(self, *flags):
        out, changelog = self.name("out"), self.name("changelog")
        self.make_topic(out), self.make_topic(changelog)
        words = [self.built / "bare_w1", "--brokers", self.brokers, "--group", out, "--out", out]
        words += ["--changelog", changelog, *flags]
        child = subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, text=True)
        text = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"bare_w1 ended with {status}")
        figures = json.loads([row for row in text.splitlines() if row.startswith("{")][-1])
        return say(bench="w1", side=" ".join(["bare", *flags]), records_per_s=round(figures["records_per_s"]),
                   cpu_s_per_million=round((used.ru_utime + used.ru_stime) * 1e6 / self.given.records, 2),
                   peak_mb=used.ru_maxrss // 1024)

    def streams(self, workload, *settings):
        text = self.peer(sys.executable, self.peers / "jvm/run.py", "streams", workload, *settings, "--brokers",
                         self.brokers, "--answer", self.folder / "answer")
        figures = json.loads([row for row in text.splitlines() if row.startswith("{")][0])
        if not figures.get("correct"):
            raise SystemExit(f"Kafka Streams differs: {figures}")
        kept = ("records_per_s", "cpu_s_per_million", "p50_ms", "p99_ms")
        return say(bench=workload, side="Kafka Streams", peak_mb=figures.get("peak_rss_mb"),
                   **{k: figures[k] for k in kept if k in figures})

    # W2

    def loaded(self, topic_in, topic_out):
        """Sends at the rate; ages of what is received committed, in ms, ascending, without the first seconds."""
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": "ages", "isolation.level": "read_committed",
                      "enable.auto.commit": False, "fetch.wait.max.ms": 100})
        partitions = c.list_topics(topic_out, timeout=10).topics[topic_out].partitions
        c.assign([TopicPartition(topic_out, p, 0) for p in partitions])
        given = self.given
        load = subprocess.Popen([str(self.built / "w2_load"), "--brokers", self.brokers, "--out", topic_in, "--rate",
                                 str(given.rate), "--seconds", str(given.skip + given.seconds)],
                                stdout=subprocess.DEVNULL)
        begun, ages = time.monotonic(), []
        while time.monotonic() - begun < given.skip + given.seconds + 1:
            for m in c.consume(5_000, 0.005):
                now = time.time()
                if m.error() or not is_row(m) or time.monotonic() - begun < given.skip:
                    continue
                ages.append(now * 1e3 - orjson.loads(m.value())["sent_us"] / 1e3)
        load.wait(30)
        c.close()
        if len(ages) < given.rate * given.seconds // 2:
            raise SystemExit(f"{len(ages)} results of {given.rate * given.seconds} records were received")
        return sorted(ages)

    def say_ages(self, side, ages, used):
        at = lambda share: round(ages[int(share * len(ages))], 1)  # noqa: E731
        return say(bench="w2", side=side, rate=self.given.rate, received=len(ages), p50_ms=at(0.5), p99_ms=at(0.99),
                   cpu_s_per_million=round(used * 1e6 / (self.given.rate * (self.given.skip + self.given.seconds)), 2))

    def weir_w2(self, interval):
        topic = self.name("w2in")
        self.make_topic(topic)
        with self.started(W2, interval) as n:
            n.start()
            self.add_source(n, topic)
            cpu = cpu_s(n.process.pid)
            ages = self.loaded(topic, f"{n.app}.view.passed")
            used = cpu_s(n.process.pid) - cpu
            n.stop(60)
        return self.say_ages(f"weir, {interval}", ages, used)

    def bare_w2(self, interval_ms):
        topic, out = self.name("w2in"), self.name("out")
        self.make_topic(topic), self.make_topic(out)
        child = subprocess.Popen([str(self.built / "bare_w2"), "--brokers", self.brokers, "--group", out, "--in", topic,
                                  "--out", out, "--txn", "--commit-ms", str(interval_ms), "--seconds",
                                  str(self.given.skip + self.given.seconds + 3)], stdout=subprocess.DEVNULL)
        ages = self.loaded(topic, out)
        used = cpu_s(child.pid)
        if child.wait(60):
            raise SystemExit("bare_w2 failed")
        return self.say_ages(f"bare, {interval_ms} ms", ages, used)

    def warm(self):
        """A broker is slow in its first minute, and its first transaction makes the topic of transactions."""
        for _ in range(WARM_RUNS):
            try:
                self.bare_w2(25)
            except SystemExit as slow:
                print("warming up:", slow, file=sys.stderr)

    # Large records

    def fill_large(self):
        topic = self.name("large")
        self.make_topic(topic, 1)
        producer = Producer({"bootstrap.servers": self.brokers, "linger.ms": 20})
        for i in range(LARGE_RECORDS):
            value = orjson.dumps({"k": i, "pad": "x" * LARGE_BYTES})
            while True:
                try:
                    producer.produce(topic, value)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.flush()
        return topic

    def library_large(self, topic):
        c = Consumer({"bootstrap.servers": self.brokers, "group.id": topic, "enable.auto.commit": False})
        c.assign([TopicPartition(topic, 0, 0)])
        begun, received = time.monotonic(), 0
        while received < LARGE_RECORDS:
            received += sum(not m.error() for m in c.consume(5_000, 0.5))
        wall = time.monotonic() - begun
        c.close()
        return say(bench="large", side="the library, read only", records_per_s=round(LARGE_RECORDS / wall))

    def weir_large(self, topic):
        with self.started(LARGE, "100 ms") as n:
            n.start()
            begun = time.monotonic()
            self.add_source(n, topic)
            wait_until("all are counted", lambda: [r["n"] for r in n.rows("counted")] == [LARGE_RECORDS], PATIENCE)
            wall, peak = time.monotonic() - begun, peak_mb(n.process.pid)
            n.stop(60)
        return say(bench="large", side="weir", records_per_s=round(LARGE_RECORDS / wall), peak_mb=peak)

    def run(self):
        lines = []
        if "w2" in self.given.only:
            self.warm()
        for _ in range(self.given.rounds):
            if "w1" in self.given.only:
                lines += [self.bare_w1(), self.bare_w1("--txn", "--final"), self.weir_w1()]
                if self.given.streams:
                    lines.append(self.streams("w1", "emit=suppress", "agg=binary", "threads=2"))
            if "w2" in self.given.only:
                lines += [self.bare_w2(ms) for ms in W2_INTERVALS_MS]
                lines += [self.weir_w2(f"{ms} ms") for ms in W2_INTERVALS_MS]
                if self.given.streams:
                    lines.append(self.streams("w2", "threads=2", "--rate", self.given.rate))
            if "large" in self.given.only:
                topic = self.fill_large()
                lines += [self.library_large(topic), self.weir_large(topic)]
        print_medians(lines)


def w1_records(records):
    """Sensor, milliseconds, value: 10,000 a second of event time, up to 1 s of disorder, 1,000 sensors."""
    random = numpy.random.default_rng(7)
    for start in range(0, records, 100_000):
        n = min(100_000, records - start)
        ts = FIRST_MS + numpy.arange(start, start + n) // 10 - random.integers(0, 1000, n)
        sensors, values = random.integers(0, 1000, n), numpy.round(random.normal(20, 8, n), 3)
        for t, s, v in zip(ts.tolist(), sensors.tolist(), values.tolist()):
            yield f"s{s:04d}", t, v


def is_row(message):
    """Views' topics hold clock entries too, whose bytes may begin with a brace."""
    value = message.value() or b""
    return value.startswith(b'{"') and value.endswith(b"}")


def micros(text):
    """Microseconds of a timestamp as weir writes it."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(at.timestamp() * 1_000_000)


def print_medians(lines):
    sides = collections.defaultdict(list)
    for row in lines:
        sides[row["bench"], row["side"]].append(row)
    print()
    for (name, side), rows in sides.items():
        numbers = [k for k, v in rows[0].items() if isinstance(v, (int, float)) and k not in ("rate", "received")]
        print(f"{name:3} {side:22}", "  ".join(f"{k} {statistics.median(r[k] for r in rows):g}" for k in numbers))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--node", required=True, help="the weir-node program")
    options.add_argument("--cli", required=True, help="the weir program")
    options.add_argument("--peers", required=True, help="the folder with the bare loops and Kafka Streams")
    options.add_argument("--only", nargs="+", choices=("w1", "w2", "large"), default=["w1", "w2", "large"])
    options.add_argument("--records", type=int, default=2_000_000, help="of W1 (default: %(default)s)")
    options.add_argument("--rate", type=int, default=20_000, help="records a second of W2 (default: %(default)s)")
    options.add_argument("--seconds", type=int, default=10, help="of W2 that count (default: %(default)s)")
    options.add_argument("--skip", type=int, default=3, help="seconds before them (default: %(default)s)")
    options.add_argument("--shards", type=int, default=4, help="of weir (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=3, help="(default: %(default)s)")
    options.add_argument("--streams", action="store_true", help="Kafka Streams too; build peers/jvm with Maven before")
    given_options = options.parse_args()
    programs.node, programs.weir = (str(pathlib.Path(p).resolve()) for p in (given_options.node, given_options.cli))
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as temporary:
        made = bench(given_options, temporary)
        try:
            made.prepare()
            made.run()
        finally:
            del made.admin  # it would complain of brokers that are gone
            made.tool("stop")
