"""kill -9 of a node at random moments while files grow, clients POST and a broker delivers, all at once: in the end the
stream holds what each way guarantees, and the views hold what the stream says.

WEIR_KILLS=200 is the long form; WEIR_KILL_SEED=n makes the same choices again."""

import os
import random
import time
import unittest

from mixed_load import mixed_load
from mqtt_broker import require_mosquitto
from node_process import run_tests

KILLS = int(os.environ.get("WEIR_KILLS", "20"))
SEED = int(os.environ.get("WEIR_KILL_SEED", time.time_ns() // 1000 % 1_000_000))


class kills_under_load(unittest.TestCase):
    maxDiff = 4000

    def live_and_die(self, load, moments):
        """One life. Most end at work, some while the node starts and recovers. Answers whether it was at work."""
        n, at_work = load.node, moments.random() < 0.7
        began = time.monotonic()
        if at_work:
            n.start()
            self.start_s = time.monotonic() - began
            time.sleep(moments.uniform(0, 1))
        else:
            n.launch()
            time.sleep(moments.uniform(0, 1.2 * self.start_s))
        self.assertIsNone(n.exit_code(), "nothing but the kill ends it")
        n.kill()
        return at_work

    def test_a_node_killed_at_random_moments_under_every_load_keeps_every_guarantee(self):
        require_mosquitto()
        moments = random.Random(SEED)
        print(f"WEIR_KILL_SEED={SEED}", flush=True)
        with mixed_load(SEED) as load:
            load.node.start()
            load.begin()
            load.node.kill()
            self.start_s = 1.0
            at_work = sum(self.live_and_die(load, moments) for _ in range(KILLS - 1))
            load.node.start()
            print(f"{KILLS} kills, {at_work + 1} of them at work, the others during a start", flush=True)
            load.stop_sending()
            load.settle()
            load.check(self)
            self.assertGreaterEqual(load.follower.connections, 1)
            self.assertEqual(load.node.stop(), 0)


if __name__ == "__main__":
    run_tests()
