"""Clients that never read, read or send a byte a second, send half a header, or come in thousands: each is cut off and
counted, and meanwhile commits go on and another client's live rows come."""

import json
import re
import resource
import socket
import threading
import time
import unittest

from node_process import node, run_tests, wait_until
from raw_client import raw_client

MOST_CONNECTIONS = 300
CONFIG = f"""
[node]
shards = 2
worker_threads = 2
[log]
disk_reserve = "0 B"
[supervision]
watch_interval = "50 ms"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[gateway]
port = 0
max_connections = {MOST_CONNECTIONS}
header_timeout = "1 s"
idle_timeout = "15 s"
write_timeout = "1 s"
[[pipeline]]
name = "main"
file = "main.sql"
[[source]]
name = "grows"
stream = "readings"
connector = "file"
path = "in/grows.ndjson"
follow = "true"
"""

MAIN = """
CREATE TABLE readings (id bigint NOT NULL, pad text) WITH (format = 'json');
CREATE MATERIALIZED VIEW rows AS SELECT id, pad FROM readings;
CREATE MATERIALIZED VIEW ids AS SELECT id FROM readings;
"""

MANY = 6000  # rows of 2 KB: more than any socket's buffers take
SLOW = 8  # seconds in which a row must reach the good client, whatever others do, on a busy machine


class good_client(threading.Thread):
    """Follows the view of ids over a WebSocket and notes what came, and when."""

    def __init__(self, n):
        super().__init__(daemon=True)
        self.client = raw_client(n, timeout=60)
        self.client.open_websocket()
        self.client.send_text({"op": "subscribe", "id": "a", "view": "ids", "from": "now"})
        assert "subscribed" in self.client.read_text()
        self.seen, self.problem = {}, None

    def run(self):
        try:
            while True:
                for row in self.client.read_text().get("rows", []):
                    self.seen[row["id"]] = time.monotonic()
        except (OSError, ConnectionError) as ended:
            self.problem = ended


class clients(unittest.TestCase):
    def setUp(self):
        self.node = node(CONFIG, {"main.sql": MAIN, "in/grows.ndjson": ""})
        self.addCleanup(self.node.__exit__, None, None, None)
        self.node.start()
        self.written = 0
        self.bad = []
        self.addCleanup(lambda: [each.close() for each in self.bad])

    def grow(self, count, pad=0):
        with open(self.node.folder / "in" / "grows.ndjson", "a") as file:
            for _ in range(count):
                file.write(json.dumps({"id": self.written, "pad": f"{self.written:08x}" * (pad // 8)}) + "\n")
                self.written += 1

    def fill(self):
        self.grow(MANY, pad=2000)
        wait_until("the rows are there", lambda: self.node.view("rows")["rows"] == MANY, seconds=60)

    def metric(self, name):
        found = re.search(rf"^{name} (\S+)$", self.node.get("/metrics"), re.MULTILINE)
        return float(found[1])

    def open_bad(self, **options):
        client = raw_client(self.node, **options)
        self.bad.append(client)
        return client

    def nobody_is_hurt(self, good, rounds=4):
        """Rows come through to the good client one by one, and it is answered."""
        for _ in range(rounds):
            first = self.written
            began = time.monotonic()
            self.grow(5)
            wait_until("its rows come", lambda: all(i in good.seen for i in range(first, self.written)), seconds=SLOW)
            self.assertLess(time.monotonic() - began, SLOW)
            self.assertIsNone(good.problem)
        self.assertEqual(self.node.ask("/livez")[0], 200)

    def commits(self):
        return sum(each["commits"] for each in self.node.get("/v1/status")["shards"])

    def start_good(self):
        good = good_client(self.node)
        self.addCleanup(good.client.close)
        good.start()
        return good

    def test_clients_that_never_read_are_cut_off(self):
        self.fill()
        good, commits = self.start_good(), self.commits()
        before = self.metric("weir_gateway_cut_off_clients_total")
        for _ in range(5):
            ws = self.open_bad(receive_buffer=4096)
            ws.open_websocket()
            ws.send_text({"op": "subscribe", "id": "a", "view": "rows", "from": "start"})
            self.open_bad(receive_buffer=4096).request("GET", "/v1/views/rows/live?from=start")
            self.open_bad(receive_buffer=4096).request("GET", f"/v1/views/rows/rows?limit={MANY}")
        self.nobody_is_hurt(good)
        wait_until("all are counted as cut off", seconds=30, true=lambda: (
            self.metric("weir_gateway_cut_off_clients_total") >= before + 15))
        for each in self.bad:
            wait_until("its connection has ended", each.is_cut_off)
        self.assertGreater(self.commits(), commits)
        self.nobody_is_hurt(good)

    def test_clients_that_read_a_byte_a_second_are_cut_off(self):
        self.fill()
        good = self.start_good()
        before = self.metric("weir_gateway_cut_off_clients_total")
        ws = self.open_bad(receive_buffer=4096)
        ws.open_websocket()
        ws.send_text({"op": "subscribe", "id": "a", "view": "rows", "from": "start"})
        self.open_bad(receive_buffer=4096).request("GET", "/v1/views/rows/live?from=start")
        self.open_bad(receive_buffer=4096).request("GET", f"/v1/views/rows/rows?limit={MANY}")
        end = time.monotonic() + 30
        while self.metric("weir_gateway_cut_off_clients_total") < before + 3:
            self.assertLess(time.monotonic(), end, "they are still there")
            for each in self.bad:
                try:
                    each.socket.recv(1)
                except OSError:
                    pass
            self.nobody_is_hurt(good, rounds=1)
            time.sleep(1)

    def test_headers_and_bodies_that_come_too_slowly_end_with_their_time(self):
        good = self.start_good()
        before = self.metric("weir_gateway_timeouts_total")
        for _ in range(10):
            self.open_bad().send(b"GET /v1/status HTTP/1.1\r\nHost: loc")
        drips = [self.open_bad() for _ in range(5)]
        for each in drips:
            each.request("POST", "/v1/sql", ["Content-Type: application/json", "Content-Length: 50"])
        end = time.monotonic() + 60  # a body has 30 s
        while self.metric("weir_gateway_timeouts_total") < before + 15:
            self.assertLess(time.monotonic(), end, "they are still waited for")
            for each in drips:
                try:
                    each.send(b" ")
                except OSError:
                    pass
            self.nobody_is_hurt(good, rounds=1)
            time.sleep(1)
        for each in self.bad:
            wait_until("its connection has ended", each.is_cut_off)

    def test_ten_thousand_connections_are_refused_counted_and_gone_again(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        count = min(10_000, hard - 200)
        good, commits = self.start_good(), self.commits()
        address = good.client.socket.getpeername()
        sockets = []
        self.addCleanup(lambda: [each.close() for each in sockets])
        for i in range(count):
            each = socket.socket()
            sockets.append(each)
            each.settimeout(20)
            each.connect(address)
            if i % 2:
                each.send(b"GET /livez HTTP/1.1\r\n")
        print(f"{count} connections were opened", flush=True)
        first = self.written
        self.grow(20)
        wait_until("the good client's rows come", seconds=SLOW, true=lambda: (
            all(i in good.seen for i in range(first, self.written))))
        wait_until("a new client is served again", seconds=60, true=lambda: self.node.ask("/livez")[0] == 200)
        refused = self.metric("weir_gateway_connections_refused_total")
        self.assertGreater(refused, count / 2)
        self.assertLessEqual(self.metric("weir_gateway_connections"), MOST_CONNECTIONS + 32)
        self.assertGreater(self.commits(), commits)
        self.nobody_is_hurt(good)


if __name__ == "__main__":
    run_tests()
