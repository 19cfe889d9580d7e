"""What a real mosquitto delivers: nothing is lost with QoS 1 whatever dies, and what comes twice is counted."""

import collections
import json
import pathlib
import shutil
import subprocess
import unittest

from mqtt_broker import broker, require_mosquitto
from node_process import environment, node, programs, run_tests, wait_until

SQL = """
CREATE TABLE readings (v bigint NOT NULL, topic text) WITH (format = 'json');
CREATE TABLE timed (at timestamptz NOT NULL, v bigint NOT NULL)
  WITH (format = 'json', event_time = 'at', lateness = '1 second');
CREATE TABLE camera (image text NOT NULL, probability double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW windows AS SELECT window_start, count(*) AS n, sum(v) AS total
  FROM tumble(timed, interval '10 seconds') GROUP BY window_start;
"""


def config(port, commit="5 ms", **options):
    lines = "\n".join(f'{k} = "{v}"' for k, v in {
        "url": f"mqtt://127.0.0.1:{port}", "topic": "in/#", "stream": "readings", **options}.items())
    return f"""
[node]
shards = 2
worker_threads = 2
shutdown_timeout = "30 s"
[log]
max_record = "1 KiB"
[commit]
interval_min = "{commit}"
interval_max = "{max(commit, '100 ms', key=len)}"
[supervision]
watch_interval = "50 ms"
[sources]
restart_min = "100 ms"
restart_max = "500 ms"
[sources.mqtt]
allow = ["127.0.0.1:{port}"]
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
[[source]]
name = "sensor"
connector = "mqtt"
{lines}
"""


SLOW_COMMIT = "10000 ms"


def payload(v):
    return json.dumps({"v": v})


class deliveries(unittest.TestCase):
    def setUp(self):
        require_mosquitto()

    def begin(self, commit="5 ms", persistent=True, faults=None, **options):
        self.broker = broker(persistent=persistent).start()
        self.addCleanup(self.broker.clean)
        self.node = node(config(self.broker.port, commit, **options), {"main.sql": SQL})
        self.addCleanup(self.node.__exit__, None, None, None)
        self.node.start(**(faults or {}))
        self.wait_for_state("running", "waiting")

    def begin_with_uncommitted(self, count, **more):
        """So many messages are handed over and none is committed. The commit waits for 10 s after the one before: on a
        slow machine these may be over too soon, then it is begun anew."""
        for _ in range(10):
            self.begin(commit=SLOW_COMMIT, **more)
            self.broker.publish("in/a", map(payload, range(count)))
            self.wait_until_handed_over(count)
            if not self.arrived():
                return
            self.doCleanups()
        self.fail("every time the commit came first")

    def source(self):
        return self.node.source("sensor")

    def wait_for_state(self, *states):
        def there():
            s = self.source()
            return s["state"] in states and s
        try:
            return wait_until(f"the source is {states}", there, seconds=60)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.source()}") from None

    def wait_until_handed_over(self, count):
        wait_until(f"{count} messages are handed over", seconds=60,
                   true=lambda: f", {count} messages" in (self.source()["progress"] or ""))

    def arrived(self, stream="readings"):
        """How often each value stands in the stream."""
        return collections.Counter(json.loads(r["record"])["v"] for r in self.node.records(stream))

    def wait_for_all(self, count):
        wait_until(f"{count} values have arrived", lambda: len(self.arrived()) >= count, seconds=60)
        return self.check_all(count)

    def check_all(self, count):
        """Nothing is lost and nothing was invented; answers how many came again."""
        got = self.arrived()
        self.assertEqual(sorted(got), list(range(count)))
        return sum(got.values()) - count

    def test_messages_become_records_and_windows(self):
        self.begin(stream="timed")
        lines = [json.dumps({"at": f"2024-01-01T00:{i // 60:02}:{i % 60:02}Z", "v": i}) for i in range(100)]
        self.broker.publish("in/a", lines)
        # The watermark is one second behind 00:01:39: windows up to 00:01:30 are final.
        wait_until("nine windows are final", lambda: self.node.view("windows")["rows"] == 9, seconds=60)
        rows = sorted(self.node.rows("windows"), key=lambda r: r["window_start"])
        self.assertEqual([r["n"] for r in rows], [10] * 9)
        self.assertEqual([r["total"] for r in rows], [sum(range(i, i + 10)) for i in range(0, 90, 10)])
        s = self.source()
        self.assertEqual((s["records"], s["dead_letters"], s["guarantee"]), (100, 0, "at least once"))
        self.assertIn("new session", s["progress"])

    def test_both_versions_and_qos_0(self):
        for options in ({"version": "3.1.1"}, {"qos": "0"}, {"version": "3.1.1", "qos": "0", "session_expiry": "0 s"}):
            with self.subTest(**options):
                self.begin(**options)
                self.broker.publish("in/a", map(payload, range(500)), qos=int(options.get("qos", 1)))
                self.assertEqual(self.wait_for_all(500), 0)
                if options.get("qos") == "0":
                    self.assertIn("at most once", self.source()["guarantee"])
                self.doCleanups()

    def test_the_topic_becomes_a_column(self):
        self.begin(topic="in/+/temperature, out", topic_column="topic")
        self.broker.publish("in/a/temperature", [payload(0)])
        self.broker.publish("in/\"b\"/temperature", [payload(1)])
        self.broker.publish("out", [payload(2), "no object"])
        self.broker.publish("elsewhere", [payload(3)])
        wait_until("three records and a dead letter", seconds=60, true=lambda: (
            s := self.source())["records"] == 3 and s["dead_letters"] == 1)
        records = [json.loads(r["record"]) for r in self.node.records("readings")]
        self.assertEqual(sorted((r["v"], r["topic"]) for r in records),
                         [(0, "in/a/temperature"), (1, "in/\"b\"/temperature"), (2, "out")])

    def test_a_broker_killed_between_delivery_and_acknowledgement_loses_nothing(self):
        for persistent in (True, False):
            with self.subTest(persistent=persistent):
                self.begin_with_uncommitted(50, persistent=persistent)
                self.broker.kill()
                self.assertIn("closed the connection", self.wait_for_state("failed")["last_error"])
                self.broker.start()
                self.wait_for_state("running", "waiting")
                self.broker.publish("in/a", map(payload, range(50, 60)))
                again = self.wait_for_all(60)
                self.assertLessEqual(again, 50, "only what was not acknowledged may come again")
                if not persistent:
                    self.assertEqual(again, 0)
                self.doCleanups()

    def test_a_node_killed_before_the_commit_gets_everything_again(self):
        self.begin_with_uncommitted(50)
        self.node.kill()
        self.node.write("config.toml", config(self.broker.port))
        self.node.start()
        self.assertEqual(self.wait_for_all(50), 0, "nothing had been committed, so nothing comes twice")

    def test_a_node_killed_after_the_commit_and_before_the_acknowledgement_loses_nothing(self):
        repeated = 0
        for commit in range(4, 8):
            with self.subTest(commit=commit):
                self.begin()
                self.node.stop()
                self.node.launch(WEIR_KILL_AT=f"writer.after_log_commit:{commit}")
                sender = self.broker.start_publishing("in/a", map(payload, range(10)))
                sent = 10
                while self.node.exit_code() is None:
                    sender.send(payload(sent))
                    sent += 1
                    self.node.wait_for_death(0.02)
                    if self.node.process is None:
                        break
                sender.finish()
                self.node.kill()
                self.node.start()
                again = self.wait_for_all(sent)
                self.assertLessEqual(again, sent)
                repeated += again
                self.doCleanups()
        self.assertGreater(repeated, 0, "at some of the kills a commit stood that the broker had not heard of")

    def test_a_stop_in_good_order_under_load_repeats_nothing(self):
        self.begin()
        sender = self.broker.start_publishing("in/a", map(payload, range(1000)))
        wait_until("some have arrived", lambda: self.source()["records"] > 100, seconds=60)
        self.assertEqual(self.node.stop(seconds=60), 0)
        for v in range(1000, 1200):
            sender.send(payload(v))
        sender.finish()
        self.node.start()
        self.assertEqual(self.wait_for_all(1200), 0)

    def test_what_came_while_the_node_was_away_is_delivered(self):
        # With a small receive maximum mosquitto 2.0 sends more than that.
        for options in ({"version": "5"}, {"version": "3.1.1"}, {"version": "5", "receive_maximum": "5"}):
            with self.subTest(**options):
                self.begin(**options)
                self.broker.publish("in/a", map(payload, range(10)))
                self.assertEqual(self.wait_for_all(10), 0)
                self.assertEqual(self.node.stop(seconds=60), 0)
                self.broker.publish("in/a", map(payload, range(10, 2000)))
                self.node.start()
                self.assertEqual(self.wait_for_all(2000), 0)
                self.assertIn("resumed session", self.source()["progress"])
                self.doCleanups()

    def test_a_session_that_the_broker_forgot_is_told_of(self):
        self.begin(persistent=False)
        self.broker.publish("in/a", [payload(0)])
        self.wait_for_all(1)
        self.broker.kill()
        self.broker.start()
        wait_until("it is told", lambda: "the broker has not kept the session source=sensor" in self.node.log_text(),
                   seconds=60)
        self.broker.publish("in/a", [payload(1)])
        self.wait_for_all(2)

    def test_simulated_instruments_publish_through_a_broker(self):
        self.begin(stream="camera")
        simulate = pathlib.Path(programs.weir).with_name("weir-simulate")
        done = subprocess.run([simulate, "--mqtt", self.broker.url(), "--topic", "in/cameras", "--instruments", "2",
                               "--count", "400", "--seconds", "60", "--output", "json"], env=environment(),
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual((said["sent"], said["accepted"], said["dead"]), (400, 400, 0))
        wait_until("all have arrived", lambda: self.source()["records"] == 400, seconds=60)
        self.assertEqual(self.source()["dead_letters"], 0)
        for wrong, text in ((["--topic", "in/#"], "without wildcards"),
                            (["--topic", "t", "--instrument", "weather-station"], "writes CSV")):
            done = subprocess.run([simulate, "--mqtt", self.broker.url(), *wrong, "--count", "1"], env=environment(),
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(text, done.stderr)

    def test_a_message_over_the_limit_is_a_dead_letter_once(self):
        self.begin()
        big = payload(0)[:-1] + ", \"x\": \"" + "x" * 5000 + "\"}"
        self.broker.publish("in/big", [payload(0), big, payload(1)])
        self.assertEqual(self.wait_for_all(2), 0)
        wait_until("the dead letter is there", lambda: self.node.letters("readings"))
        letter, = self.node.letters("readings")
        self.assertEqual(letter["reason"], f"the message on topic in/big has {len(big)} bytes, more than "
                                           "log.max_record = 1024")
        self.assertEqual(letter["record"], big[:1024])
        self.assertEqual(self.node.stop(seconds=60), 0)
        self.node.start()
        self.broker.publish("in/a", [payload(2)])
        self.assertEqual(self.wait_for_all(3), 0)
        self.assertEqual(len(self.node.letters("readings")), 1, "it was acknowledged: it does not come again")


class messages_of_other_formats(unittest.TestCase):
    def test_payloads_are_messages_of_protobuf_too(self):
        require_mosquitto()
        mosquitto = broker(persistent=True).start()
        self.addCleanup(mosquitto.clean)
        with node(config(mosquitto.port, stream="orders").replace("[sources]\n", '[sources]\ndescriptors = "sets"\n'), {
                "main.sql": """
                CREATE TABLE orders (id bigint NOT NULL, k text) WITH (format = 'protobuf', descriptors = 'shop.desc',
                  message = 'shop.Order');
                CREATE MATERIALIZED VIEW seen AS SELECT id, k FROM orders;"""}) as n:
            (n.folder / "sets").mkdir()
            shutil.copy(pathlib.Path(__file__).parent.parent / "runtime/format/protobuf/shop.desc", n.folder / "sets")
            n.start()
            for message in (b"\x08\x07\x12\x01a", b"no message", b"\x08\x08"):
                subprocess.run(["mosquitto_pub", "-p", str(mosquitto.port), "-t", "in/a", "-q", "1", "-s"],
                               input=message, check=True, timeout=60)
            wait_until("both are seen", lambda: n.rows("seen") == [{"id": 7, "k": "a"}, {"id": 8, "k": None}],
                       seconds=60)
            wait_until("the third is told", lambda: [letter["reason"] for letter in n.letters("orders")]
                       == ["these bytes are no message shop.Order"], seconds=60)


if __name__ == "__main__":
    run_tests()
