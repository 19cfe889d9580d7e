"""W1's windows (count and maximum per sensor and 5 s) under kill -9 and SIGSTOP at random moments: what is committed to
Kafka in the end is the one right answer. Needs the brokers that WEIR_KAFKA names.

WEIR_W1_ROUNDS=20 WEIR_W1_RECORDS=400000 is the long form; WEIR_W1_SEED=n makes the same choices again. WEIR_W1_FILL
names the benchmark's program `fill`, whose records and answer are then taken; else the records are the test's own.
"""

import collections
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest
from datetime import datetime

from kafka_cluster import PATIENCE, given_cluster, log_section, named, run_tests_on_kafka
from node_process import node, wait_until

ROUNDS = int(os.environ.get("WEIR_W1_ROUNDS", "1"))
RECORDS = int(os.environ.get("WEIR_W1_RECORDS", "40000"))
SEED = int(os.environ.get("WEIR_W1_SEED", time.time_ns() // 1000 % 1_000_000))
FILL = os.environ.get("WEIR_W1_FILL", "")
SENSORS, WINDOW_MS, PARTITIONS = 1_000, 5_000, 4
STOP_SECONDS = 3  # transactions may last 1 s, and the brokers look for overdue ones every second

CONFIG = """
[node]
shards = 4
log_level = "warning"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "w1"
file = "w1.sql"
from = "beginning"
""" + "".join(f"""[[source]]
name = "p{p}"
stream = "readings"
connector = "file"
path = "in/p{p}.ndjson"
follow = "true"
""" for p in range(PARTITIONS))

SQL = """
CREATE TABLE readings (sensor text NOT NULL, ts bigint NOT NULL, value double precision NOT NULL)
  WITH (format = 'json', event_time = 'ts', event_time_unit = 'ms', lateness = '2 seconds');
CREATE MATERIALIZED VIEW windows WITH (emit = 'final') AS
  SELECT window_start, sensor, count(*) AS n, max(value) AS best FROM tumble(readings, interval '5 seconds')
  GROUP BY window_start, sensor;
"""


def own_records(count):
    """As the benchmark's: 10,000 records in a second of event time, in disorder of up to a second."""
    choice = random.Random(7)
    for i in range(count):
        sensor, at = f"s{choice.randrange(SENSORS):04d}", 1_700_000_000_000 + i // 10 - choice.randrange(1_000)
        value = round(choice.gauss(20, 8), 3)
        yield sensor, at, value, json.dumps({"sensor": sensor, "ts": at, "value": value, "status": "ok"})


def filled_records(count):
    loader = importlib.machinery.SourceFileLoader("fill", FILL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fill", loader))
    arguments, sys.argv = sys.argv, ["fill", "--answer", "w1", "--records", "1"]
    try:
        with contextlib.redirect_stdout(None):
            loader.exec_module(module)  # it answers for one record as it is loaded
    finally:
        sys.argv = arguments
    for sensor, at, value, body in module.w1(count):
        yield sensor, at, value, body.decode()


def filled_answer(count):
    done = subprocess.run([sys.executable, FILL, "--answer", "w1", "--records", str(count)], check=True, text=True,
                          capture_output=True, timeout=600)
    return {(a["sensor"], a["window_start"]): (a["count"], a["max"]) for a in map(json.loads, done.stdout.splitlines())}


def own_answer(records):
    out = collections.defaultdict(lambda: (0, float("-inf")))
    for sensor, at, value, _ in records:
        key = sensor, at - at % WINDOW_MS
        n, best = out[key]
        out[key] = n + 1, max(best, value)
    return dict(out)


def start_ms(text):
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


class w1(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.kafka = given_cluster()
        print(f"WEIR_W1_SEED={SEED}", flush=True)
        if not FILL:
            print("WEIR_W1_FILL names no program `fill`: records and answer are the test's own", flush=True)
        cls.records = list((filled_records if FILL else own_records)(RECORDS))
        cls.answer = filled_answer(RECORDS) if FILL else own_answer(cls.records)

    def write(self, n, records):
        for p in range(PARTITIONS):
            with open(n.folder / "in" / f"p{p}.ndjson", "a") as file:
                file.writelines(body + "\n" for sensor, _, _, body in records if int(sensor[1:]) % PARTITIONS == p)

    def disturb(self, n, choice):
        """At one of the moments of its work: dies, or stands still for longer than its transaction may last."""
        time.sleep(choice.uniform(0, 1.0))
        if choice.random() < 0.5:
            n.kill()
            n.launch()
            return "kill -9"
        n.process.send_signal(signal.SIGSTOP)
        time.sleep(STOP_SECONDS)
        n.process.send_signal(signal.SIGCONT)
        return "SIGSTOP"

    def one_round(self, number, choice):
        app = f"w1x{os.getpid()}x{number}"
        log = log_section(self.kafka.servers, transaction_timeout="1 s")
        with node(named(CONFIG, app) + log, {"w1.sql": SQL}) as n:
            n.patience = PATIENCE
            pieces = 4
            done = collections.Counter()
            self.write(n, [])
            n.start()
            for i in range(pieces):
                self.write(n, self.records[i * RECORDS // pieces:(i + 1) * RECORDS // pieces])
                done[self.disturb(n, choice)] += 1
            # A record of each partition long after all others closes every window.
            late = 1_700_000_000_000 + RECORDS // 10 + 3_600_000
            self.write(n, [(f"s{p:04d}", 0, 0, json.dumps({"sensor": f"s{p:04d}", "ts": late, "value": 0}))
                           for p in range(PARTITIONS)])
            wait_until("the node is ready", lambda: n.ask("/readyz")[0] == 200, PATIENCE, pause=0.2)
            wait_until("every window is closed", lambda: n.view("windows")["rows"] >= len(self.answer), PATIENCE,
                       pause=0.2)
            self.assertEqual(n.stop(60), 0)
            rows = self.kafka.rows(f"{app}.view.windows", len(self.answer))
        self.kafka.drop_topics(f"{app}\\..*")
        counted = collections.Counter((r["sensor"], start_ms(r["window_start"])) for r in rows)
        self.assertEqual([key for key, times in counted.items() if times > 1][:5], [], "windows told twice")
        got = {(r["sensor"], start_ms(r["window_start"])): (r["n"], r["best"]) for r in rows}
        wrong = [key for key in got.keys() | self.answer.keys() if got.get(key) != self.answer.get(key)]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} windows are wrong")
        print(f"round {number}: {len(rows)} windows right after {dict(done)}", flush=True)

    def test_committed_windows_are_the_answer_whenever_the_node_dies_or_stands_still(self):
        choice = random.Random(SEED)
        for number in range(ROUNDS):
            self.one_round(number, choice)


if __name__ == "__main__":
    run_tests_on_kafka()
