"""A pipeline that is replaced again and again while its file grows and the node is killed (weir apply --replace).

WEIR_REPLACE_SEED=n makes the same choices again."""

import collections
import json
import os
import random
import time
import unittest

from node_process import node, run_tests, wait_until

CONFIG = """
[node]
shards = 2
[commit]
interval_min = "1 ms"
interval_max = "5 ms"
[supervision]
watch_interval = "50 ms"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
[[pipeline]]
name = "streams"
file = "streams.sql"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
"""

STREAMS = "CREATE TABLE readings (at timestamptz NOT NULL, id bigint NOT NULL, k text NOT NULL)" \
          " WITH (format = 'json', event_time = 'at');\n"
VIEWS = """
CREATE MATERIALIZED VIEW ids AS SELECT id, k FROM readings {where};
CREATE MATERIALIZED VIEW windows AS SELECT window_start, k, count(*) AS n
  FROM tumble(readings, interval '10 seconds') {where} GROUP BY window_start, k;
CREATE MATERIALIZED VIEW totals WITH (max_rows = 1000) AS SELECT k, count(*) AS n FROM readings {where} GROUP BY k;
"""
SEED = int(os.environ.get("WEIR_REPLACE_SEED", time.time_ns() // 1000 % 1_000_000))
ROUNDS, LINES = 8, 250


def window_of(i):
    return f"2024-01-01T00:{i // 60 % 60:02}:{i % 60 // 10 * 10:02}Z"


class growing:
    def __init__(self, n):
        self.path, self.next = n.folder / "in" / "grows.ndjson", 0

    def grow(self, lines):
        with open(self.path, "a", encoding="utf-8") as file:
            for i in range(self.next, self.next + lines):
                at = f"2024-01-01T00:{i // 60 % 60:02}:{i % 60:02}Z"
                file.write(json.dumps({"at": at, "id": i, "k": "abc"[i % 3]}) + "\n")
        self.next += lines


class replacements(unittest.TestCase):
    maxDiff = 4000

    def apply(self, n, sql):
        n.write("p.sql", sql)
        done = n.weir("apply", "p.sql", "--name", "p", "--replace")
        self.assertEqual(done.code, 0, done.err)

    def ids(self, n):
        return collections.Counter(row["id"] for row in n.rows("ids"))

    def totals(self, n):
        return {row["k"]: row["n"] for row in n.rows("totals")}

    def windows(self, n):
        return collections.Counter((row["window_start"], row["k"], row["n"]) for row in n.rows("windows"))

    def test_nothing_is_told_twice_or_left_out_through_kills(self):
        print(f"WEIR_REPLACE_SEED={SEED}", flush=True)
        moments = random.Random(SEED)
        with node(CONFIG, {"streams.sql": STREAMS}) as n:
            input = growing(n)
            input.grow(LINES)
            n.start()
            sql = VIEWS.format(where="")
            for round in range(ROUNDS):
                self.apply(n, sql + f"-- {round}\n")
                input.grow(LINES)
                time.sleep(moments.uniform(0, 0.2))
                if round % 2 == 0:
                    n.kill()
                    n.start()
            total = input.next
            counts = {k: len(range(i, total, 3)) for i, k in enumerate("abc")}
            wait_until("the table is complete", lambda: self.totals(n) == counts)
            wait_until("every record is there", lambda: len(self.ids(n)) == total)
            self.assertEqual(set(self.ids(n).values()), {1})

            # A window closes when the newest record is past it.
            closed = (total - 1) // 10 * 10
            expected = collections.Counter(
                (*key, count) for key, count in collections.Counter(
                    (window_of(i), "abc"[i % 3]) for i in range(closed)).items())
            wait_until("every window is there", lambda: self.windows(n).total() >= expected.total())
            self.assertEqual(self.windows(n), expected)

            # Another SQL: what was told stays, the table holds what it says now.
            self.apply(n, VIEWS.format(where="WHERE k <> 'a'"))
            wait_until("the table has no a", lambda: "a" not in self.totals(n))
            self.assertEqual(self.ids(n).total(), total)
            input.grow(300)
            counts = {k: len(range(i, input.next, 3)) for i, k in enumerate("abc") if k != "a"}
            wait_until("the table goes on", lambda: self.totals(n) == counts)
            wait_until("the rows go on", lambda: self.ids(n).total() == total + sum(
                i % 3 != 0 for i in range(total, input.next)))
            self.assertEqual(n.stop(), 0)


if __name__ == "__main__":
    run_tests()
