"""What sources cost that mostly wait: a node with none, and the same node with thousands of simulated instruments that
have sent one record each. One line of JSON each; see tools/bench/README.md."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from process_figures import cpu_s

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SQL = """
CREATE TABLE readings (image text NOT NULL, probability double precision) WITH (format = 'json', idle = '10 s');
CREATE MATERIALIZED VIEW seen AS SELECT window_start, image, count(*) AS n FROM tumble(readings, interval '10 seconds')
  GROUP BY window_start, image;
"""
CONFIG = """
[node]
data_dir = "data"
log_level = "warning"
[limits]
sources = 1000000
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
"""
SOURCE = """
[[source]]
name = "instrument-{0}"
stream = "readings"
connector = "simulate"
instrument = "sock-camera"
seed = "{0}"
rate = "0.001"
"""


class running:
    def __init__(self, program, sources):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-bench-"))
        (self.folder / "main.sql").write_text(SQL)
        (self.folder / "config.toml").write_text(CONFIG + "".join(SOURCE.format(i) for i in range(sources)))
        self.began = time.monotonic()
        self.process = subprocess.Popen([program, "--config", str(self.folder / "config.toml")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, path):
        at = json.loads((self.folder / "data" / "node.json").read_text())
        request = urllib.request.Request(at["url"] + path, headers={"Authorization": "Bearer " + at["token"]})
        with DIRECT.open(request, timeout=60) as answer:
            return answer.read()

    def wait(self, true, seconds):
        """Answers how long it took since the process began."""
        while True:
            try:
                if true():
                    return time.monotonic() - self.began
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"sources_bench: weir-node ended with {self.process.returncode}")
            if time.monotonic() - self.began > seconds:
                sys.exit(f"sources_bench: not ready after {seconds} s")
            time.sleep(0.1)

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    def cpu_seconds(self):
        return cpu_s(self.process.pid)

    def jobs(self):
        return json.loads(self.ask("/v1/status"))["pool"]["done"]

    def spoken(self):
        return json.loads(self.ask("/v1/streams/readings"))["records"]


def measure(program, sources, settle, window):
    with running(program, sources) as node:
        ready = node.wait(lambda: node.ask("/readyz"), 120)
        spoken = node.wait(lambda: node.spoken() >= sources, 600)
        time.sleep(settle)
        cpu, jobs, began = node.cpu_seconds(), node.jobs(), time.monotonic()
        time.sleep(window)
        passed = time.monotonic() - began
        result = {"bench": "sources", "sources": sources, "ready_s": round(ready, 2), "all_spoken_s": round(spoken, 2),
                  "idle_cpu_percent": round(100 * (node.cpu_seconds() - cpu) / passed, 2),
                  "idle_jobs_per_s": round((node.jobs() - jobs) / passed, 1), "resident_mib":
                  round(node.resident_kib() / 1024, 1)}
        began = time.monotonic()
        size, listed, after = 0, 0, ""
        while after is not None:
            text = node.ask("/v1/sources?limit=1000&after=" + after)
            page = json.loads(text)
            size, listed, after = size + len(text), listed + len(page["items"]), page["next"]
        result["list_ms"] = round(1000 * (time.monotonic() - began), 1)
        result["list_kib"] = size // 1024
        if listed != sources:
            sys.exit("sources_bench: the list lacks some sources")
        return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program", help="weir-node")
    arguments.add_argument("--sources", type=int, default=10_000)
    arguments.add_argument("--settle", type=float, default=20, help="seconds between the last record and the look")
    arguments.add_argument("--window", type=float, default=20, help="seconds over which CPU is counted")
    given = arguments.parse_args()
    rest = measure(given.program, 0, given.settle, given.window)
    print(json.dumps(rest), flush=True)
    many = measure(given.program, given.sources, given.settle, given.window)
    many["kib_per_source"] = round(1024 * (many["resident_mib"] - rest["resident_mib"]) / given.sources, 2)
    print(json.dumps(many), flush=True)


if __name__ == "__main__":
    main()
