#!/usr/bin/env python3
"""Restart with many windows of state: how long a real node takes from its start to running, and to its first commit.

A file gives every key one record, in one window that stays open, so each key is a group of state. The node is killed
and started again, then ended cleanly and started again. Before each start a line is appended to the file: the row that
it yields is the first commit.
"""

import argparse
import json
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "process"))
from kafka_cluster import log_section, named  # noqa: E402
from node_process import node, programs, wait_until  # noqa: E402
from process_figures import cpu_s, peak_mb  # noqa: E402

CONFIG = """
[node]
shards = 4
log_level = "warning"
[limits]
view_groups = {groups}
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[supervision]
watch_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "windows"
file = "windows.sql"
from = "beginning"
[[source]]
name = "keys"
stream = "readings"
connector = "file"
path = "in/keys.ndjson"
follow = "true"
"""

SQL = """
CREATE TABLE readings (at timestamptz NOT NULL, k text NOT NULL, v double precision)
  WITH (format = 'json', event_time = 'at', lateness = '1 minute');
CREATE MATERIALIZED VIEW days AS
  SELECT window_start, k, count(*) AS n, max(v) AS best FROM tumble(readings, interval '1 day')
  GROUP BY window_start, k;
CREATE MATERIALIZED VIEW marks AS SELECT k, v FROM readings WHERE v < 0;
"""

LAST_SECOND = 86_399  # of the only day


def line(key, second, value):
    at = f"2024-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    return f'{{"at":"{at}","k":"key-{key:07}","v":{value}}}\n'


def write_keys(path, count):
    with open(path, "w") as out:
        for i in range(count):
            out.write(line(i, i * LAST_SECOND // count, i % 1000))


def processed(n):
    return n.ask("/v1/sources/keys")[1], n.ask("/v1/pipelines/windows")[1]


def all_processed(n, count):
    source, pipeline = processed(n)
    return (isinstance(source, dict) and source.get("records", 0) >= count and isinstance(pipeline, dict)
            and pipeline.get("records", 0) >= count and pipeline.get("lag") == 0)


def restart(n, stage, count, marks):
    with open(n.folder / "in" / "keys.ndjson", "a") as out:
        out.write(line(0, LAST_SECOND, -marks))
    begun = time.monotonic()
    n.launch()
    wait_until("the node listens", n.address, seconds=60, pause=0.002)
    listens = time.monotonic() - begun
    wait_until("/readyz says yes", lambda: n.ask("/readyz")[0] == 200, seconds=120, pause=0.002)
    ready = time.monotonic() - begun
    wait_until("the mark is committed", lambda: n.ask("/v1/views/marks")[1]["rows"] >= marks, seconds=120, pause=0.002)
    committed = time.monotonic() - begun
    print(json.dumps({"stage": stage, "windows": count, "listens_s": round(listens, 3), "ready_s": round(ready, 3),
                      "first_commit_s": round(committed, 3), "cpu_s": round(cpu_s(n.process.pid), 2),
                      "peak_mb": peak_mb(n.process.pid)}), flush=True)


def run(count, rounds, brokers):
    with node("", {"windows.sql": SQL}) as n:
        config = CONFIG.format(groups=count)
        if brokers:
            config = named(config, n.folder.name) + log_section(brokers)
        n.write("config.toml", config)
        write_keys(n.folder / "in" / "keys.ndjson", count)
        n.start()
        for _ in range(2):  # what the shards tell may be half a second old
            wait_until("every key is a group", lambda: all_processed(n, count), seconds=300, pause=0.1)
            time.sleep(2)
        marks = 0
        for _ in range(rounds):
            n.kill()
            marks += 1
            restart(n, "restart after kill -9", count, marks)
            if n.stop(60) != 0:
                raise SystemExit("the node did not end cleanly")
            marks += 1
            restart(n, "restart after a clean end", count, marks)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--node", required=True, help="the weir-node program")
    options.add_argument("--windows", type=int, default=1_000_000, help="groups of state (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=3, help="restarts of each kind (default: %(default)s)")
    options.add_argument("--kafka", help="brokers, host:port, that keep the log; without it the log is embedded")
    given = options.parse_args()
    programs.node = str(pathlib.Path(given.node).resolve())
    run(given.windows, given.rounds, given.kafka)
