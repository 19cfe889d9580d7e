"""Bugs planted in the writer of a real node on Kafka: the checks of these suites see each of them. Needs the brokers
that WEIR_KAFKA names; part of tools/test --long (WEIR_PLANTED=1), since a bug takes its time to show."""

import os
import random
import sys
import time
import unittest

from deployment import CONFIG, answers_in_the_end, life
from kafka_brokers_test import CLIENTS, CONFIG as POSTED_CONFIG, SQL as POSTED_SQL, committed_of
from kafka_cluster import PATIENCE, given_cluster, log_section, named, run_tests_on_kafka
from node_process import node, wait_until
from posting_client import client

OUTPUTS_WITH_POSITIONS, POSITIONS_WITH_OUTPUTS, UNKNOWN_OUTCOMES = 27, 28, 8
TRIES, READY_SECONDS = 12, 60


class planted(answers_in_the_end, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = given_cluster()
        # The first transaction makes the brokers' topic of transactions, which takes longer than some nodes here wait.
        with life(named(CONFIG, f"x{os.getpid()}first") + log_section(cls.kafka.servers)).node as n:
            n.patience = PATIENCE
            n.start()
            n.stop(60)

    def wrong_answer(self, name, rule):
        """What check_in_the_end says of a node that is killed between the two halves of what should be one commit."""
        config = named(CONFIG, f"x{os.getpid()}{name}") + log_section(self.kafka.servers)
        with (deployment := life(config)).node as n:
            n.patience = PATIENCE
            faults = {"WEIR_RULE_OFF": str(rule)} if rule else {}
            for passage in range(5, 12):  # two shards pass here: some of these are between the two halves of a commit
                deployment.live_until_killed(PATIENCE, WEIR_KILL_AT=f"writer.after_log_commit:{passage}", **faults)
            n.patience = READY_SECONDS
            try:
                n.start(**faults)
                self.check_in_the_end(deployment, READY_SECONDS if rule else 2 * PATIENCE, stop=False)
            except AssertionError as wrong:
                return str(wrong)
            return ""

    def test_outputs_and_positions_in_two_transactions_are_seen_in_either_order(self):
        self.assertEqual(self.wrong_answer("none", None), "")
        # Which answer is the first to be wrong, or that the node comes to a stop, depends on the moment.
        doubled = self.wrong_answer("outputs", OUTPUTS_WITH_POSITIONS)
        print("outputs without positions:", doubled, flush=True)
        self.assertNotEqual(doubled, "")
        lost = self.wrong_answer("positions", POSITIONS_WITH_OUTPUTS)
        print("positions without outputs:", lost, flush=True)
        self.assertNotEqual(lost, "")

    def test_a_commit_that_counts_as_done_when_its_answer_fails_to_come_loses_what_clients_were_told(self):
        """Each try kills the broker at a random moment under load; the bug shows when that is the end of a commit."""
        choice = random.Random(8)
        for tried in range(1, TRIES + 1):
            lost = self.lost_records(f"x{os.getpid()}unknown{tried}", choice)
            print(f"commit done on timeout, try {tried}: {lost} records lost", flush=True)
            if lost:
                return
        self.fail(f"{TRIES} tries lost nothing")

    def lost_records(self, app, choice):
        log = log_section(self.kafka.servers, timeout="1 s")
        config = POSTED_CONFIG.replace('app = "three"', f'app = "{app}"')
        with node(config + log, {"main.sql": POSTED_SQL}) as n:
            n.patience = PATIENCE
            n.start(WEIR_RULE_OFF=str(UNKNOWN_OUTCOMES))
            clients = [client(n, i) for i in range(CLIENTS)]
            for one in clients:
                one.start()
            time.sleep(2 + choice.random())
            self.kafka.call("kill", "1")
            self.kafka.call("start")
            for one in clients:
                one.over.set()
            for one in clients:
                one.join(PATIENCE)
            wait_until("the node is ready", lambda: n.ask("/readyz")[0] == 200, PATIENCE, pause=0.2)
            n.stop(60)
            rows = committed_of(self.kafka, f"{app}.view.echo", sum(one.taken for one in clients))
        told = {(one.number, i) for one in clients for i in range(one.taken)}
        return len(told - rows.keys())


if __name__ == "__main__":
    if os.environ.get("WEIR_PLANTED", "") != "1":
        print("WEIR_PLANTED=1 runs it; tools/test --long does")
        sys.exit(77)
    run_tests_on_kafka()
