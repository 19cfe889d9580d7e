#!/usr/bin/env python3
"""RFC 6455 by categories, in tables, against a gateway over a node in memory. Usage: rfc6455_test.py SERVE_FAKE_NODE

Each row is a case: its name, what is sent after the handshake, what must come back, and the codes that may close the
connection. SAID is the answer to the message {"op":"ping"}: every message that arrives whole is seen to have arrived.
"""

import json
import subprocess
import sys
import unittest
import urllib.parse

from raw_websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame, raw_websocket)

SERVER = ""
MOST = 16 << 10  # bytes of a client's message, max_message_bytes

HELLO = b'{"op":"ping"}'
SAID = (TEXT, {"pong": True})
PROTOCOL_ERROR, UNKNOWN_DATA, BAD_PAYLOAD, TOO_BIG = {1002}, {1003}, {1007}, {1009}
BYE = frame(CLOSE, close_payload(1000))
NORMAL = {1000}


def padded(size):
    """The message HELLO with blanks, so many bytes long."""
    return HELLO[:-1] + b" " * (size - len(HELLO)) + b"}"


def text(payload, **options):
    return frame(TEXT, payload, **options)


def with_id(raw):
    return b'{"op":"ping","id":"' + raw + b'"}'


def fragments(*pieces, opcode=TEXT):
    """One message in frames."""
    out = b""
    for i, piece in enumerate(pieces):
        out += frame(opcode if i == 0 else CONTINUATION, piece, fin=i == len(pieces) - 1)
    return out


def framing():
    for size in (13, 64, 124, 125, 126, 127, 128, 1_000, 4_095, MOST - 1, MOST):
        yield f"a message of {size} bytes", text(padded(size)) + BYE, [SAID], NORMAL
    for key in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"):
        yield f"masking key {key.hex()}", text(HELLO, mask=key) + BYE, [SAID], NORMAL
    yield "two messages in one segment", text(HELLO) * 2 + BYE, [SAID] * 2, NORMAL
    yield "a hundred messages in one segment", text(HELLO) * 100 + BYE, [SAID] * 100, NORMAL
    yield "a text that is not masked", text(HELLO, mask=None), [], PROTOCOL_ERROR
    yield "a ping that is not masked", frame(PING, b"x", mask=None), [], PROTOCOL_ERROR
    yield "a close that is not masked", frame(CLOSE, close_payload(1000), mask=None), [], PROTOCOL_ERROR
    yield "a message, then one that is not masked", text(HELLO) + text(HELLO, mask=None), [SAID], PROTOCOL_ERROR
    yield "13 bytes with a length of 16 bits", text(HELLO, form=16), [], PROTOCOL_ERROR
    yield "13 bytes with a length of 64 bits", text(HELLO, form=64), [], PROTOCOL_ERROR
    yield "200 bytes with a length of 64 bits", text(padded(200), form=64), [], PROTOCOL_ERROR
    yield "a binary message", frame(BINARY, HELLO), [], UNKNOWN_DATA
    yield "an empty binary message", frame(BINARY), [], UNKNOWN_DATA
    yield "a binary message in fragments", fragments(b"{", b"}", opcode=BINARY), [], UNKNOWN_DATA


def control():
    yield "a ping without payload", frame(PING) + BYE, [(PONG, b"")], NORMAL
    yield "a ping with text", frame(PING, b"hello") + BYE, [(PONG, b"hello")], NORMAL
    yield "a ping with bytes that are no text", frame(PING, b"\0\xff\xfe") + BYE, [(PONG, b"\0\xff\xfe")], NORMAL
    yield "a ping of 125 bytes", frame(PING, b"p" * 125) + BYE, [(PONG, b"p" * 125)], NORMAL
    yield "a ping of 126 bytes", frame(PING, b"p" * 126), [], PROTOCOL_ERROR
    yield "a pong of 126 bytes", frame(PONG, b"p" * 126), [], PROTOCOL_ERROR
    yield "a pong that was not asked for", frame(PONG) + text(HELLO) + BYE, [SAID], NORMAL
    yield "a pong with payload that was not asked for", frame(PONG, b"x") + text(HELLO) + BYE, [SAID], NORMAL
    yield "pong, then ping", frame(PONG, b"x") + frame(PING, b"y") + BYE, [(PONG, b"y")], NORMAL
    yield "a ping between two messages", text(HELLO) + frame(PING, b"x") + text(HELLO) + BYE, \
        [SAID, (PONG, b"x"), SAID], NORMAL
    yield "a ping in fragments", frame(PING, b"x", fin=False) + frame(CONTINUATION, b"y"), [], PROTOCOL_ERROR
    yield "a pong in fragments", frame(PONG, b"x", fin=False) + frame(CONTINUATION, b"y"), [], PROTOCOL_ERROR
    yield "a close in fragments", frame(CLOSE, close_payload(1000), fin=False), [], PROTOCOL_ERROR
    yield "a ping with a length of 16 bits", frame(PING, b"x", form=16), [], PROTOCOL_ERROR
    yield "a ping with a length of 64 bits", frame(PING, b"x", form=64), [], PROTOCOL_ERROR


def reserved_bits():
    for bits in range(1, 8):
        for name, opcode, payload in (("text", TEXT, HELLO), ("binary", BINARY, HELLO), ("ping", PING, b"x"),
                                      ("close", CLOSE, close_payload(1000))):
            yield f"reserved bits {bits:03b} on a {name}", frame(opcode, payload, rsv=bits), [], PROTOCOL_ERROR
        yield f"reserved bits {bits:03b} after a message", text(HELLO) + text(HELLO, rsv=bits), [SAID], PROTOCOL_ERROR
        yield f"reserved bits {bits:03b} on a continuation", \
            frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b"}", rsv=bits), [], PROTOCOL_ERROR


def opcodes():
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"opcode {opcode}", frame(opcode), [], PROTOCOL_ERROR
        yield f"opcode {opcode} with payload", frame(opcode, b"payload"), [], PROTOCOL_ERROR
        yield f"opcode {opcode} after a message", text(HELLO) + frame(opcode) + frame(PING), [SAID], PROTOCOL_ERROR
        yield f"opcode {opcode} inside a message", frame(TEXT, b"{", fin=False) + frame(opcode), [], PROTOCOL_ERROR


def fragmentation():
    first, second = HELLO[:5], HELLO[5:]
    yield "two fragments", fragments(first, second) + BYE, [SAID], NORMAL
    yield "a fragment for every byte", fragments(*(bytes([b]) for b in HELLO)) + BYE, [SAID], NORMAL
    yield "an empty first fragment", fragments(b"", HELLO) + BYE, [SAID], NORMAL
    yield "an empty last fragment", fragments(HELLO, b"") + BYE, [SAID], NORMAL
    yield "empty fragments between", fragments(first, b"", b"", second) + BYE, [SAID], NORMAL
    yield "a thousand fragments", fragments(*[b" "] * 1_000, HELLO) + BYE, [SAID], NORMAL
    yield "two messages in fragments", fragments(first, second) * 2 + BYE, [SAID] * 2, NORMAL
    begun = frame(TEXT, first, fin=False)
    yield "a ping between fragments", begun + frame(PING, b"x") + frame(CONTINUATION, second) + BYE, \
        [(PONG, b"x"), SAID], NORMAL
    yield "a pong between fragments", begun + frame(PONG, b"x") + frame(CONTINUATION, second) + BYE, [SAID], NORMAL
    yield "pings between all fragments", \
        begun + b"".join(frame(PING, bytes([b])) + frame(CONTINUATION, bytes([b]), fin=False) for b in second[:-1]) \
        + frame(CONTINUATION, second[-1:]) + BYE, [*((PONG, bytes([b])) for b in second[:-1]), SAID], NORMAL
    yield "a close between fragments", begun + BYE, [], NORMAL
    yield "a continuation of nothing", frame(CONTINUATION, HELLO), [], PROTOCOL_ERROR
    yield "a continuation of nothing that goes on", frame(CONTINUATION, first, fin=False), [], PROTOCOL_ERROR
    yield "a continuation behind a whole message", text(HELLO) + frame(CONTINUATION, HELLO), [SAID], PROTOCOL_ERROR
    yield "a text inside a message", begun + text(HELLO), [], PROTOCOL_ERROR
    yield "a binary inside a message", begun + frame(BINARY, HELLO), [], PROTOCOL_ERROR
    yield "a second beginning inside a message", begun * 2, [], PROTOCOL_ERROR


def utf8():
    right = {
        "greek": "κόσμε".encode(), "a whale": "🐳".encode(), "replacement character": b"\xef\xbf\xbd",
        "first of 2 bytes": b"\xc2\x80", "last of 2 bytes": b"\xdf\xbf", "first of 3 bytes": b"\xe0\xa0\x80",
        "last of 3 bytes": b"\xef\xbf\xbf", "first of 4 bytes": b"\xf0\x90\x80\x80",
        "last code point": b"\xf4\x8f\xbf\xbf", "before the surrogates": b"\xed\x9f\xbf",
        "behind the surrogates": b"\xee\x80\x80", "no character of plane 1": b"\xf0\x9f\xbf\xbe"}
    for name, raw in right.items():
        yield f"{name}", text(with_id(raw)) + BYE, [SAID], NORMAL
        yield f"{name}, a fragment for every byte", \
            fragments(with_id(b"")[:-2], *(bytes([b]) for b in raw), b'"}') + BYE, [SAID], NORMAL
    wrong = {
        "a continuation byte alone": b"\x80", "the last continuation byte alone": b"\xbf",
        "two continuation bytes": b"\x80\xbf", "2 bytes without the second": b"\xc3",
        "3 without the third": b"\xe2\x82", "4 without the fourth": b"\xf0\x9f\x90",
        "slash in 2 bytes": b"\xc0\xaf", "slash in 3 bytes": b"\xe0\x80\xaf", "slash in 4 bytes": b"\xf0\x80\x80\xaf",
        "NUL in 2 bytes": b"\xc0\x80", "2-byte form too long": b"\xc1\xbf", "3-byte form too long": b"\xe0\x9f\xbf",
        "4-byte form too long": b"\xf0\x8f\xbf\xbf", "first surrogate": b"\xed\xa0\x80",
        "last surrogate": b"\xed\xbf\xbf", "a pair of surrogates": b"\xed\xa0\xbd\xed\xb0\xb3",
        "behind the last code point": b"\xf4\x90\x80\x80", "5 bytes": b"\xf8\x88\x80\x80\x80",
        "6 bytes": b"\xfc\x84\x80\x80\x80\x80", "FE": b"\xfe", "FF": b"\xff"}
    for name, raw in wrong.items():
        yield f"{name}", text(with_id(raw)), [], BAD_PAYLOAD
        yield f"{name}, a fragment for every byte", \
            fragments(with_id(b"")[:-2], *(bytes([b]) for b in raw), b'"}'), [], BAD_PAYLOAD
        yield f"{name} at the message's end", text(b'"' + raw), [], BAD_PAYLOAD
    yield "wrong in a fragment before the last one is sent", \
        frame(TEXT, b'"\xff', fin=False), [], BAD_PAYLOAD


def closing():
    yield "without code", frame(CLOSE), [], {1000, 1005}
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999):
        yield f"code {code}", frame(CLOSE, close_payload(code)), [], {code}
    yield "a code and a reason", frame(CLOSE, close_payload(1000, "schöner Tag".encode())), [], NORMAL
    yield "a reason of 123 bytes", frame(CLOSE, close_payload(1000, b"r" * 123)), [], NORMAL
    yield "a reason of 124 bytes", frame(CLOSE, close_payload(1000, b"r" * 124)), [], PROTOCOL_ERROR
    yield "one byte of a code", frame(CLOSE, b"\x03"), [], PROTOCOL_ERROR
    for code in (0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999):
        yield f"code {code}, which must not be sent", frame(CLOSE, close_payload(code)), [], PROTOCOL_ERROR
    for reason in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"ok\xe2\x82"):
        yield f"a reason that is no UTF-8: {reason.hex()}", frame(CLOSE, close_payload(1000, reason)), [], {1002, 1007}
    yield "twice", BYE * 2, [], NORMAL
    yield "then a message", BYE + text(HELLO), [], NORMAL
    yield "then a ping", BYE + frame(PING, b"x"), [], NORMAL
    yield "after a message", text(HELLO) + BYE, [SAID], NORMAL


def limits():
    yield "one byte more than a message may have", text(padded(MOST + 1)), [], TOO_BIG
    yield "a length of 64 KiB that never comes", text(b"", length=65_535), [], TOO_BIG
    yield "a length of 1 GiB that never comes", text(b"", length=1 << 30), [], TOO_BIG
    yield "the largest length that never comes", text(b"", length=(1 << 63) - 1), [], TOO_BIG
    yield "a length with its highest bit set", text(b"", length=1 << 63, form=64), [], {1002, 1009}
    yield "fragments that are too much together", fragments(padded(MOST - 100), b" " * 101), [], TOO_BIG
    yield "many fragments that are too much together", fragments(HELLO, *[b" " * 100] * 200), [], TOO_BIG
    yield "fragments of what a message may have", fragments(padded(MOST - 100), b" " * 100) + BYE, [SAID], NORMAL
    yield "a message, then one too big", text(HELLO) + text(padded(MOST + 1)), [SAID], TOO_BIG
    yield "the limit counts each message", text(padded(MOST)) * 3 + BYE, [SAID] * 3, NORMAL


CATEGORIES = (framing, control, reserved_bits, opcodes, fragmentation, utf8, closing, limits)

# name, what of the upgrade is changed, the statuses that may answer it
HANDSHAKES = (
    ("as it should be", {}, {101}),
    ("other letters and more tokens", {"Upgrade": "WebSocket", "Connection": "keep-alive, upgrade"}, {101}),
    ("extensions are declined", {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"}, {101}),
    ("subprotocols are declined", {"Sec_WebSocket_Protocol": "chat, superchat"}, {101}),
    ("the node's own origin", {"Origin": "http://127.0.0.1"}, {101}),
    ("a foreign origin", {"Origin": "http://elsewhere.example"}, {403}),
    ("a name that is not the node's", {"Host": "elsewhere.example"}, {403}),
    ("no host", {"Host": None}, {400}),
    ("no token", {"Authorization": None}, {401}),
    ("a wrong token", {"token": "other"}, {401}),
    ("no Upgrade", {"Upgrade": None}, {426}),
    ("another Upgrade", {"Upgrade": "h2c"}, {426}),
    ("no Connection", {"Connection": None}, {426}),
    ("another Connection", {"Connection": "close"}, {426}),
    ("no version", {"Sec_WebSocket_Version": None}, {400, 426}),
    ("version 8", {"Sec_WebSocket_Version": "8"}, {426}),
    ("version 14", {"Sec_WebSocket_Version": "14"}, {426}),
    ("no key", {"Sec_WebSocket_Key": None}, {400}),
    ("an empty key", {"Sec_WebSocket_Key": ""}, {400}),
    ("a key of 15 bytes", {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAA"}, {400}),
    ("a key of 17 bytes", {"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAAA="}, {400}),
    ("a key that is no base64", {"Sec_WebSocket_Key": "!!!!!!!!!!!!!!!!!!!!!!=="}, {400}),
    ("HTTP/1.0", {"version": "HTTP/1.0"}, {400, 426}),
    ("POST", {"method": "POST"}, {405}),
    ("HEAD", {"method": "HEAD"}, {426}),
    ("a path without a WebSocket", {"path": "/v1/views"}, {200}),
)


class rfc6455(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER, "0", "--empty"], stdout=subprocess.PIPE, text=True)
        cls.port = urllib.parse.urlparse(cls.server.stdout.readline().strip()).port

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.communicate()

    def connect(self):
        return raw_websocket(self.port)

    def heard(self, messages):
        return [(kind, json.loads(payload) if kind == TEXT else payload) for kind, payload in messages]

    def check_alive(self):
        self.assertIsNone(self.server.poll(), "the server has ended")
        with self.connect() as client:
            client.open().send(text(HELLO) + BYE)
            self.assertEqual(self.heard(client.rest()[0]), [SAID])

    def check(self, sent, said, codes, send):
        """A close at the end is sent when the answers are there: what is still unsaid when it comes may stay so."""
        with self.connect() as client:
            messages = []
            bye = BYE if sent.endswith(BYE) else b""
            try:
                send(client.open(), sent.removesuffix(BYE))
                while bye and len(messages) < len(said):
                    messages.append(client.next_message())
                client.send(bye)
            except ConnectionError:
                pass  # the server may close before it was sent everything
            more, code = client.rest()
            messages += more
        self.assertEqual(self.heard(messages), said)
        self.assertIn(code, codes)

    def test_every_case_in_every_category(self):
        count = 0
        for category in CATEGORIES:
            for name, sent, said, codes in category():
                count += 1
                with self.subTest(category=category.__name__, case=name):
                    self.check(sent, said, codes, lambda client, data: client.send(data))
        self.check_alive()
        self.assertGreater(count, 200)

    def test_bytes_that_come_one_by_one_change_nothing(self):
        for category in (framing, control, fragmentation, closing):
            for name, sent, said, codes in category():
                if len(sent) > 400 or codes != NORMAL:
                    continue
                with self.subTest(category=category.__name__, case=name):
                    self.check(sent, said, codes, lambda client, data: client.send_in_pieces(data))

    def test_handshakes(self):
        for name, changed, statuses in HANDSHAKES:
            with self.subTest(case=name), self.connect() as client:
                if statuses == {101}:
                    client.open(**changed).send(text(HELLO) + BYE)
                    self.assertEqual(self.heard(client.rest()[0]), [SAID])
                    continue
                status, headers, _ = client.ask(**changed)
                self.assertIn(status, statuses)
                self.assertNotIn("sec-websocket-accept", headers)
                if name.startswith("version"):
                    self.assertEqual(headers.get("sec-websocket-version"), "13", "it tells which version it speaks")
        self.check_alive()

    def test_compressed_frames_are_refused_also_when_compression_was_asked_for(self):
        with self.connect() as client:
            client.open(Sec_WebSocket_Extensions="permessage-deflate").send(text(HELLO, rsv=4))
            self.assertEqual(client.rest(), ([], 1002))

    def test_frames_before_the_answer_are_no_part_of_the_connection(self):
        with self.connect() as client:
            client.send(b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer demo\r\n"
                        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + text(HELLO))
            self.assertEqual(client.read_header()[0], 400)

    def test_connections_that_break_off_anywhere_harm_nobody(self):
        whole = text(HELLO) + fragments(b"{", b"}") + frame(PING, b"x") + BYE
        for length in range(len(whole)):
            with self.connect() as client:
                client.open().send(whole[:length])
        self.check_alive()

    def test_a_pong_comes_while_a_message_is_half_sent(self):
        with self.connect() as client:
            client.open().send(frame(TEXT, HELLO[:4], fin=False) + frame(PING, b"now"))
            self.assertEqual(client.next_message(), (PONG, b"now"))
            client.send(frame(CONTINUATION, HELLO[4:]))
            self.assertEqual(self.heard([client.next_message()]), [SAID])


if __name__ == "__main__":
    SERVER = sys.argv[1]
    unittest.main(argv=sys.argv[:1], verbosity=2)
