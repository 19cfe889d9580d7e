"""Files that grow, POST with and without keys, and MQTT with both qualities of service, all into one stream at once;
and what the stream and its views must hold of it in the end, by the guarantee of each way."""

import collections
import datetime
import json
import random
import re
import threading
import time

from live_follower import live_follower
from mqtt_broker import broker, free_port
from node_process import node, wait_until
from posting import send

EXACTLY_ONCE, AT_LEAST_ONCE, AT_MOST_ONCE = "exactly once", "at least once", "at most once"
LATENESS_MS = 500
LATE_EACH, LATE_BY_S = 53, 5  # every so many records is late, by so much
END_AHEAD_S = 3600  # so far ahead is the record that closes all windows at the end

SQL = f"""
CREATE TABLE readings (at timestamptz NOT NULL, sender text NOT NULL, n bigint NOT NULL)
  WITH (format = 'json', event_time = 'at', lateness = '{LATENESS_MS} ms');
CREATE MATERIALIZED VIEW windows AS
  SELECT window_start, sender, count(*) AS records, sum(n) AS total, max(n) AS last
  FROM tumble(readings, interval '1 second') GROUP BY window_start, sender;
CREATE MATERIALIZED VIEW source_windows AS
  SELECT window_start, source, count(*) AS records, sum(n) AS total
  FROM tumble(readings, interval '1 second') GROUP BY window_start, source;
CREATE MATERIALIZED VIEW senders WITH (max_rows = 1000) AS
  SELECT sender, count(*) AS records, sum(n) AS total FROM readings GROUP BY sender;
"""

FILES = ("file-a", "file-b")


def config(http_port, mqtt_port, durability, extra):
    files = "".join(f'[[source]]\nname = "{f}"\nstream = "readings"\nconnector = "file"\npath = "in/{f}.ndjson"\n'
                    'follow = "true"\n' for f in FILES)
    subscriptions = "".join(
        f'[[source]]\nname = "{name}"\nstream = "readings"\nconnector = "mqtt"\nurl = "mqtt://127.0.0.1:{mqtt_port}"\n'
        f'topic = "in/{name}"\nqos = "{qos}"\n{extra.get("mqtt", "")}\n' for name, qos in (("sensor", 1), ("gauge", 0)))
    return f"""
[node]
shards = 2
worker_threads = 2
{extra.get("node", "")}
[log]
durability = "{durability}"
disk_reserve = "0 B"
[commit]
interval_min = "1 ms"
interval_max = "10 ms"
[sources]
restart_min = "50 ms"
restart_max = "500 ms"
[sources.file]
allow = ["in"]
poll_interval = "10 ms"
[sources.mqtt]
allow = ["127.0.0.1:{mqtt_port}"]
[http]
quiet_after = "1 s"
[gateway]
port = {http_port}
{extra.get("gateway", "")}
[[pipeline]]
name = "main"
file = "main.sql"
from = "beginning"
{files}{subscriptions}"""


def stamp(ahead_s=0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def milliseconds(at):
    return int(datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp() * 1000 + 0.5)


class sender(threading.Thread):
    """Makes the records 0, 1, 2, ... and brings them one way or another, until it is told to stop."""

    guarantee, pause_s, ends = EXACTLY_ONCE, 0.02, 1

    def __init__(self, name, load):
        super().__init__(daemon=True)
        self.name, self.load = name, load
        self.choice = random.Random(f"{load.seed} {name}")
        self.made = 0
        self.copies = collections.Counter()  # of a record: how often it was sent, where that is more than once
        self.over, self.problem = threading.Event(), None

    def next_line(self):
        late = self.made % LATE_EACH == LATE_EACH - 1
        line = json.dumps({"at": stamp(-LATE_BY_S if late else 0), "sender": self.name, "n": self.made})
        self.made += 1
        return line

    def run(self):
        try:
            while not self.over.is_set():
                self.step()
                self.over.wait(self.pause_s * self.choice.uniform(0.2, 1.8))
            self.finish()
        except Exception as problem:  # whoever waits for this thread raises it
            self.problem = problem

    def finish(self):
        pass

    def wait(self, seconds=120):
        self.join(seconds)
        if self.problem is not None:
            raise self.problem
        assert not self.is_alive(), f"{self.name} has not come to an end after {seconds} s"


class file_sender(sender):
    rest = ""

    def step(self):
        text = self.rest + "".join(self.next_line() + "\n" for _ in range(self.choice.randint(1, 10)))
        cut = self.choice.choice((0, 0, 1, 20))  # a line may come in two pieces
        self.write(text[:len(text) - cut])
        self.rest = text[len(text) - cut:]

    def write(self, text):
        with open(self.load.node.folder / "in" / f"{self.name}.ndjson", "a") as file:
            file.write(text)

    def finish(self):
        self.write(self.rest)

    def end(self):
        self.write(self.load.end_line(self.name) + "\n")


class mqtt_sender(sender):
    qos, guarantee = 1, AT_LEAST_ONCE

    def __init__(self, name, load):
        super().__init__(name, load)
        self.publisher = load.broker.start_publishing(f"in/{name}", [], self.qos)

    def step(self):
        self.publisher.send(self.next_line())

    def finish(self):
        self.publisher.finish()

    def end(self):
        self.load.broker.publish(f"in/{self.name}", [self.load.end_line(self.name)], self.qos)


class fleeting_mqtt_sender(mqtt_sender):
    qos, guarantee = 0, AT_MOST_ONCE


class post_sender(sender):
    """With a key it comes again until it has its answer. source: None for the stream's virtual sources."""

    source, keyed, most = "camera", True, 12

    def step(self):
        first = self.made
        body = "".join(self.next_line() + "\n" for _ in range(self.choice.randint(1, self.most)))
        key = f"{self.name}-{first}" if self.keyed else None
        if key and self.choice.random() < 0.1:  # this client goes away before its answer comes
            self.post(body, key, read_answer=False)
        attempts = 1
        while (status := self.post(body, key)) != 200:
            assert status in (0, 500, 502, 503, 504), f"{self.name}: POST answered {status}"
            attempts += status != 503  # of that nothing stands
            time.sleep(0.02)
        if attempts > 1:
            self.copies.update({n: attempts for n in range(first, self.made)})

    def post(self, body, key, **how):
        return send(self.load.node, body, key=key, source=self.source, timeout=self.load.client_timeout, **how)[0]


    def end(self):
        line = self.load.end_line(self.name)
        assert self.post(line + "\n", None) == 200


class spread_sender(post_sender):
    source, ends = None, 16  # virtual sources: requests without a key take turns

    def end(self):
        for _ in range(self.ends):
            super().end()


class unkeyed_sender(post_sender):
    source, keyed, guarantee, most = "handheld", False, AT_LEAST_ONCE, 4


class mixed_load:
    """A node, its broker and everything that sends."""

    def __init__(self, seed, durability="process", client_timeout=20, extra=None):
        self.seed, self.client_timeout = seed, client_timeout
        self.broker = broker(persistent=False).start()  # it lives as long as the test
        self.node = node(config(free_port(), self.broker.port, durability, extra or {}),
                         {"main.sql": SQL, **{f"in/{f}.ndjson": "" for f in FILES}})
        self.senders, self.follower = [], None

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        for each in self.senders:
            each.over.set()
        if self.follower:
            self.follower.over.set()
        self.node.__exit__(*problem)
        self.broker.clean()

    def begin(self):
        """Senders and a follower of the windows, once the node serves."""
        self.senders = [*(file_sender(f, self) for f in FILES), mqtt_sender("sensor", self),
                        fleeting_mqtt_sender("gauge", self), post_sender("keyed", self),
                        spread_sender("spread", self), unkeyed_sender("unkeyed", self)]
        self.follower = live_follower(self.node, "windows", timeout=self.client_timeout)
        for thread in (*self.senders, self.follower):
            thread.start()

    def end_line(self, name):
        return json.dumps({"at": stamp(END_AHEAD_S), "sender": f"end of {name}", "n": 0})

    def stop_sending(self):
        """The node must run: whoever waits for an answer gets it first."""
        for each in self.senders:
            each.over.set()
        for each in self.senders:
            each.wait()

    def counted(self):
        """Records per sender, as the running table has them."""
        return {r["sender"]: r["records"] for r in self.node.rows("senders")}

    def settle(self):
        """Every source's last record closes every window; waits until all that came before it is in the views."""
        sure = [s for s in self.senders if s.guarantee != AT_MOST_ONCE]
        for each in sure:
            each.end()
        self.wait_for("every last record is counted", lambda c: all(
            c.get(f"end of {s.name}", 0) >= s.ends for s in sure))
        for each in set(self.senders) - set(sure):  # its last record may be lost too
            self.wait_for(f"{each.name} ends", pause=0.5, true=lambda c, name=each.name, end=each.end: (
                f"end of {name}" in c or end()))
        wait_until("nothing lags", lambda: self.node.pipeline("main")["lag"] == 0, seconds=60)

    def wait_for(self, what, true, pause=0.1):
        try:
            wait_until(what, lambda: true(self.counted()), seconds=120, pause=pause)
        except AssertionError as late:
            made = {s.name: s.made for s in self.senders}
            raise AssertionError(f"{late}; made {made}, counted {self.counted()}") from None


    def check(self, case, cuts=0):
        """`cuts`: how often power was lost that commits do not survive; each may take the last ones of what was
        answered."""
        n, stream = self.node, stream_of_records(self.node)
        case.assertEqual(n.letters("readings"), [])
        for each in self.senders:
            self.check_sender(case, each, stream.copies[each.name], cuts)
        self.check_view(case, "windows", stream.windows(), "window_start", "sender", "records", "total", "last")
        self.check_view(case, "source_windows", stream.source_windows(), "window_start", "source", "records", "total")
        self.check_view(case, "senders", stream.senders(), "sender", "records", "total")
        flagged = {i for i, r in enumerate(stream.records) if r["late"]}
        for view, places in (("windows", flagged), ("source_windows", stream.late_for_their_sources())):
            letters = sorted((r["source"], r["sequence"]) for r in n.late(view))
            check_equal(case, f"late for {view}", letters, stream.late(places))
            case.assertGreater(len(letters), 0)
        case.assertLess(len(flagged), len(stream.records) / 2, "most records are in their windows")
        case.assertEqual([n.letters(v) for v in ("windows", "source_windows", "senders")], [[], [], []])
        self.check_follower(case, n.rows("windows"), cuts)

    def check_sender(self, case, s, copies, cuts):
        invented = sorted(n for n in copies if n >= s.made)
        lost = [n for n in range(s.made) if n not in copies]
        again = {n: c for n, c in copies.items() if c > 1}
        print(f"  {s.name}: {s.made} sent, {s.guarantee}; {len(lost)} lost, {len(again)} came again", flush=True)
        case.assertEqual(invented, [], s.name)
        if cuts and not isinstance(s, file_sender):  # a file is still there, and its position is as old as its records
            ranges = sum(after != before + 1 for before, after in zip([-2, *lost], lost))
            case.assertTrue(ranges <= cuts or s.guarantee == AT_MOST_ONCE, f"{s.name}: lost {lost}")
        elif s.guarantee != AT_MOST_ONCE:
            case.assertEqual(lost[:20], [], f"{s.name}: {len(lost)} of {s.made} are lost")
        if s.guarantee != AT_LEAST_ONCE:
            case.assertEqual(dict(list(again.items())[:20]), {}, f"{s.name}: {len(again)} records came again")
        elif isinstance(s, mqtt_sender):
            case.assertLessEqual(sum(again.values()) - len(again), self.sent_again(s.name), "only what was sent again")
        else:
            more = {n: c for n, c in again.items() if c > s.copies.get(n, 1)}
            case.assertEqual(more, {}, f"{s.name}: more often than they were sent")
        case.assertLess(len(lost), s.made, f"nothing of {s.name} has arrived")

    def sent_again(self, topic):
        """Messages that the broker sent with the flag of a duplicate."""
        return len(re.findall(rf"Sending PUBLISH to weir\.{topic}\.\S+ \(d1, q1", self.broker.log.read_text()))

    def check_view(self, case, view, expected, *columns):
        n = self.node
        try:
            wait_until(f"{view} has its rows", lambda: n.view(view)["rows"] >= len(expected), seconds=60, pause=0.1)
        except AssertionError:
            pass  # the comparison says what is missing
        time.sleep(0.2)  # what comes twice would come now
        check_equal(case, view, sorted(tuple(row[c] for c in columns) for row in n.rows(view)), expected)

    def check_follower(self, case, rows, cuts):
        """Every row of the append view once, however often the connection broke."""
        try:
            wait_until("the follower has every row", seconds=60, true=lambda: (
                len(self.follower.rows) >= len(rows) or self.follower.errors))
        except AssertionError:
            pass  # the comparison says what is missing
        time.sleep(0.2)
        self.follower.end()
        case.assertEqual(self.follower.errors, [])
        case.assertLessEqual(self.follower.begun_anew, cuts)
        as_text = lambda them: sorted(json.dumps(row, sort_keys=True) for row in them)
        check_equal(case, f"rows followed over {self.follower.connections} connections", as_text(self.follower.rows),
                    as_text(rows))


def check_equal(case, what, got, want):
    if got == want:
        return
    more, less = (collections.Counter(a) - collections.Counter(b) for a, b in ((got, want), (want, got)))
    case.fail(f"{what}: {len(got)} instead of {len(want)}; too many: {sorted(more.elements())[:5]}; missing: "
              f"{sorted(less.elements())[:5]}")


class stream_of_records:
    """What stands in the stream `readings`, and what its views must answer then."""

    def __init__(self, n):
        self.records = sorted(n.records("readings"), key=lambda r: (r["source"], r["sequence"]))
        self.values = [json.loads(r["record"]) for r in self.records]
        self.copies = collections.defaultdict(collections.Counter)
        for value in self.values:
            self.copies[value["sender"]][value["n"]] += 1

    def late_for_their_sources(self):
        """Places of records that come too late for windows of their own source alone."""
        clocks, late = {}, set()
        for i, (record, value) in enumerate(zip(self.records, self.values)):
            at = milliseconds(value["at"])
            if at < clocks.get(record["source"], at) - LATENESS_MS:
                late.add(i)
            clocks[record["source"]] = max(at, clocks.get(record["source"], at))
        return late

    def windows(self):
        groups = collections.defaultdict(list)
        for record, value in zip(self.records, self.values):
            if not record["late"] and not value["sender"].startswith("end of"):
                groups[value["at"][:19] + "Z", value["sender"]].append(value["n"])
        return sorted((*key, len(ns), sum(ns), max(ns)) for key, ns in groups.items())

    def source_windows(self):
        late = self.late_for_their_sources()
        groups = collections.defaultdict(list)
        for i, (record, value) in enumerate(zip(self.records, self.values)):
            if i not in late and not value["sender"].startswith("end of"):
                groups[value["at"][:19] + "Z", record["source"]].append(value["n"])
        return sorted((*key, len(ns), sum(ns)) for key, ns in groups.items())

    def senders(self):
        return sorted((sender, ns.total(), sum(n * c for n, c in ns.items())) for sender, ns in self.copies.items())

    def late(self, places):
        return sorted((self.records[i]["source"], self.records[i]["sequence"]) for i in places)
