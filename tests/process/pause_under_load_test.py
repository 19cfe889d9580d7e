"""SIGSTOP of a node under every load, for longer than anything that waits for it or watches it, then SIGCONT: nothing
is lost, nothing comes twice, and sources, pipelines and clients go on in the same process."""

import signal
import time
import unittest

from mixed_load import mixed_load
from mqtt_broker import require_mosquitto
from node_process import run_tests, wait_until

PAUSES, PAUSE_S = 5, 3.0
# Below the pause: what the node gives its jobs and its clients; a second of MQTT's keep alive; the clients' patience.
EXTRA = {"node": 'stall_timeout = "500 ms"', "mqtt": 'keep_alive = "1 s"',
         "gateway": 'header_timeout = "1 s"\nidle_timeout = "2 s"\nwrite_timeout = "1 s"'}
AT_WORK = ("running", "waiting")


class pauses_under_load(unittest.TestCase):
    maxDiff = 4000

    def check_all_at_work(self, load):
        n = load.node
        self.assertIsNone(n.exit_code())
        wait_until("the node is ready", seconds=60, true=lambda: n.ask("/readyz")[0] == 200)
        wait_until("every source is at work", seconds=60, true=lambda: all(
            s["state"] in AT_WORK for s in n.get("/v1/sources")["items"] if s["connector"] != "http"))
        before = load.counted()
        wait_until("every sender's records are counted on", seconds=60, true=lambda: all(
            load.counted().get(s.name, 0) > before.get(s.name, 0) for s in load.senders))
        self.assertEqual(n.pipeline("main")["state"], "running", n.pipeline("main"))

    def test_a_node_that_stood_still_goes_on_as_if_nothing_had_been(self):
        require_mosquitto()
        with mixed_load(1, client_timeout=1, extra=EXTRA) as load:
            load.node.start()
            load.begin()
            process = load.node.process
            for _ in range(PAUSES):
                self.check_all_at_work(load)
                process.send_signal(signal.SIGSTOP)
                time.sleep(PAUSE_S)
                process.send_signal(signal.SIGCONT)
            self.check_all_at_work(load)
            load.stop_sending()
            load.settle()
            load.check(self)
            self.assertIs(load.node.process, process)
            self.assertNotIn("hung", load.node.log_text())
            self.assertEqual(load.node.stop(), 0)


if __name__ == "__main__":
    run_tests()
