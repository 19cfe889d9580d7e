"""An MQTT source that cannot work says so: what is wrong in words, and when it tries again."""

import json
import signal
import threading
import unittest

from mqtt_broker import HOST, broker, certificates, old_broker, require_mosquitto
from node_process import node, run_tests, wait_until

CONFIG = """
[node]
shards = 2
worker_threads = 2
[supervision]
watch_interval = "50 ms"
[sources]
restart_min = "300 ms"
restart_max = "1 s"
[sources.mqtt]
allow = [{allow}]
folders = ["secrets"]
connect_timeout = "3 s"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
"""

SQL = "CREATE TABLE readings (v bigint NOT NULL) WITH (format = 'json');"
PASSWORD = "correct horse battery staple"
WRONG = "wr0ng-p4ssword"


class states(unittest.TestCase):
    def setUp(self):
        require_mosquitto()

    def start_broker(self, *arguments, **more):
        made = broker(*arguments, **more)
        self.addCleanup(made.clean)
        return made.start()

    def start_node(self, *ports):
        allow = ", ".join(f'"{name}:{port}"' for port in ports for name in (HOST, "localhost"))
        self.node = node(CONFIG.format(allow=allow), {"main.sql": SQL})
        self.addCleanup(self.node.__exit__, None, None, None)
        self.secrets = self.node.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.node.start()

    def add(self, url, *options, code=0):
        words = [w for o in (f"url={url}", "topic=in/#", *options) for w in ("--option", o)]
        done = self.node.weir("source", "add", "sensor", "--stream", "readings", "--connector", "mqtt", *words)
        self.assertEqual(done.code, code, f"{done.out} {done.err}")
        return done

    def wait_for(self, *wanted):
        try:
            return wait_until(f"the source is {wanted}", seconds=60, true=lambda: (
                s := self.node.source("sensor"))["state"] in wanted and s)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.node.source('sensor')}") from None

    def check_failed(self, *texts):
        """It says why, and when it tries again, and it does try again."""
        s = self.wait_for("failed")
        for text in texts:
            self.assertIn(text, s["last_error"])
        wait_until("a next try is told", lambda: self.node.source("sensor")["next_try"])
        before = self.node.source("sensor")["restarts"]
        wait_until("it is tried again", lambda: self.node.source("sensor")["restarts"] > before, seconds=60)

    def wait_for_log(self, text):
        wait_until(f"the log says '{text}'", lambda: text in self.node.log_text(), seconds=60)

    def check_works(self, to):
        self.wait_for("running", "waiting")
        before = self.node.source("sensor")["records"]
        to.publish("in/a", ['{"v": 1}'])
        wait_until("its record is there", lambda: self.node.source("sensor")["records"] == before + 1, seconds=60)

    def test_a_wrong_password_is_told_until_it_is_right_and_never_shown(self):
        mqtt = self.start_broker(users={"camera": PASSWORD})
        self.start_node(mqtt.port)
        (self.secrets / "password").write_text(WRONG + "\n")
        self.add(mqtt.url(), "username=camera", f"password_file={self.secrets / 'password'}")
        self.check_failed("the broker refused the connection: not authorized (0x87)", "check user name, password")
        (self.secrets / "password").write_text(PASSWORD + "\n")
        self.check_works(mqtt)
        self.assertEqual(self.node.weir("source", "remove", "sensor").code, 0)
        self.add(mqtt.url(), "username=camera", f"password={WRONG}")
        self.check_failed("not authorized (0x87)")
        seen = [json.dumps(self.node.get(path)) for path in ("/v1/sources", "/v1/sources/sensor", "/v1/status")]
        seen += [self.node.weir(*words, output=output).out for output in ("json", "table")
                 for words in (("source", "list"), ("source", "show", "sensor"), ("status",))]
        seen += [self.node.log_text(), json.dumps(self.node.ask("/readyz")[1])]
        for text in seen:
            self.assertNotIn(WRONG, text)
        self.assertEqual(self.node.source("sensor")["options"]["password"], "***")

    def test_a_broker_that_is_not_trusted_is_told_apart_from_one_with_another_name(self):
        self.start_node(1)
        self.node.kill()
        ours, theirs = certificates(self.secrets, "ours"), certificates(self.secrets, "theirs")
        tls = {}
        for name, names in (("right", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:broker.example")):
            cert, key = ours.sign(name, names)
            tls[name] = broker(lines=[f"cafile {ours.ca}", f"certfile {cert}", f"keyfile {key}"]).start()
            self.addCleanup(tls[name].clean)
        allow = ", ".join(f'"{h}:{b.port}"' for b in tls.values() for h in (HOST, "localhost"))
        self.node.write("config.toml", CONFIG.format(allow=allow))
        self.node.start()
        cases = [
            (tls["right"].url("mqtts", "localhost"), theirs.ca, "the broker's certificate is not trusted"),
            (tls["right"].url("mqtts", "localhost"), None, "the broker's certificate is not trusted"),
            (tls["other"].url("mqtts", "localhost"), ours.ca, "certificate is not for the host 'localhost'"),
            (tls["other"].url("mqtts"), ours.ca, "certificate is not for the host '127.0.0.1'"),
        ]
        for url, ca, text in cases:
            with self.subTest(url=url, ca=ca):
                self.add(url, *([f"ca_file={ca}"] if ca else []))
                self.check_failed(text)
                self.assertEqual(self.node.weir("source", "remove", "sensor").code, 0)
        for host in ("localhost", HOST):
            self.add(tls["right"].url("mqtts", host), f"ca_file={ours.ca}")
            self.wait_for("running", "waiting")
            self.assertEqual(self.node.weir("source", "remove", "sensor").code, 0)

    def test_a_client_certificate_opens_what_stays_closed_without(self):
        self.start_node(1)
        self.node.kill()
        ca = certificates(self.secrets)
        cert, key = ca.sign("broker", "DNS:localhost")
        mine, mine_key = ca.sign("camera", "DNS:camera")
        mqtt = self.start_broker(lines=[f"cafile {ca.ca}", f"certfile {cert}", f"keyfile {key}",
                                        "require_certificate true"])
        self.node.write("config.toml", CONFIG.format(allow=f'"localhost:{mqtt.port}"'))
        self.node.start()
        self.add(mqtt.url("mqtts", "localhost"), f"ca_file={ca.ca}")
        # The broker closes right behind its alert, and the reset may overtake it: then a later try says it.
        wait_until("it says why", seconds=60, true=lambda: "certificate required" in (
            self.node.source("sensor")["last_error"] or ""))
        self.check_failed()
        self.assertEqual(self.node.weir("source", "remove", "sensor").code, 0)
        self.add(mqtt.url("mqtts", "localhost"), f"ca_file={ca.ca}", f"cert_file={mine}", f"key_file={mine_key}")
        self.wait_for("running", "waiting")

    def test_a_port_that_speaks_no_tls_is_told(self):
        mqtt = self.start_broker()
        self.start_node(mqtt.port)
        self.add(mqtt.url("mqtts", "localhost"))
        self.check_failed("no TLS connection", "the port on which the broker speaks TLS")

    def test_a_broker_that_is_not_there_is_waited_for(self):
        mqtt = broker()
        self.addCleanup(mqtt.clean)
        self.start_node(mqtt.port)
        self.add(mqtt.url())
        self.check_failed("cannot connect: Connection refused", "is the broker up")
        mqtt.start()
        self.check_works(mqtt)

    def test_a_broker_that_falls_silent_is_given_up_and_found_again(self):
        mqtt = self.start_broker()
        self.start_node(mqtt.port)
        self.add(mqtt.url(), "keep_alive=1 s")
        self.check_works(mqtt)
        mqtt.process.send_signal(signal.SIGSTOP)
        try:
            self.check_failed("mqtt://")
            self.wait_for_log("the broker has not answered a PINGREQ within 3000 ms")
            self.wait_for_log("not connected within 3000 ms; waiting for the broker's CONNACK")
        finally:
            mqtt.process.send_signal(signal.SIGCONT)
        self.check_works(mqtt)

    def test_a_broker_that_closes_is_told_and_found_again(self):
        for version in ("5", "3.1.1"):
            with self.subTest(version=version):
                mqtt = self.start_broker()
                self.start_node(mqtt.port)
                self.add(mqtt.url(), f"version={version}")
                self.check_works(mqtt)
                mqtt.stop()
                self.check_failed("mqtt://")
                mqtt.start()
                self.check_works(mqtt)
                self.wait_for_log("the broker closed the connection while waiting for messages; its log may tell why")
                self.doCleanups()

    def test_a_refused_subscription_is_told(self):
        mqtt = broker.that_grants_no_subscription()
        self.addCleanup(mqtt.clean)
        mqtt.start()
        self.start_node(mqtt.port)
        for version, text in (("5", "not authorized (0x87)"), ("3.1.1", "failure (0x80)")):
            with self.subTest(version=version):
                self.add(mqtt.url(), f"version={version}")
                self.check_failed(f"the broker refused the subscription to 'in/#': {text}")
                self.assertEqual(self.node.weir("source", "remove", "sensor").code, 0)

    def test_a_broker_without_version_5_says_which_version_to_give(self):
        old = old_broker()
        self.addCleanup(old.close)
        self.start_node(old.port)
        answers = threading.Thread(target=lambda: [old.serve_one() for _ in range(2)], daemon=True)
        answers.start()
        self.add(f"mqtt://{HOST}:{old.port}")
        s = self.wait_for("failed")
        self.assertIn("unsupported protocol version (0x84); give version=3.1.1", s["last_error"])

    def test_two_clients_with_one_name_are_told_of_each_other(self):
        mqtt = self.start_broker()
        self.start_node(mqtt.port)
        self.add(mqtt.url(), "client_id=the-same")
        self.check_works(mqtt)
        done = self.node.weir("source", "add", "second", "--stream", "readings", "--connector", "mqtt", "--option",
                              f"url={mqtt.url()}", "--option", "topic=in/#", "--option", "client_id=the-same")
        self.assertEqual(done.code, 0, done.err)
        wait_until("one is told", seconds=60, true=lambda: any(
            "another client with the same client_id" in (s["last_error"] or "")
            for s in self.node.get("/v1/sources")["items"]))

    def test_a_broker_or_file_that_is_not_allowed_is_refused_at_once(self):
        self.start_node(1883)
        refused = self.add("mqtt://127.0.0.1:1884", code=1)
        self.assertIn("127.0.0.1:1884 is not one that MQTT sources may reach", refused.err)
        self.assertIn("sources.mqtt.allow", refused.err)
        refused = self.add(f"mqtt://{HOST}:1883", "username=u", "password_file=/etc/hostname", code=1)
        self.assertIn("sources.mqtt.folders", refused.err)
        refused = self.add(f"mqtt://u:{PASSWORD.split()[0]}@{HOST}:1883", code=1)
        self.assertIn("user name or password", refused.err)
        self.assertNotIn(PASSWORD.split()[0], refused.err)


if __name__ == "__main__":
    run_tests()
