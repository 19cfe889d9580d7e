"""The node's page in a real browser while its node is killed, stands still and loses power: the page says so, comes
back by itself, shows what stands and nothing else, and a reload shows the same."""

import signal
import threading
import time
import unittest

from browser import page, require_browser
from mqtt_broker import free_port
from node_process import node, wait_until
from own_mounts import ext4_disk, require_ext4, run_tests_with_own_mounts

CONFIG = """
[node]
shards = 2
[log]
disk_reserve = "0 B"
[commit]
interval_max = "20 ms"
[sources.file]
allow = ["in"]
poll_interval = "20 ms"
[gateway]
port = PORT
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
[[source]]
name = "rests"
stream = "readings"
connector = "file"
path = "in/rests.ndjson"
follow = "true"
"""
SQL = """
CREATE TABLE readings (n bigint NOT NULL) WITH (format = 'json');
CREATE MATERIALIZED VIEW every AS SELECT n FROM readings;
"""
STATE = "document.querySelector('#node strong')?.textContent"
SOURCES = "Object.fromEntries([...document.querySelectorAll('.sources tbody tr')].map(" \
          "line => [line.cells[0].textContent, line.cells[2].textContent]))"
ROWS = "[...document.querySelectorAll('.rows tbody tr')].map(" \
       "line => Number(line.cells[0].textContent.replaceAll(',', '')))"
SHOWN_ROWS = 500  # of a table
AT_WORK = ("running", "waiting")


class growing_file(threading.Thread):
    """Writes 0, 1, 2, ... into the file that the node follows."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.written, self.over = path, 0, threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            with open(self.path, "a") as file:
                file.write(f'{{"n":{self.written}}}\n')
            self.written += 1

    def end(self):
        self.over.set()
        self.join()


class pages(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        require_browser()
        self.node = node(CONFIG.replace("PORT", str(free_port())),
                         {"main.sql": SQL, "in/grows.ndjson": "", "in/rests.ndjson": ""})
        self.addCleanup(self.node.__exit__, None, None, None)

    def begin(self):
        """The page is open, live, and shows rows as they come."""
        self.node.start()
        self.file = growing_file(self.node.folder / "in" / "grows.ndjson")
        self.file.start()
        self.addCleanup(self.file.end)
        at = self.node.address()
        self.page = page(f"{at['url']}/?token={at['token']}").__enter__()
        self.addCleanup(self.page.__exit__)
        self.wait_until_live()
        self.page.value("window.sameDocument = true")

    def say(self):
        return f"state {self.page.value(STATE)}, sources {self.page.value(SOURCES)}, rows {self.page.value(ROWS)}"

    def wait(self, what, true, seconds=90):
        try:
            return wait_until(f"the page {what}", true, seconds=seconds, pause=0.1)
        except AssertionError as late:
            raise AssertionError(f"{late}; {self.say()}; {self.page.value('document.body.innerText')}") from None

    def wait_for_state(self, *states):
        self.wait(f"says {states}", lambda: self.page.value(STATE) in states)

    def wait_until_live(self):
        """Rows that are written from now on appear, and both sources are at work."""
        from_now = self.file.written
        self.wait_for_state("live")
        self.wait("shows new rows", lambda: any(n >= from_now for n in self.page.value(ROWS) or []))
        self.wait("shows the sources at work", lambda: (s := self.page.value(SOURCES)) and sorted(s) == [
            "grows", "rests"] and all(state in AT_WORK for state in s.values()))

    def check_by_itself_and_after_a_reload(self):
        self.wait_until_live()
        self.assertIs(self.page.value("window.sameDocument"), True, "it came back without a reload")
        self.file.end()
        wait_until("all is in the view", seconds=60, true=lambda: (
            len(self.node.rows("every")) >= self.file.written and self.node.pipeline("main")["lag"] == 0))
        stands = sorted(r["n"] for r in self.node.rows("every"))
        self.assertEqual(stands, list(range(self.file.written)), "each line once")
        shown = stands[-SHOWN_ROWS:]
        self.wait("shows what stands", lambda: sorted(self.page.value(ROWS) or []) == shown)
        self.page.reload()
        self.wait("has loaded anew", lambda: self.page.value("window.sameDocument") is not True)
        self.wait("shows what stands", lambda: sorted(self.page.value(ROWS) or []) == shown)
        self.wait_for_state("live")
        self.assertEqual(self.node.stop(), 0)

    def test_after_a_kill(self):
        self.begin()
        for _ in range(3):
            self.node.kill()
            self.wait_for_state("reconnecting", "node unreachable")
            self.node.start(ready=False)  # the page comes as soon as somebody listens
            self.wait_until_live()
        self.check_by_itself_and_after_a_reload()

    def test_after_a_stop_of_the_process(self):
        self.begin()
        self.node.process.send_signal(signal.SIGSTOP)
        self.wait_for_state("reconnecting", "node unreachable")
        time.sleep(1)
        self.node.process.send_signal(signal.SIGCONT)
        self.check_by_itself_and_after_a_reload()

    def test_after_a_loss_of_power(self):
        require_ext4()
        disk = self.node.disk = ext4_disk(self.node.folder / "data", 1024, commit_s=300)
        self.begin()
        disk.cut()
        self.node.kill()
        disk.power_up()
        # The page has seen rows that are lost, and its token lies behind them.
        self.wait_for_state("reconnecting", "node unreachable")
        self.node.start()
        self.check_by_itself_and_after_a_reload()


if __name__ == "__main__":
    run_tests_with_own_mounts()
