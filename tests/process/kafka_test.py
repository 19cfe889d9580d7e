"""A real node on Apache Kafka: killed at random moments and where it hurts, it answers as if it had not been.

WEIR_KAFKA names the brokers and WEIR_KAFKA_FOLDER their folder of tools/kafka; without them the tests are skipped, or
fail where servers are required.
"""

import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

from deployment import CONFIG, answers_in_the_end, life, time_key
from live_follower import live_follower
from node_process import node, run_tests, wait_until
from outage_load import outage_load

BROKERS, FOLDER = os.environ.get("WEIR_KAFKA", ""), os.environ.get("WEIR_KAFKA_FOLDER", "")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 300
OUTAGE_SECONDS = float(os.environ.get("WEIR_OUTAGE_SECONDS", "8"))
# A broker takes long to start; who asks for long outages has the time.
OUTAGES = (("pause", "resume"), ("kill", "start")) if "WEIR_OUTAGE_SECONDS" in os.environ else (("pause", "resume"),)
QUEUES_MIB = 256  # what the queues of two shards may hold (limits.ingest_queue, limits.task_queue), and some more
RANDOM_LIVES = 5
STOPS, STOP_SECONDS = 3, 3  # the brokers look for transactions that are overdue every second
POINTS = ("writer.before_log_commit:3", "writer.after_log_commit:5", "writer.after_state_write:2", "open.after_fence:1",
          "open.after_restore:2", "task.after_cut:4")


def app(name):
    return f"k{os.getpid()}-{name}"


def on_kafka(config, name):
    """The same configuration, its log on the brokers."""
    assert config.count("[node]\n") == 1
    return (config.replace("[node]\n", f'[node]\napp = "{app(name)}"\n')
            + f'\n[log]\nkind = "kafka"\n[log.kafka]\nbrokers = "{BROKERS}"\nreplication = 1\nmin_insync = 1\n')


def resident_mib(n):
    status = pathlib.Path(f"/proc/{n.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def broker(what):
    subprocess.run([ROOT / "tools/kafka", what, *(() if what == "start" else ("1",)), "--folder", FOLDER], check=True,
                   stdout=subprocess.DEVNULL, timeout=PATIENCE)


def topics(*arguments):
    done = subprocess.run([ROOT / "tools/kafka", "topics", "--folder", FOLDER, *arguments], check=True, text=True,
                          capture_output=True, timeout=PATIENCE)
    return done.stdout.split()


def rows_of(topic):
    """Every row of a view's topic, by Kafka's own consumer of committed entries; what is no JSON object is a clock."""
    done = subprocess.run([ROOT / "tools/kafka", "consume", "--folder", FOLDER, "--topic", topic, "--from-beginning",
                           "--isolation-level", "read_committed", "--timeout-ms", "5000"],
                          capture_output=True, timeout=PATIENCE)
    lines = done.stdout.decode(errors="replace").split("\n")
    return [json.loads(line) for line in lines if line.startswith('{"') and line.endswith("}")]


class on_brokers(answers_in_the_end, unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        topics("--delete", "--if-exists", "--topic", f"k{os.getpid()}-.*")

    def deployment(self, name, more=""):
        made = life(on_kafka(CONFIG, name) + more)
        made.node.patience = PATIENCE
        return made

    def test_a_node_killed_at_random_moments_answers_as_if_it_had_not_been(self):
        moments = random.Random(4711)
        with (deployment := self.deployment("random")).node:
            deployment.node.start()  # so that the topics are made and the lives below come far
            deployment.node.kill()
            for _ in range(RANDOM_LIVES):
                self.assertFalse(deployment.live_until_killed(moments.uniform(0.5, 4)))
            self.check_in_the_end(deployment, PATIENCE)
        self.assertIn(app("random") + ".changelog", topics("--list"))
        self.check_committed_output(deployment, "random")

    def check_committed_output(self, deployment, name):
        """What a reader of committed entries that is not ours finds in the topics of views."""
        expected = deployment.expected()
        high = [(r["source"], time_key(r["at"]), r["v"]) for r in rows_of(app(name) + ".view.high")]
        windows = [(r["window_start"], r["k"], r["n"], r["total"]) for r in rows_of(app(name) + ".view.windows")]
        self.assertEqual(collections.Counter(high), collections.Counter(expected["high"]))
        self.assertEqual(collections.Counter(windows), collections.Counter(expected["windows"]))

    def test_a_node_stopped_for_longer_than_its_transactions_may_last_goes_on_right(self):
        moments = random.Random(2026)
        with (deployment := self.deployment("stopped", 'transaction_timeout = "1 s"\n')).node as n:
            n.start()
            for _ in range(STOPS):
                end = time.monotonic() + moments.uniform(0.2, 1)
                while time.monotonic() < end:
                    deployment.grow(25)
                    time.sleep(0.01)
                n.process.send_signal(signal.SIGSTOP)
                time.sleep(STOP_SECONDS)
                n.process.send_signal(signal.SIGCONT)
            self.check_in_the_end(deployment, PATIENCE, stop=False)
            self.assertEqual(n.stop(60), 0)
        self.check_committed_output(deployment, "stopped")

    def test_a_node_killed_around_its_commits_answers_as_if_it_had_not_been(self):
        with (deployment := self.deployment("points")).node:
            hits = [point for point in POINTS if deployment.live_until_killed(PATIENCE, WEIR_KILL_AT=point)]
            self.assertEqual(hits, list(POINTS))
            self.check_in_the_end(deployment, PATIENCE)

    def test_the_examples_run_on_kafka_with_the_same_sql(self):
        config = (ROOT / "examples/socks/config.toml").read_text().replace('app = "socks"\n', "")
        files = {"socks.sql": (ROOT / "examples/socks/socks.sql").read_text()}
        with (running := node(on_kafka(config, "socks") + "[gateway]\nport = 0\n", files)):
            running.patience = PATIENCE
            running.start()
            wait_until("socks are seen", lambda: running.rows("sock_seen"), PATIENCE, pause=0.2)
            seen = running.rows("sock_seen")
            running.kill()
            running.start()
            wait_until("the node goes on", lambda: len(running.rows("sock_seen")) > len(seen), PATIENCE, pause=0.2)
            again = [json.dumps(row, sort_keys=True) for row in running.rows("sock_seen")]
            for row in seen:
                self.assertEqual(again.count(json.dumps(row, sort_keys=True)), 1)
            self.assertEqual(running.stop(), 0)

    def test_an_outage_of_the_brokers_stops_nothing_for_good(self):
        for ends, begins in OUTAGES:
            load = outage_load()
            with self.subTest(ends), (
                    deployment := self.deployment("outage-" + ends, 'timeout = "3 s"\n' + load.config)).node as n:
                for name, text in load.files.items():
                    n.write(name, text)
                n.start()
                load.start(n)
                follower = live_follower(n, "high", timeout=PATIENCE)
                follower.start()
                wait_until("rows go out live", lambda: follower.rows, PATIENCE)
                wait_until("every client was answered", lambda: min(load.taken()) > 0, PATIENCE)
                broker(ends)
                try:
                    self.check_it_waits(deployment)
                    self.assertGreater(min(load.refused()), 0, "a client did not notice the outage")
                finally:
                    broker(begins)
                before = load.taken()
                wait_until("the node is ready again", lambda: n.ask("/readyz")[0] == 200, PATIENCE, pause=0.2)
                wait_until("every client goes on", lambda: all(a > b for a, b in zip(load.taken(), before)), PATIENCE)
                load.check_in_the_end(self, n, PATIENCE)
                self.check_in_the_end(deployment, PATIENCE, stop=False)
                wanted = len(deployment.expected()["high"])
                wait_until("the follower has every row", lambda: len(follower.rows) >= wanted, PATIENCE)
                follower.end()
                self.assertEqual((len(follower.rows), follower.errors), (wanted, []))
                self.assertEqual(n.stop(60), 0)

    def check_it_waits(self, deployment):
        """During an outage: under load, nothing fails for good, and what is wrong is said."""
        n = deployment.node
        end = time.monotonic() + OUTAGE_SECONDS
        said, before, peak = None, resident_mib(n), 0
        while time.monotonic() < end or not said:
            self.assertIsNone(n.exit_code(), n.log_text())
            self.assertLess(time.monotonic(), end + PATIENCE, "nobody says what is wrong")
            deployment.grow(25)
            peak = max(peak, resident_mib(n))
            status, checks = n.ask("/readyz")
            if status == 503 and "waits, and with it its sources: Kafka at" in json.dumps(checks):
                said = checks
            if status:
                live = n.ask("/livez")
                self.assertIn(live[0], (0, 200), live[1])
                for name in ("windows", "totals"):
                    self.assertNotEqual(n.pipeline(name)["state"], "quarantined")
            time.sleep(0.2)
        self.assertIn("log", json.dumps(said))
        print(f"{OUTAGE_SECONDS:.0f} s without brokers: {before:.0f} MiB before, {peak:.0f} at most", flush=True)
        self.assertLess(peak - before, QUEUES_MIB)

    def test_a_start_without_brokers_says_which_it_asked(self):
        config = on_kafka(CONFIG, "absent").replace(BROKERS, "127.0.0.1:1") + 'timeout = "1 s"\n'
        with (alone := life(config).node):
            alone.launch()
            self.assertNotIn(alone.wait_for_death(PATIENCE), (None, 0))
            self.assertIn("127.0.0.1:1", alone.log_text())
            self.assertIn("check that the brokers run", alone.log_text())


if __name__ == "__main__":
    if not (BROKERS and FOLDER):
        print("WEIR_KAFKA and WEIR_KAFKA_FOLDER name no brokers; start them with tools/kafka start")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
