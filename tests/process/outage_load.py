"""Load that goes on while a node's log is away: clients that push by POST and an instrument that is pulled from."""

import time

from node_process import wait_until
from posting_client import client

SQL = """
CREATE TABLE posts (client bigint NOT NULL, n bigint NOT NULL) WITH (format = 'json');
CREATE TABLE camera (image text NOT NULL, probability double precision) WITH (format = 'json');
CREATE MATERIALIZED VIEW post_totals WITH (max_rows = 1000) AS
  SELECT client, count(*) AS records, sum(n) AS total FROM posts GROUP BY client;
CREATE MATERIALIZED VIEW camera_totals WITH (max_rows = 1000) AS
  SELECT source, count(*) AS records FROM camera GROUP BY source;
"""
CLIENTS = 4
CAMERA_RATE, CAMERA_RECORDS = 5_000, 150_000  # per second, and in all: some are left when an outage begins


class outage_load:
    """Give its `config` and `files` to the node before it starts."""

    files = {"load.sql": SQL}

    def __init__(self):
        self.config = f"""
[[pipeline]]
name = "load"
file = "load.sql"
[[source]]
name = "pulse"
stream = "camera"
connector = "simulate"
instrument = "sock-camera"
rate = "{CAMERA_RATE}"
count = "{CAMERA_RECORDS}"
"""
        self.clients = []

    def start(self, n):
        self.clients = [client(n, i, "posts", timeout=5) for i in range(CLIENTS)]
        for one in self.clients:
            one.start()

    def refused(self):
        return [sum(one.refusals.values()) for one in self.clients]

    def taken(self):
        return [one.taken for one in self.clients]

    def check_in_the_end(self, test, n, seconds):
        """Every record that was answered, and every one of the camera, counts once."""
        for one in self.clients:
            one.over.set()
        for one in self.clients:
            one.join(seconds)
        test.assertFalse(any(one.is_alive() for one in self.clients), "a client was never answered")
        statuses = set().union(*(one.refusals for one in self.clients))
        test.assertLessEqual(statuses, {0, 503})  # no answer in time, or the advice to come again
        wait_until("the camera's records are taken", seconds=seconds, pause=0.5, true=lambda: (
            n.source("pulse")["records"] + n.source("pulse")["dead_letters"] == CAMERA_RECORDS))
        wait_until("the views have them", seconds=seconds, pause=0.1, true=lambda: n.pipeline("load")["lag"] == 0)
        time.sleep(0.2)  # what comes twice would come now
        posted = sorted((r["client"], r["records"], r["total"]) for r in n.rows("post_totals"))
        test.assertEqual(posted, [(one.number, one.taken, one.taken * (one.taken - 1) // 2) for one in self.clients])
        test.assertEqual([r["records"] for r in n.rows("camera_totals")], [n.source("pulse")["records"]])
