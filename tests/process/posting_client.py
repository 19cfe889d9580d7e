"""A client that posts without end, each body again until it is taken."""

import collections
import json
import threading
import time

from posting import send

RECORDS = 20  # in each body


class client(threading.Thread):
    """Posts numbered records one body after another, each with its key; remembers when answers came."""

    def __init__(self, n, number, stream="readings", timeout=60):
        super().__init__(daemon=True)
        self.node, self.number, self.stream, self.timeout = n, number, stream, timeout
        self.taken, self.gap, self.refusals = 0, 0.0, collections.Counter()
        self.last, self.over = None, threading.Event()

    def run(self):
        while not self.over.is_set():
            body = "".join(json.dumps({"client": self.number, "n": i}) + "\n"
                           for i in range(self.taken, self.taken + RECORDS))
            while True:
                status, _ = send(self.node, body, self.stream, key=f"{self.number}-{self.taken}",
                                 source=f"client{self.number}", timeout=self.timeout)
                if status == 200:
                    break
                self.refusals[status] += 1
                time.sleep(0.02)
            now = time.monotonic()
            if self.last is not None:
                self.gap = max(self.gap, now - self.last)
            self.last = now
            self.taken += RECORDS

    def take_gap(self):
        gap, self.gap = self.gap, 0.0
        return gap
