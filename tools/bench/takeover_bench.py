#!/usr/bin/env python3
"""Takeover: how long two nodes on Apache Kafka are without a committed result when the owner of the shards is killed.

Both follow the same files. A window that stays open has one group per key, so the standby holds so many keys; a second,
small pipeline stands beside it. Records are appended all the time; the clock runs from the kill to the first row of a
record that was written after it, as the standby's API shows it. The killed node is started again and stands by for the
next round.
"""

import argparse
import json
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "process"))
from kafka_cluster import log_section  # noqa: E402
from node_process import node, programs, wait_until  # noqa: E402

CONFIG = """
[node]
app = "{app}"
name = "{name}"
shards = {shards}
stall_timeout = "2 minutes"
[limits]
view_groups = {groups}
view_rows = 100000
[sources.file]
allow = ["{folder}"]
poll_interval = "10 ms"
[supervision]
watch_interval = "20 ms"
[gateway]
port = 0
[[pipeline]]
name = "windows"
file = "{folder}/windows.sql"
from = "beginning"
[[pipeline]]
name = "marks"
file = "{folder}/marks.sql"
from = "beginning"
"""

SOURCE = """
[[source]]
name = "keys{i}"
stream = "readings"
connector = "file"
path = "{folder}/keys{i}.ndjson"
[[source]]
name = "live{i}"
stream = "readings"
connector = "file"
path = "{folder}/live{i}.ndjson"
follow = "true"
"""

STREAM = """
CREATE TABLE readings (at timestamptz NOT NULL, k text NOT NULL, v double precision)
  WITH (format = 'json', event_time = 'at', lateness = '1 minute');
CREATE MATERIALIZED VIEW days AS
  SELECT window_start, k, count(*) AS n, max(v) AS best FROM tumble(readings, interval '1 day')
  GROUP BY window_start, k;
CREATE MATERIALIZED VIEW same AS SELECT k, v FROM readings WHERE v < 0;
"""
MARKS = "CREATE MATERIALIZED VIEW marks AS SELECT k, v FROM readings WHERE v < 0;\n"
LAST_SECOND = 86_399
APPEND_EVERY = 0.005
CURRENT_WITHIN = 0.5


def line(key, second, value):
    at = f"2024-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    return f'{{"at":"{at}","k":"key-{key:07}","v":{value}}}\n'


class appender(threading.Thread):
    """Writes marks into the followed files all the time."""

    def __init__(self, folder, files):
        super().__init__(daemon=True)
        self.files = [open(folder / f"live{i}.ndjson", "a", buffering=1) for i in range(files)]
        self.ended = threading.Event()
        self.count = 0

    def run(self):
        while not self.ended.wait(APPEND_EVERY):
            self.count += 1
            self.files[self.count % len(self.files)].write(line(0, LAST_SECOND, -self.count))


def newest(n, view):
    """The number of the newest record that the view shows; 0: none, or the node does not answer for the shards."""
    status, answer = n.ask(f"/v1/views/{view}/rows", limit=8, order="newest")
    return max((-int(row["v"]) for row in answer["items"]), default=0) if status == 200 else 0


def role(n):
    status, answer = n.ask("/v1/status")
    return answer["cluster"]["role"] if status == 200 else None


def copied(n):
    return n.ask("/readyz")[0] == 200 and role(n) == "standby"


def is_current(n, writer):
    """Both pipelines show what was written a moment ago: nothing of an earlier takeover, or of the keys, is on its
    way."""
    written = writer.count
    time.sleep(CURRENT_WITHIN)
    return all(newest(n, view) > written for view in ("marks", "same"))


def take_over(owner, standby, writer):
    """Kills the owner; seconds until the other shows itself as owner, and until it shows a record that was written
    after the kill: in the view of the small pipeline, and in that of the pipeline that holds the keys."""
    took = {}
    written = writer.count
    begun = time.monotonic()
    owner.kill()
    while len(took) < 3 and time.monotonic() < begun + 60:
        if "noticed_s" not in took and role(standby) == "owner":
            took["noticed_s"] = time.monotonic() - begun
        for what, view in (("first_result_s", "marks"), ("with_state_s", "same")):
            if what not in took and newest(standby, view) > written:
                took[what] = time.monotonic() - begun
    return took


def prepare(options, shards):
    app = f"takeover-{int(time.time())}-{shards}"
    first = node("", {"windows.sql": STREAM, "marks.sql": MARKS})
    second = node("")
    folder = first.folder
    for i in range(shards):
        with open(folder / f"keys{i}.ndjson", "w") as out:
            for key in range(i, options.keys, shards):
                out.write(line(key, key * LAST_SECOND // options.keys, key % 1000))
        (folder / f"live{i}.ndjson").write_text("")
    sources = "".join(SOURCE.format(i=i, folder=folder) for i in range(shards))
    for n, name in ((first, "first"), (second, "second")):
        n.write("config.toml", CONFIG.format(app=app, name=name, shards=shards, groups=options.keys, folder=folder)
                + sources + log_section(options.kafka))
        n.patience = 300
    return first, second


def run(options, shards):
    first, second = prepare(options, shards)
    with first, second:
        first.start()
        wait_until("every key is a group", seconds=600, pause=0.2, true=lambda: (
            first.pipeline("windows")["lag"] == 0
            and sum(first.source(f"keys{i}")["records"] for i in range(shards)) >= options.keys))
        second.start()
        wait_until("the standby has its copy", lambda: copied(second), seconds=300, pause=0.2)
        writer = appender(first.folder, shards)
        writer.start()
        owner, standby, rounds = first, second, []
        for _ in range(options.rounds):
            wait_until("the owner is current", lambda: is_current(owner, writer), seconds=300)
            time.sleep(3)
            took = take_over(owner, standby, writer)
            rounds.append(took)
            print(json.dumps({"shards": shards, **{k: round(v, 3) for k, v in took.items()}}), flush=True)
            owner.start()
            wait_until("the killed one stands by", lambda: copied(owner), seconds=300, pause=0.2)
            owner, standby = standby, owner
        writer.ended.set()
    for what in ("noticed_s", "first_result_s", "with_state_s"):
        times = sorted(t.get(what, float("inf")) for t in rounds)
        print(json.dumps({"shards": shards, "keys": options.keys, "n": len(times), "what": what,
                          "median": round(statistics.median(times), 3), "worst": round(times[-1], 3)}), flush=True)


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--node", required=True, help="the weir-node program")
    given.add_argument("--kafka", required=True, help="the brokers, host:port")
    given.add_argument("--keys", type=int, default=1_000_000, help="groups of state (default: %(default)s)")
    given.add_argument("--shards", type=int, nargs="*", default=[1, 8], help="shards (default: 1 8)")
    given.add_argument("--rounds", type=int, default=20, help="takeovers of each (default: %(default)s)")
    options = given.parse_args()
    programs.node = str(pathlib.Path(options.node).resolve())
    for shards in options.shards:
        run(options, shards)
