"""Brokers of tools/kafka for process tests: the ones that WEIR_KAFKA names, or some of a test's own."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from node_process import run_tests, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = 300  # seconds; a broker starts slowly beside others
SETTLE_SECONDS = 3  # in which what comes twice would come


def rows_in(output):
    """Whole lines that are JSON objects; a clock is binary, and may well begin as one."""
    lines = output.decode(errors="replace").split("\n")[:-1]
    return [json.loads(line) for line in lines if line.startswith('{"') and line.endswith("}")]


class reader:
    def __init__(self, command, file):
        self.file = pathlib.Path(file)
        with open(self.file, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)

    def rows(self):
        return rows_in(self.file.read_bytes())

    def end(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        return self.rows()


class kafka_cluster:
    """folder: of brokers that run; none: `count` brokers are started in a folder that goes with them."""

    def __init__(self, folder=None, count=1, secure=False, settings=()):
        self.own = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="weir-kafka-"))
        self.count = count
        words = ["--brokers", str(count), *(["--secure"] if secure else [])] if self.own else []
        words += [word for one in settings for word in ("--set", one)]
        try:
            self.servers = self.call("start", *words).strip()
        except BaseException:
            self.close()
            raise

    def close(self):
        if not self.own:
            return
        self.call("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, command, *arguments, check=True):
        """Runs tools/kafka and answers what it printed."""
        done = subprocess.run([ROOT / "tools/kafka", command, "--folder", self.folder, *arguments], text=True,
                              capture_output=True, timeout=2 * PATIENCE)
        assert not check or done.returncode == 0, f"tools/kafka {command} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def rows(self, topic, least):
        """Every row of a view's topic, by Kafka's own consumer of committed entries: at least so many, and what comes
        behind them; fewer where they do not come."""
        with tempfile.TemporaryDirectory() as folder:
            beside = self.reader(topic, pathlib.Path(folder) / "rows")
            try:
                wait_until("the rows are read", lambda: len(beside.rows()) >= least, PATIENCE, pause=0.5)
                time.sleep(SETTLE_SECONDS)
            except AssertionError:
                pass  # whoever looks at them says what is missing
            return beside.end()

    def reader(self, topic, file):
        """Kafka's own consumer of committed entries, which follows the topic until it is ended."""
        return reader([ROOT / "tools/kafka", "consume", "--folder", self.folder, "--topic", topic, "--from-beginning",
                       "--isolation-level", "read_committed"], file)

    def lags(self, group):
        """{(topic, partition): (offset, end, lag)} by kafka-consumer-groups; empty where there is no such group."""
        text = self.call("groups", "--describe", "--group", group, check=False)
        return {(topic, int(partition)): tuple(int(n) for n in numbers) for topic, partition, *numbers in re.findall(
            rf"^{re.escape(group)}\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", text, re.MULTILINE)}

    def leaders(self, topic):
        """The broker that leads each partition, and the copies that are in sync."""
        text = self.call("topics", "--describe", "--topic", topic)
        return [(int(leader), insync.split(",")) for leader, insync in
                re.findall(r"Partition: \d+\s+Leader: (\d+)\s.*?Isr: ([\d,]+)", text)]

    def drop_topics(self, pattern):
        self.call("topics", "--delete", "--if-exists", "--topic", pattern)


def log_section(servers, copies=1, **more):
    """The sections of config.toml that put the log on these brokers."""
    lines = {"brokers": servers, "replication": copies, "min_insync": (copies + 1) // 2, **more}
    return '\n[log]\nkind = "kafka"\n[log.kafka]\n' + "".join(
        f"{key} = {value if isinstance(value, int) else json.dumps(str(value))}\n" for key, value in lines.items())


def named(config, app):
    assert config.count("[node]\n") == 1
    return config.replace("[node]\n", f'[node]\napp = "{app}"\n')


def given_cluster():
    """The brokers that WEIR_KAFKA and WEIR_KAFKA_FOLDER name."""
    return kafka_cluster(os.environ["WEIR_KAFKA_FOLDER"])


def run_tests_on_kafka():
    """Skips where no brokers are given, fails where servers are required."""
    if not (os.environ.get("WEIR_KAFKA") and os.environ.get("WEIR_KAFKA_FOLDER")):
        print("WEIR_KAFKA and WEIR_KAFKA_FOLDER name no brokers; start them with tools/kafka start")
        sys.exit(1 if os.environ.get("WEIR_REQUIRE_SERVERS") == "1" else 77)
    run_tests()
