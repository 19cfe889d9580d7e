"""Power that goes: the node's data lies on an ext4 in a file, which from a random moment on takes nothing any more, so
that all is lost that was not synced; the machine then boots anew. With durability = "power" whatever was answered is
there. With "process" the last commits may be gone: what stands is a beginning of what was answered, state that is ahead
of it is built again, and who holds a position behind it is told so.

WEIR_CUTS=50 is the long form; WEIR_CUT_SEED=n makes the same choices again."""

import json
import os
import random
import time
import unittest

from mixed_load import mixed_load
from mqtt_broker import require_mosquitto
from node_process import node, wait_until
from own_mounts import ext4_disk, require_ext4, run_tests_with_own_mounts
from posting import send
from raw_client import raw_client

CUTS = int(os.environ.get("WEIR_CUTS", "6"))
SEED = int(os.environ.get("WEIR_CUT_SEED", time.time_ns() // 1000 % 1_000_000))
SIZE_MIB = 2048
JOURNAL_S = 300  # longer than a test: what is not synced is lost


class powered:
    """A node's power: its data is on a disk of its own."""

    lost = 0

    def __init__(self, n):
        self.node = n
        self.disk = n.disk = ext4_disk(n.folder / "data", SIZE_MIB, JOURNAL_S)

    def lose_power(self):
        self.lost += 1
        self.disk.cut()
        self.node.kill()
        self.disk.power_up()

    def sync(self, folder):
        """What one of its databases has written so far comes to the disk, whatever the others have."""
        for path in (self.node.folder / "data" / folder).rglob("*"):
            if path.is_file():
                file = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(file)
                finally:
                    os.close(file)


class power_under_load(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        require_mosquitto()
        require_ext4()

    def lose_it_again_and_again(self, durability):
        moments = random.Random(f"{SEED} {durability}")
        print(f"WEIR_CUT_SEED={SEED}", flush=True)
        with mixed_load(SEED, durability=durability) as load:
            power = powered(load.node)
            load.node.start()
            load.begin()
            for _ in range(CUTS):
                time.sleep(moments.uniform(0, 2))
                if moments.random() < 0.5:  # one of the two may be far ahead of the other
                    power.sync(moments.choice(("log", "state")))
                power.lose_power()
                if moments.random() < 0.3:  # once more while it starts
                    load.node.launch()
                    time.sleep(moments.uniform(0, 1))
                    power.lose_power()
                load.node.start()
            load.stop_sending()
            load.settle()
            load.check(self, cuts=0 if durability == "power" else power.lost)
            self.assertEqual(load.node.stop(), 0)

    def test_with_durability_power_nothing_that_was_answered_is_lost(self):
        self.lose_it_again_and_again("power")

    def test_with_durability_process_what_stands_is_a_beginning_of_what_was_answered(self):
        self.lose_it_again_and_again("process")


CONFIG = """
[node]
shards = 2
[log]
durability = "process"
disk_reserve = "0 B"
[gateway]
port = 0
[[pipeline]]
name = "main"
file = "main.sql"
"""
SQL = """
CREATE TABLE readings (k bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW every AS SELECT k FROM readings;
CREATE MATERIALIZED VIEW tens WITH (max_rows = 1000) AS
  SELECT k / 10 AS ten, count(*) AS n FROM readings GROUP BY k / 10;
"""


class lost_ends(unittest.TestCase):
    KEPT, LOST = 100, 150

    def setUp(self):
        require_ext4()
        self.node = node(CONFIG, {"main.sql": SQL})
        self.power = powered(self.node)
        self.addCleanup(self.node.__exit__, None, None, None)
        self.node.start()

    def post(self, k):
        return send(self.node, f'{{"k":{k}}}\n', key=f"key-{k}", source="cam")

    def post_all(self, numbers):
        for k in numbers:
            self.assertEqual(self.post(k)[0], 200)
        wait_until("the views have them", lambda: len(self.node.rows("every")) == numbers.stop)

    def follow(self, token):
        """The first message of a subscription."""
        client = raw_client(self.node)
        self.addCleanup(client.close)
        client.open_websocket()
        client.send_text({"op": "subscribe", "id": "a", "view": "every", "from": token})
        return client, client.read_text()

    def check_holds(self, numbers):
        n = self.node
        wait_until("the view has them", lambda: len(n.rows("every")) >= len(numbers))
        time.sleep(0.2)
        self.assertEqual(sorted(r["k"] for r in n.rows("every")), list(numbers))
        tens = [(ten, 10) for ten in range(len(numbers) // 10)]
        self.assertEqual(sorted((r["ten"], r["n"]) for r in n.rows("tens")), tens)
        client, message = self.follow("start")
        rows = []
        while len(rows) < len(numbers):
            rows += client.read_text().get("rows", [])
        self.assertEqual(sorted(r["k"] for r in rows), list(numbers))

    def test_state_ahead_of_the_log_is_rebuilt_and_positions_in_what_was_lost_are_refused(self):
        n = self.node
        self.post_all(range(self.KEPT))
        kept_token = self.follow("now")[1]["subscribed"]["token"]
        self.power.sync("log")
        self.post_all(range(self.KEPT, self.LOST))
        lost_token = self.follow("now")[1]["subscribed"]["token"]
        page = n.get("/v1/streams/readings/records", limit=10)["next"]
        self.power.sync("state")
        self.power.lose_power()
        n.start()
        self.check_holds(range(self.KEPT))
        refused = self.follow(lost_token)[1]
        self.assertEqual(refused["error"]["status"], 410, refused)
        self.assertIn("lost in a power failure", refused["error"]["detail"])
        self.assertIn("begin anew", refused["error"]["hint"])
        older = n.items("/v1/streams/readings/records", after=page)  # a list goes back, so it goes on with what stands
        self.assertEqual(sorted(json.loads(r["record"])["k"] for r in older), list(range(self.KEPT)))
        kept, message = self.follow(kept_token)
        self.assertIn("subscribed", message)
        # Lost with the records are their keys: a retry enters, once.
        self.assertTrue(self.post(self.KEPT - 1)[1]["repeated"])
        self.assertFalse(self.post(self.KEPT)[1]["repeated"])
        self.assertTrue(self.post(self.KEPT)[1]["repeated"])
        for k in range(self.KEPT + 1, self.LOST):
            self.assertEqual(self.post(k)[0], 200)
        self.check_holds(range(self.LOST))
        rows = []
        while len(rows) < self.LOST - self.KEPT:
            rows += kept.read_text().get("rows", [])
        self.assertEqual(sorted(r["k"] for r in rows), list(range(self.KEPT, self.LOST)))
        self.assertEqual(n.stop(), 0)

    def test_a_node_that_ended_in_good_order_has_lost_nothing_when_the_power_goes(self):
        self.post_all(range(self.KEPT))
        token = self.follow("now")[1]["subscribed"]["token"]
        self.assertEqual(self.node.stop(), 0)
        self.power.lose_power()
        self.node.start()
        self.check_holds(range(self.KEPT))
        self.assertIn("subscribed", self.follow(token)[1])
        self.assertTrue(self.post(self.KEPT - 1)[1]["repeated"])
        self.assertEqual(self.node.stop(), 0)


if __name__ == "__main__":
    run_tests_with_own_mounts()
