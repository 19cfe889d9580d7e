"""Brokers with settings of their own: SASL over TLS and ACLs, under which a node runs with the rights that README.md
lists and with no less; and writers' ids that are soon forgotten."""

import os
import pathlib
import re
import shutil
import sys
import time
import unittest

from deployment import CONFIG, answers_in_the_end, life
from kafka_cluster import PATIENCE, ROOT, kafka_cluster, log_section, named
from node_process import run_tests, wait_until

PASSWORD = "correct horse"
MECHANISMS = (("plain", "PLAIN"), ("scram", "SCRAM-SHA-256"), ("scram", "SCRAM-SHA-512"))
# An app for each right that a start needs, which its user lacks, and what the error must name. They share one user.
POOR = (("poor0", "--topic", "Create", "creating topic poor0.control"),
        ("poor1", "--topic", "DescribeConfigs", "poor1.control"),
        ("poor2", "--topic", "Write", "poor2.control"),
        ("poor3", "--topic", "Read", "poor3.control"),
        ("poor4", "--transactional-id", "Write", "poor4.control"),
        ("poor5", "--group", "Read", None))
IDLE_SECONDS = 4  # after which these brokers forget a writer's id; by default they do after a week


def granted():
    """{what: [operation]} of README.md's kafka-acls.sh commands."""
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"^kafka-acls\.sh (.*)$", text, re.MULTILINE)
    return {re.search(r"(--topic|--group|--transactional-id) APP\.", line)[1]: re.findall(r"--operation (\w+)", line)
            for line in commands}


class settings(answers_in_the_end, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = kafka_cluster(secure=True, settings=(
            f"transactional.id.expiration.ms={IDLE_SECONDS * 1000}",
            "transaction.remove.expired.transaction.cleanup.interval.ms=500"))
        cls.addClassCleanup(cls.kafka.close)
        cls.passwords = {"plain": (cls.kafka.folder / "plain.password").read_text().strip(), "scram": PASSWORD}
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            cls.kafka.call("configs", "--alter", "--entity-type", "users", "--entity-name", "scram", "--add-config",
                           f"{mechanism}=[password={PASSWORD}]")
        for what, operations in granted().items():
            cls.change_rights("--allow-principal", what, operations, ["sane", "idle", *(app for app, *_ in POOR)])
        for app, what, lacks, _ in POOR:
            cls.change_rights("--deny-principal", what, [lacks], [app])

    @classmethod
    def change_rights(cls, change, what, operations, apps):
        cls.kafka.call("acls", "--add", "--resource-pattern-type", "prefixed", change, "User:plain", change,
                       "User:scram", *(word for one in apps for word in (what, f"{one}.")),
                       *(word for one in operations for word in ("--operation", one)))

    def deployment(self, app, user="plain", mechanism="PLAIN", ca=None):
        made = life(named(CONFIG, app) + self.log(user, mechanism))
        made.node.patience = PATIENCE
        made.node.write("password", self.passwords[user] + "\n")
        shutil.copy(ca or self.kafka.folder / "ca.pem", made.node.folder / "ca.pem")
        return made

    def log(self, user, mechanism, **more):
        return log_section(self.kafka.servers, protocol="sasl_ssl", mechanism=mechanism, user=user,
                           password_file="password", ca="ca.pem", timeout="3 s", **more)

    def test_a_node_runs_with_the_rights_that_readme_lists_however_its_user_is_proven(self):
        with (deployment := self.deployment("sane")).node as n:
            for user, mechanism in MECHANISMS:
                n.write("config.toml", named(CONFIG, "sane") + self.log(user, mechanism))
                n.write("password", self.passwords[user] + "\n")
                n.start()
                deployment.grow(50)
                n.kill()
            # Another retention is given to topics that are there.
            text = (n.folder / "config.toml").read_text()
            n.write("config.toml", text.replace('kind = "kafka"\n', 'kind = "kafka"\nretention = "1 day"\n'))
            self.check_in_the_end(deployment, PATIENCE, stop=False)
            self.assertIn("retention.ms=86400000", self.kafka.call(
                "configs", "--describe", "--entity-type", "topics", "--entity-name", "sane.stream.readings"))
            wait_until("the group is shown", lambda: self.kafka.lags("sane.totals"), PATIENCE, pause=0.3)
            self.assertEqual(n.weir("pipeline", "drop", "totals").code, 0)
            wait_until("the dropped view's topic is gone", pause=0.3, seconds=PATIENCE, true=lambda: (
                "sane.view.totals" not in self.kafka.call("topics", "--list").split()))
            self.assertEqual(n.stop(60), 0)
            self.assertNotIn("are not shown", n.log_text())

    def refusal(self, deployment):
        n = deployment.node
        n.launch()
        code = n.wait_for_death(PATIENCE)
        self.assertNotIn(code, (None, 0), n.log_text())
        return n.log_text()

    def test_each_right_that_is_missing_at_the_start_is_refused_and_named(self):
        for app, what, operation, named_in_error in POOR:
            if not named_in_error:
                continue
            with self.subTest(operation, of=what), (deployment := self.deployment(app)).node:
                said = self.refusal(deployment)
                self.assertIn(named_in_error, said)
                self.assertIn("uthorization failed", said)

    def test_without_rights_on_groups_a_node_runs_and_says_once_what_it_cannot_show(self):
        with (deployment := self.deployment("poor5")).node as n:
            n.start()
            wait_until("it says so", lambda: "positions are not shown to Kafka's tools" in n.log_text(), PATIENCE)
            self.check_in_the_end(deployment, PATIENCE, stop=False)
            self.assertEqual(n.log_text().count("are not shown to Kafka's tools"), 1)
            self.assertEqual(n.stop(60), 0)

    def test_pitfall_2_a_node_whose_writers_ids_the_brokers_forgot_goes_on(self):
        with (deployment := self.deployment("idle")).node as n:
            n.start()
            for _ in range(2):
                time.sleep(IDLE_SECONDS + 2)
                deployment.grow(50)
                wanted = len(deployment.lines["grows"]) - 3  # a piece of a line, and what is no record
                wait_until("what came is taken", lambda: n.source("grows")["records"] >= wanted, PATIENCE)
            self.check_in_the_end(deployment, PATIENCE, stop=False)
            time.sleep(IDLE_SECONDS + 2)  # the control log's writer was idle as long
            done = n.weir("pipeline", "drop", "totals")
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(n.stop(60), 0)

    def test_a_wrong_password_and_a_certificate_of_others_are_told_apart(self):
        with (deployment := self.deployment("wrong", "scram", "SCRAM-SHA-512")).node as n:
            n.write("password", "wrong\n")
            said = self.refusal(deployment)
            self.assertIn("authentication", said.lower())
            self.assertNotIn("certificate verify failed", said)
            self.assertNotIn(PASSWORD, said)
        other = pathlib.Path(self.kafka.folder) / "broker.crt"  # it has signed nothing
        with (deployment := self.deployment("foreign", "scram", "SCRAM-SHA-512", ca=other)).node:
            self.assertIn("certificate verify failed", self.refusal(deployment))


if __name__ == "__main__":
    missing = [p for p in ("java", "mvn", "openssl") if not shutil.which(p)]
    if missing or os.environ.get("WEIR_KAFKA", "") == "":
        print(f"not installed: {missing}" if missing else "WEIR_KAFKA names no brokers; see tools/test --kafka")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
