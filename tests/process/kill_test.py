"""kill -9 at every named kill point and at random moments: afterwards every answer is as if nothing had happened."""

import itertools
import random
import unittest

from deployment import answers_in_the_end, life
from node_process import run_tests

HITS = 10
# Which passage of its point ends each life. Not the first one over and over: what a process dies of that often, at the
# same place, becomes a dead letter.
PASSAGES = (3, 1, 8, 2, 14, 5, 1, 21, 4, 9)
OPEN_PASSAGES = (1, 2, 1, 2, 2, 1, 2, 1, 1, 2)
POINTS = ("ingest.before_accept", "ingest.after_accept", "ingest.after_cut", "task.before_process",
          "task.after_process", "task.after_cut", "writer.before_log_commit", "writer.after_log_commit",
          "writer.after_state_write", "open.after_fence", "open.after_restore", "attempt.after_count")


class kills(answers_in_the_end, unittest.TestCase):
    def test_a_node_killed_at_any_point_answers_as_if_it_had_not_been(self):
        for point in POINTS:
            with self.subTest(point=point), (deployment := life()).node:
                passages = itertools.cycle(OPEN_PASSAGES if point.startswith("open.") else PASSAGES)
                hits = lives = 0
                while hits < HITS and lives < 2 * HITS:  # not each life comes so far
                    passage = next(passages)
                    lives += 1
                    if point.startswith("attempt."):  # attempts are counted where a life before left work in flight
                        deployment.grow(400)
                        deployment.live_until_killed(WEIR_KILL_AT=f"writer.after_log_commit:{10 + passage}")
                        passage = 1
                    hits += deployment.live_until_killed(seconds=4, WEIR_KILL_AT=f"{point}:{passage}")
                print(f"{point}: killed there {hits} times in {lives} lives", flush=True)
                self.assertEqual(hits, HITS)
                self.check_in_the_end(deployment)

    def test_a_node_killed_at_random_moments_answers_as_if_it_had_not_been(self):
        moments = random.Random(4711)
        with (deployment := life()).node:
            for _ in range(HITS):
                self.assertFalse(deployment.live_until_killed(moments.uniform(0.03, 0.6)))
            self.check_in_the_end(deployment)


if __name__ == "__main__":
    run_tests()
