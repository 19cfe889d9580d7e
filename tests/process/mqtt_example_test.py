"""The commands of examples/socks/README.md about MQTT, as they stand there, against a real mosquitto."""

import os
import pathlib
import re
import subprocess
import unittest

from mqtt_broker import broker, find, free_port, require_mosquitto
from node_process import node, run_tests, wait_until

EXAMPLE = pathlib.Path("examples/socks")


class example(unittest.TestCase):
    def setUp(self):
        require_mosquitto()
        self.port = free_port()
        self.node = node(self.here(EXAMPLE / "mqtt.toml"), {
            name: self.here(EXAMPLE / name) for name in ("socks.sql", "mosquitto.conf")})
        self.addCleanup(self.node.__exit__, None, None, None)
        section = (EXAMPLE / "README.md").read_text().split("## Cameras over MQTT")[1].split("\n## ")[0]
        fences = re.findall(r"```\n(.*?)```", section, re.DOTALL)
        self.assertEqual(len(fences), 2)
        self.prepare, self.use = ([self.adapted(line) for line in fence.splitlines()] for fence in fences)

    def adapted(self, text):
        """The test's own port and folder; the node's data where tests look for it."""
        return text.replace("1883", str(self.port)).replace(f"{EXAMPLE}/", "").replace('"data/mqtt"', '"data"')

    def here(self, path):
        return self.adapted(path.read_text())

    def shell(self, line):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        return subprocess.run(["bash", "-c", line], cwd=self.node.folder, env={**os.environ, "PATH": path}, check=True,
                              capture_output=True, text=True, timeout=60)

    def weir(self, line):
        done = self.node.weir(*line.split()[1:])
        self.assertEqual(done.code, 0, f"{line}: {done.err}")
        return done.json()

    def start(self):
        for line in self.prepare:
            if line.startswith("mosquitto "):
                self.assertIn(" -d ", line)
                with open(self.node.folder / "mosquitto.log", "ab") as log:
                    runs = subprocess.Popen([find("mosquitto"), *line.replace(" -d ", " ").split()[1:]],
                                            cwd=self.node.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                self.addCleanup(lambda: (runs.kill(), runs.wait()))
            elif line.startswith("tools/run "):
                self.assertEqual(line, "tools/run --background --config mqtt.toml")
                self.node.start(ready=False)
            else:
                self.shell(line)
        wait_until("the source runs", seconds=60,
                   true=lambda: self.node.source("belt")["state"] in ("running", "waiting"))

    def test_the_greeting_is_a_dead_letter_and_five_detections_are_a_sock(self):
        self.start()
        for line in self.use:
            if not line.startswith("weir "):
                self.shell(line)
        wait_until("all have arrived", seconds=60, true=lambda: (
            s := self.node.source("belt"))["records"] == 5 and s["dead_letters"] == 1)
        wait_until("the sock is seen", lambda: self.node.view("sock_runs")["rows"] == 1, seconds=60)
        commands = [line for line in self.use if line.startswith("weir ")]
        self.assertEqual(len(commands), 3)
        source, socks, letters = (self.weir(line) for line in commands)
        self.assertEqual(source["guarantee"], "at least once")
        self.assertNotIn("striped", str(source))
        row, = socks["items"] if isinstance(socks, dict) else socks
        self.assertEqual((row["image"], row["seen"], row["best"]), ("Google", 5, 97.314453125))
        found = letters["items"] if isinstance(letters, dict) else letters
        self.assertEqual([letter["record"] for letter in found], ["Hello from deeplens"])
        self.assertTrue(found[0]["reason"], found)


if __name__ == "__main__":
    run_tests()
