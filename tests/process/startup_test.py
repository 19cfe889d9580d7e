"""What a node says when it cannot start; and the examples, each started as it is."""

import os
import pathlib
import re
import shutil
import socket
import unittest

from node_process import node, run_tests, wait_until

CONFIG = """[node]
shards = 1
worker_threads = 1
[gateway]
port = {port}
[[pipeline]]
name = "main"
file = "main.sql"
"""
MAIN = "CREATE TABLE readings (v bigint) WITH (format = 'json');\n"
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


class bad_starts(unittest.TestCase):
    def make(self, config=CONFIG.format(port=0), sql=MAIN):
        made = node(config, {"main.sql": sql})
        self.addCleanup(made.__exit__, None, None, None)
        return made

    def check_refused(self, n, *texts):
        """It ends with 1 and a plain message, in words and without a stack of internals."""
        before = len(n.log_text())
        n.launch()
        self.assertEqual(n.wait_for_death(10), 1, n.log_text())
        said = n.log_text()[before:]
        self.assertIn("weir-node: ", said)
        for text in texts:
            self.assertRegex(said, text)
        self.assertNotRegex(said, r"terminate called|what\(\)|Segmentation|\.cpp:")
        self.assertLessEqual(len([each for each in said.splitlines() if " info " not in each]), 4, said)

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.check_refused(self.make(CONFIG.format(port=port)), str(port), r"(?i)in use")

    def test_a_config_that_is_no_toml_names_line_and_column(self):
        self.check_refused(self.make("[node]\nshards = = 2\n"), r"config\.toml:2:10|line 2, column 10")

    def test_a_config_with_an_unknown_key_names_line_and_column(self):
        self.check_refused(self.make("[node]\n  shard = 2\n"), r"config\.toml:2:3|line 2, column 3", "shards")

    def test_a_config_with_a_bad_value_names_line_and_column(self):
        self.check_refused(self.make("[node]\nshards = 0\n"), r"config\.toml:2:|line 2, column", "shards", "1 to 256")

    def test_a_data_folder_in_use_by_a_running_node(self):
        n = self.make()
        n.start()
        other = self.make(f'[node]\ndata_dir = "{n.folder}/data"\n[gateway]\nport = 0\n')
        self.check_refused(other, "data", r"(?i)in use|another|lock")
        self.assertEqual(n.ask("/readyz")[0], 200, "the first node does not notice")
        self.assertEqual(n.stop(), 0)

    def test_a_data_folder_that_is_not_writable(self):
        n = self.make()
        n.give_up_root()
        (n.folder / "data").mkdir()
        (n.folder / "data").chmod(0o555)
        if os.geteuid() == 0:
            os.chown(n.folder / "data", 0, 0)
        self.check_refused(n, "data", r"(?i)permission denied")

    def test_an_sql_file_with_an_error_shows_where(self):
        n = self.make(sql=MAIN + "CREATE MATERIALIZED VIEW x AS\n  SELECT nothing FROM readings;\n")
        self.check_refused(n, r"main\.sql", "nothing", r"line 3, column 10|3:10")

    def test_an_sql_file_that_differs_from_what_runs_says_how_it_comes_in(self):
        n = self.make()
        n.start()
        n.stop()
        n.write("main.sql", MAIN + "CREATE MATERIALIZED VIEW v AS SELECT v FROM readings;")
        self.check_refused(n, "main exists with another SQL", r"weir apply \S+/main\.sql --name main --replace")
        n.write("main.sql", MAIN)
        n.start()
        n.write("main.sql", MAIN + "CREATE MATERIALIZED VIEW v AS SELECT v FROM readings;")
        self.assertEqual(n.weir("apply", "main.sql", "--name", "main", "--replace").code, 0)
        n.stop()
        n.start()
        self.assertEqual(n.rows("v"), [])

    def test_an_sql_file_that_is_not_there(self):
        n = self.make()
        (n.folder / "main.sql").unlink()
        self.check_refused(n, r"main\.sql")


class examples(unittest.TestCase):
    def start(self, name):
        """The example as it is, but on a free port and in a folder of its own."""
        text = (EXAMPLES / name / "config.toml").read_text()
        n = node(text + "\n[gateway]\nport = 0\n")
        self.addCleanup(n.__exit__, None, None, None)
        for sql in (EXAMPLES / name).glob("*.sql"):
            shutil.copy(sql, n.folder)
        return n.start()

    def test_the_weather_example_shows_rows(self):
        n = self.start("weather")
        wait_until("station_hours has rows of both stations", seconds=60, pause=0.5, true=lambda: (
            len({r["station"] for r in n.rows("station_hours")}) == 2))
        for row in n.rows("station_hours"):
            self.assertLessEqual(row["min"], row["mean"])
            self.assertLessEqual(row["mean"], row["max"])
        self.assertEqual(n.stop(), 0)

    def test_the_socks_example_shows_rows(self):
        n = self.start("socks")
        rows = wait_until("sock_seen has rows", seconds=40, pause=0.5, true=lambda: n.rows("sock_seen"))
        for row in rows:
            self.assertGreater(row["seen"], 3)
            self.assertNotEqual(row["image"], "Blank")
        self.assertTrue(re.fullmatch(r"(Pair|Un-matched)", n.rows("sock_pairs")[0]["pairing"]))
        self.assertEqual(n.stop(), 0)


if __name__ == "__main__":
    run_tests()
