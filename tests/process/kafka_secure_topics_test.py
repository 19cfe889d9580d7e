"""Topics of others on brokers that ask for SASL over TLS and obey ACLs: read with the right to read and no other,
written by views with those that README.md lists, read back by kcat as another user."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

from kafka_cluster import PATIENCE, ROOT, kafka_cluster, log_section
from kafka_settings_test import granted
from node_process import node, run_tests, wait_until

PASSWORD = "correct horse"
SQL = """
CREATE TABLE orders (id bigint NOT NULL, k text NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 100{}) AS
  SELECT k, count(*) AS n, sum(id) AS total FROM orders GROUP BY k;
"""
CONFIG = """
[node]
app = "secure"
shards = 2
worker_threads = 2
log_level = "warning"
[commit]
interval_min = "0 s"
interval_max = "10 ms"
[sources]
restart_min = "100 ms"
restart_max = "1 s"
[gateway]
port = 0
"""
ACCESS = """
protocol = "sasl_ssl"
mechanism = "SCRAM-SHA-512"
user = "{}"
password_file = "password"
ca = "ca.pem"
timeout = "3 s"
"""


class secure_topics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = kafka_cluster(secure=True)
        cls.addClassCleanup(cls.kafka.close)
        for user in ("reader", "writer", "other"):
            cls.kafka.call("configs", "--alter", "--entity-type", "users", "--entity-name", user, "--add-config",
                           f"SCRAM-SHA-512=[password={PASSWORD}]")
        cls.kafka.call("topics", "--create", "--topic", "shop", "--partitions", "2")
        subprocess.run([ROOT / "tools/kafka", "produce", "--folder", cls.kafka.folder, "--topic", "shop"], check=True,
                       input="".join(json.dumps({"id": i, "k": f"k{i % 2}"}) + "\n" for i in range(20)).encode(),
                       timeout=PATIENCE, capture_output=True)

    def allow(self, user, operations, *what):
        self.kafka.call("acls", "--add", "--allow-principal", f"User:{user}", *what,
                        *(word for one in operations for word in ("--operation", one)))

    def running(self, config, topic=""):
        made = node(config, {"main.sql": SQL.format(topic)})
        made.patience = PATIENCE
        made.write("password", PASSWORD + "\n")
        shutil.copy(self.kafka.folder / "ca.pem", made.folder / "ca.pem")
        return made

    def apply_and_add(self, n):
        applied = n.weir("apply", "main.sql")
        self.assertEqual(applied.code, 0, applied.err)
        added = n.weir("source", "add", "o", "--stream", "orders", "--connector", "kafka", "--option=topic=shop",
                       f"--option=brokers={self.kafka.servers}")
        self.assertEqual(added.code, 0, added.err)

    def check_totals(self, n):
        wait_until("all is counted", lambda: sum(r["n"] for r in n.rows("totals")) == 20, PATIENCE, pause=0.1)
        self.assertEqual({r["k"]: r["total"] for r in n.rows("totals")}, {"k0": 90, "k1": 100})

    def test_a_source_reads_others_brokers_with_the_right_to_read_its_topic_and_no_other(self):
        access = ACCESS.format("reader")
        with self.running(CONFIG + f'[sources.kafka]\nallow = ["{self.kafka.servers}"]\n' + access) as n:
            n.start()
            self.apply_and_add(n)

            def is_told():
                code, source = n.ask("/v1/sources/o")
                return code == 200 and "uthoriz" in (source.get("last_error") or "")
            wait_until("it says what it lacks", is_told, PATIENCE, pause=0.2)
            self.allow("reader", ["Read"], "--topic", "shop")
            self.check_totals(n)
            self.assertEqual(n.letters("orders"), [])

    def test_a_view_writes_its_topic_with_the_rights_that_readme_lists(self):
        for what, operations in granted().items():
            self.allow("writer", operations, what, "secure.", "--resource-pattern-type", "prefixed")
        self.allow("writer", ["Read"], "--topic", "shop")
        log = log_section(self.kafka.servers) + ACCESS.format("writer")
        with self.running(CONFIG + log, ", topic = 'totals'") as n:
            n.start()
            refused = n.weir("apply", "main.sql")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("topic totals", refused.err)
            self.assertIn("uthorization failed", refused.err)
            self.allow("writer", self.rights_of_view_topics(), "--topic", "totals")

            def is_applied():
                return n.weir("apply", "main.sql").code == 0
            wait_until("the brokers know of the rights", is_applied, PATIENCE, pause=0.3)
            self.apply_and_add(n)
            self.check_totals(n)
            self.allow("other", ["Read"], "--topic", "totals")
            settings = {"security.protocol": "sasl_ssl", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "other",
                        "sasl.password": PASSWORD, "ssl.ca.location": self.kafka.folder / "ca.pem",
                        "isolation.level": "read_committed"}
            words = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]

            def table():
                done = subprocess.run(["kcat", "-q", "-b", self.kafka.servers, "-C", "-t", "totals", "-e", "-o",
                                       "beginning", *words], capture_output=True, text=True, timeout=PATIENCE)
                rows = [json.loads(line) for line in done.stdout.splitlines() if line]
                return {r["k"]: (r["n"], r["total"]) for r in rows}
            wait_until("another user reads the rows", lambda: table() == {"k0": (10, 90), "k1": (10, 100)}, PATIENCE,
                       pause=0.3)

    @staticmethod
    def rights_of_view_topics():
        text = " ".join((ROOT / "README.md").read_text().split())
        listed = re.search(r"A view's topic asks for the rights ([A-Za-z, ]+) on it", text)[1]
        return listed.replace(" and", ",").split(", ")


if __name__ == "__main__":
    missing = [p for p in ("java", "mvn", "openssl", "kcat") if not shutil.which(p)]
    if missing or os.environ.get("WEIR_KAFKA", "") == "":
        print(f"not installed: {missing}" if missing else "WEIR_KAFKA names no brokers; see tools/test --kafka")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
