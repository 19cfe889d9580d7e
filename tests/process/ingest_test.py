"""A record that ends the process while ingest decodes it, and one of which ingest does not come back."""

import signal
import time
import unittest

from node_process import run_tests, wait_until
from operator_test import CONFIG, MOST_STARTS, POISON, deployment

# Each attempt costs a restart of the shard, in the process that goes on.
PATIENT = CONFIG.replace("[supervision]", '[supervision]\nrestart_budget = 30\nrestart_max = "200 ms"')


class ingest(unittest.TestCase):
    def poisoned(self):
        d = deployment(PATIENT)
        d.grow(100)
        d.grow(40, poison=True)
        d.grow(30)
        self.addCleanup(d.node.__exit__, None, None, None)
        return d

    def has_letter(self, d):
        status, letters = d.node.ask("/v1/dead_letters/readings")
        return status == 200 and letters["items"]

    def check_all_but_the_poison(self, d, last):
        n = d.node
        rows, totals = d.expected(POISON)
        wait_until("all rows are there", pause=0.1, true=lambda: all(
            n.view(p + "_rows")["rows"] >= len(rows) and n.pipeline(p)["lag"] == 0 for p in ("sick", "well")))
        time.sleep(0.2)  # what comes twice would come now
        for pipeline in ("sick", "well"):
            self.assertEqual(d.answers(pipeline), (rows, totals))
        place = next(i for i, text in enumerate(d.lines["grows"]) if POISON in text)
        stream = sorted((r["source"], r["sequence"]) for r in n.records("readings"))
        self.assertEqual(stream, sorted((s, i) for s, lines in d.lines.items() for i in range(len(lines))
                                        if (s, i) != ("grows", place)))
        letters = n.letters("readings")
        self.assertEqual([(i["source"], i["sequence"]) for i in letters], [("grows", place)])
        self.assertEqual(letters[0]["record"], d.lines["grows"][place])
        self.assertIn("poison", letters[0]["reason"])
        self.assertIn(last, letters[0]["reason"])
        self.assertEqual(n.ask("/readyz")[0], 200)

    def test_a_record_that_crashes_ingest_becomes_a_dead_letter_after_some_restarts(self):
        d = self.poisoned()
        deaths = 0
        while deaths < MOST_STARTS:
            d.node.launch(WEIR_CRASH_ON=f":{POISON}")
            wait_until("it ends, or has a dead letter", seconds=60, true=lambda: (
                d.node.exit_code() is not None or self.has_letter(d)))
            if d.node.exit_code() is None:
                break
            self.assertEqual(d.node.wait_for_death(1), -signal.SIGSEGV, d.node.log_text())
            deaths += 1
        print(f"crashes: {deaths}", flush=True)
        self.assertGreater(deaths, 0)
        self.assertLess(deaths, MOST_STARTS, "the node dies of this record again and again")
        d.grow(30)
        self.check_all_but_the_poison(d, last="the process ended")
        self.assertEqual(d.node.stop(), 0)
        d.node.start()  # no longer a suspect, and nothing enters again
        d.grow(30)
        self.check_all_but_the_poison(d, last="the process ended")
        self.assertEqual(d.node.stop(), 0)

    def test_a_record_of_which_ingest_does_not_come_back_becomes_a_dead_letter(self):
        d = self.poisoned()
        d.node.start(ready=False, WEIR_HANG_ON=f":{POISON}")
        wait_until("the record is a dead letter", seconds=120, pause=0.1, true=lambda: self.has_letter(d))
        d.grow(30)
        self.check_all_but_the_poison(d, last="did not come back")
        self.assertGreater(d.node.get("/v1/status")["pool"]["hung"], 1)
        d.node.stop()


if __name__ == "__main__":
    run_tests()
