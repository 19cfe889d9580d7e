"""A WebSocket client on a plain socket: sends any bytes, also wrong ones, and checks every byte that comes back."""

import base64
import hashlib
import os
import socket
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
TIMEOUT = 15


def frame(opcode, payload=b"", fin=True, rsv=0, mask=MASK, length=None, form=None):
    """One frame. mask: None for an unmasked one; length: another than the payload's; form: 7, 16 or 64 bits of it."""
    size = len(payload) if length is None else length
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    out = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0 if mask is None else 0x80
    out += {7: lambda: bytes([masked | size]), 16: lambda: struct.pack(">BH", masked | 126, size),
            64: lambda: struct.pack(">BQ", masked | 127, size)}[form]()
    if mask is None:
        return out + payload
    return out + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def close_payload(code, reason=b""):
    return struct.pack(">H", code) + reason


class broken_server(Exception):
    """The server sent what RFC 6455 forbids it."""


class raw_websocket:
    """A connection; open() shakes hands unless told otherwise."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_in_pieces(self, data, size=1):
        for at in range(0, len(data), size):
            self.socket.sendall(data[at:at + size])

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def ask(self, method="GET", path="/v1/live", version="HTTP/1.1", token="demo", **changed):
        """Sends an upgrade; changed: header names with _ for -, None leaves one out. Answers status, headers, key."""
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {"Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                   "Sec-WebSocket-Version": "13", "Authorization": f"Bearer {token}"}
        for name, value in changed.items():
            headers[name.replace("_", "-")] = value
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        self.send("\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode())
        return (*self.read_header(), headers["Sec-WebSocket-Key"])

    def read_header(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        first, *lines = head.decode().split("\r\n")[:-2]
        headers = {}
        for line in lines:
            name, value = line.split(": ", 1)
            headers.setdefault(name.lower(), value)
        return int(first.split()[1]), headers

    def open(self, **changed):
        status, headers, key = self.ask(**changed)
        if status != 101:
            raise broken_server(f"the upgrade was answered with {status}")
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        if headers.get("sec-websocket-accept") != accept:
            raise broken_server("a wrong Sec-WebSocket-Accept")
        for refused in ("sec-websocket-extensions", "sec-websocket-protocol"):
            if refused in headers:
                raise broken_server(f"{refused}, which this server does not offer: {headers[refused]}")
        return self

    def next_frame(self):
        """(opcode, payload) of the next frame, which must be as RFC 6455 wants a server's frames."""
        first, second = self.read(2)
        if first & 0x70:
            raise broken_server("reserved bits are set")
        if second & 0x80:
            raise broken_server("a server's frame is masked")
        opcode, size = first & 0x0F, second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.read(2))[0]
            shortest = size > 125
        elif size == 127:
            size = struct.unpack(">Q", self.read(8))[0]
            shortest = size > 65535
        else:
            shortest = True
        if not shortest:
            raise broken_server("a length is not written in its shortest form")
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise broken_server(f"opcode {opcode}")
        if opcode >= CLOSE and (size > 125 or not first & 0x80):
            raise broken_server("a control frame is long or in fragments")
        return opcode, self.read(size), bool(first & 0x80)

    def next_message(self):
        """(opcode, payload): a control frame, or a message put together; ("end", code) when the connection ends."""
        kind, message = None, b""
        while True:
            try:
                opcode, payload, fin = self.next_frame()
            except (EOFError, ConnectionResetError):
                return "end", None
            if opcode == CLOSE:
                return CLOSE, payload
            if opcode in (PING, PONG):
                return opcode, payload
            if (opcode == CONTINUATION) != (kind is not None):
                raise broken_server("fragments of two messages are mixed")
            kind, message = kind or opcode, message + payload
            if fin:
                return kind, message

    def rest(self):
        """What is said until the connection ends: the messages, and the close code (None: it ends without one)."""
        messages = []
        while True:
            opcode, payload = self.next_message()
            if opcode == "end":
                return messages, None
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                payload[2:].decode()
                self.expect_end()
                return messages, code
            messages.append((opcode, payload))

    def expect_end(self):
        """After its close frame the server sends nothing and closes."""
        try:
            self.read(1)
        except (EOFError, ConnectionResetError):
            return
        raise broken_server("bytes follow a close frame")
