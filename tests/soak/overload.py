"""A node under twice the load that it can take, for as long as asked: memory stays flat, queues within their limits,
the sources are held back, and no record is lost or counted twice.

Usage: overload.py WEIR_NODE WEIR [--seconds 600]      (tools/test runs 40 seconds of it)

First the node's capacity is measured with sources that send as fast as they are let; then sources that
send twice that. Prints one line of JSON."""

import argparse
import json
import math
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "process"))
from node_process import node, programs, wait_until  # noqa: E402

SOURCES = 8  # at least
MOST_RATE = 1_000_000  # of one simulated source
MIB = 1 << 20
INGEST_QUEUE, TASK_QUEUE, CHUNK = 4 * MIB, 8 * MIB, MIB // 4
SHARDS = 2
CONFIG = f"""
[node]
shards = {SHARDS}
worker_threads = 2
log_level = "warning"
[log]
disk_reserve = "0 B"
retention_bytes = "20 GiB"
[limits]
ingest_queue = "{INGEST_QUEUE // MIB} MiB"
task_queue = "{TASK_QUEUE // MIB} MiB"
chunk_bytes = "{CHUNK // 1024} KiB"
[commit]
max_bytes = "4 MiB"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
"""
MAIN = """
CREATE TABLE camera (image text NOT NULL, probability double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS SELECT source, count(*) AS n FROM camera GROUP BY source;
"""


def add_sources(n, prefix, rate):
    """Sources that together send so many records a second."""
    count = max(SOURCES, math.ceil(rate / MOST_RATE))
    lines = [f'[[source]]\nname = "{prefix}-{i}"\nstream = "camera"\nconnector = "simulate"\n'
             f'instrument = "sock-camera"\nseed = "{i + 1}"\nrate = "{rate / count:.0f}"\n' for i in range(count)]
    n.write("sources.toml", "".join(lines))
    done = n.weir("source", "add", "--from", str(n.folder / "sources.toml"))
    if done.code != 0:
        raise AssertionError(done.err)


def sources_of(n, prefix):
    return [s for s in n.get("/v1/sources")["items"] if s["name"].startswith(prefix)]


def records(n, prefix):
    return sum(s["records"] for s in sources_of(n, prefix))


def metrics(n, name):
    return [float(v) for v in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", n.get("/metrics"), re.MULTILINE)]


def resident_mib(n):
    """Memory of the process's own; mapped files are the page cache's."""
    text = pathlib.Path(f"/proc/{n.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon")) / 1024


def pause(n, prefix):
    for s in sources_of(n, prefix):
        done = n.weir("source", "pause", s["name"])
        if done.code != 0:
            raise AssertionError(done.err)


def wait_until_all_is_in_the_view(n, seconds):
    def counted():
        """What was on its way when the sources were paused may still come."""
        accepted = {s["name"]: s["records"] for s in n.get("/v1/sources")["items"]}
        return {r["source"]: r["n"] for r in n.rows("totals")} == accepted and accepted

    wait_until("the pipeline has read all", lambda: n.pipeline("main")["lag"] == 0, seconds=seconds, pause=0.5)
    try:
        accepted = wait_until("every record is counted once", counted, seconds=60, pause=0.5)
    except AssertionError as wrong:
        raise AssertionError(f"{wrong}: {n.rows('totals')} {n.get('/v1/sources')}") from None
    for s in n.get("/v1/sources")["items"]:
        if s["records"] != json.loads(s["position"])["next"] or s["dead_letters"] != 0:
            raise AssertionError(f"not every record of {s['name']} was accepted: {s}")
    return sum(accepted.values())


def measure_capacity(n, seconds):
    add_sources(n, "probe", SOURCES * MOST_RATE)
    wait_until("the first records", lambda: records(n, "probe") > 0)
    time.sleep(2)
    first, began = records(n, "probe"), time.monotonic()
    time.sleep(seconds)
    capacity = (records(n, "probe") - first) / (time.monotonic() - began)
    pause(n, "probe")
    wait_until_all_is_in_the_view(n, 600)
    return capacity


def check_queues(n):
    ingest, tasks = max(metrics(n, "weir_shard_queue_bytes")), sum(metrics(n, "weir_pipeline_queue_bytes"))
    if ingest > INGEST_QUEUE + 2 * CHUNK or tasks > SHARDS * TASK_QUEUE:
        raise AssertionError(f"queues are over their limits: ingest {ingest}, tasks {tasks}")
    return ingest, tasks


def overload(n, seconds, rate):
    add_sources(n, "load", rate)
    began, samples, most_ingest, most_tasks = time.monotonic(), [], 0, 0
    while time.monotonic() - began < seconds:
        samples.append(resident_mib(n))
        ingest, tasks = check_queues(n)
        most_ingest, most_tasks = max(most_ingest, ingest), max(most_tasks, tasks)
        if n.ask("/livez")[0] != 200:
            raise AssertionError(f"the node is not live: {n.ask('/livez')}")
        time.sleep(1)
    passed = time.monotonic() - began
    accepted = records(n, "load")
    blocked = [s["blocked_s"] / passed for s in sources_of(n, "load")]
    if accepted > 0.8 * rate * passed:
        raise AssertionError(f"{accepted} records in {passed:.0f} s are no overload at {rate:.0f} a second")
    if min(blocked) < 0.1:
        raise AssertionError(f"a source was not held back: blocked for {blocked} of the time")
    third = len(samples) // 3
    warm, last = max(samples[third:2 * third]), max(samples[2 * third:])
    if last > 1.25 * warm + 32:
        raise AssertionError(f"memory grows: {warm:.0f} MiB, then {last:.0f} MiB: {samples}")
    return {"seconds": round(passed), "offered_per_s": round(rate), "accepted_per_s": round(accepted / passed),
            "rss_mib_middle_third": round(warm, 1), "rss_mib_last_third": round(last, 1),
            "most_ingest_queue_kib": round(most_ingest / 1024), "most_task_queue_kib": round(most_tasks / 1024),
            "blocked_share": round(sum(blocked) / len(blocked), 2), "lag_records": n.pipeline("main")["lag"]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("node")
    arguments.add_argument("weir")
    arguments.add_argument("--seconds", type=int, default=600)
    given = arguments.parse_args()
    programs.node, programs.weir = os.path.abspath(given.node), os.path.abspath(given.weir)
    with node(CONFIG, {"main.sql": MAIN}) as n:
        n.start()
        capacity = measure_capacity(n, min(30, given.seconds / 5))
        result = {"soak": "overload", "capacity_per_s": round(capacity), **overload(n, given.seconds, 2 * capacity)}
        pause(n, "load")
        result["records_counted_once"] = wait_until_all_is_in_the_view(n, 600 + given.seconds)
        if n.stop(60) != 0:
            raise AssertionError("the node did not end cleanly")
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
