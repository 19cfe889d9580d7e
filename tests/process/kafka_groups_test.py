"""Where pipelines stand, as Kafka's own kafka-consumer-groups shows it. Needs the brokers that WEIR_KAFKA names."""

import os
import time
import unittest

from deployment import CONFIG, life
from kafka_cluster import PATIENCE, given_cluster, log_section, named, run_tests_on_kafka
from node_process import wait_until

APP = f"g{os.getpid()}"


class groups(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kafka = given_cluster()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.drop_topics(f"{APP}.\\..*")

    def deployment(self, kind, **more):
        self.app = APP + kind
        made = life(named(CONFIG, self.app) + log_section(self.kafka.servers, **more))
        made.node.patience = PATIENCE
        return made

    def lags(self, pipeline):
        return self.kafka.lags(f"{self.app}.{pipeline}")

    def wait_for_no_lag(self, pipeline, topics):
        def done():
            lags = self.lags(pipeline)
            return {topic for topic, _ in lags} == topics and all(lag == 0 for _, _, lag in lags.values()) and lags
        try:
            return wait_until(f"{pipeline} has no lag", done, PATIENCE, pause=0.3)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.lags(pipeline)}") from None

    def test_kafkas_own_command_shows_every_pipeline_its_topics_and_its_lag(self):
        with (deployment := self.deployment("a")).node as n:
            stream = f"{self.app}.stream.readings"
            n.start()
            n.kill()  # the positions that it goes on from are those of the log
            n.start()
            passed = self.wait_for_no_lag("totals", {stream})
            shuffles = {topic for topic, _ in self.lags("windows")} - {stream}
            self.assertTrue(shuffles and all(t.startswith(f"{self.app}.shuffle.windows.") for t in shuffles), shuffles)
            self.wait_for_no_lag("windows", {stream} | shuffles)
            self.assertGreater(sum(end for _, end, _ in passed.values()), 0)
            for _ in range(40):
                deployment.grow(25)
                time.sleep(0.01)
            further = wait_until("the totals' offsets go on", lambda: (lags := self.lags("totals")) and sum(
                o for o, _, _ in lags.values()) > sum(o for o, _, _ in passed.values()) and lags, PATIENCE)
            self.assertTrue(all(0 <= offset <= end for offset, end, _ in further.values()), further)
            self.wait_for_no_lag("totals", {stream})
            self.assertEqual(n.stop(), 0)

    def test_a_pipeline_that_hangs_at_a_record_shows_a_lag_that_grows(self):
        with (deployment := self.deployment("b", group_offsets="200 ms")).node as n:
            n.start()
            self.wait_for_no_lag("totals", {f"{self.app}.stream.readings"})
            n.kill()
            n.launch(WEIR_HANG_ON="totals:hang")
            wait_until("it is ready", lambda: n.ask("/readyz")[0] == 200, PATIENCE)
            deployment.append_lines(['{"at": "2024-01-01T00:10:00Z", "k": "hang", "v": 1}'])
            for _ in range(40):
                deployment.grow(25)
                time.sleep(0.01)
            wait_until("its lag is seen", lambda: any(lag > 0 for _, _, lag in self.lags("totals").values()), PATIENCE)
            n.kill()


if __name__ == "__main__":
    run_tests_on_kafka()
