"""HTTP and WebSocket on a bare socket, for clients that misbehave."""

import base64
import json
import os
import socket
import struct
import urllib.parse


class raw_client:
    def __init__(self, node, receive_buffer=None, timeout=20):
        at = node.address()
        url = urllib.parse.urlsplit(at["url"])
        self.token, self.host = at["token"], url.netloc
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((url.hostname, url.port))
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def request(self, method, path, headers=(), body=b""):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Authorization: Bearer {self.token}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def read_header(self):
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head.decode()

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the node closed the connection")
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def is_cut_off(self):
        """Whether the node has ended the connection, whatever still lies in the buffers."""
        try:
            self.send(b"\0")
            self.socket.setblocking(False)
            while self.socket.recv(65536):
                pass
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    # WebSocket

    def open_websocket(self, path="/v1/live"):
        key = base64.b64encode(os.urandom(16)).decode()
        self.request("GET", path, ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                   f"Sec-WebSocket-Key: {key}"])
        head = self.read_header()
        assert " 101 " in head, head

    def send_text(self, message):
        data, mask = json.dumps(message).encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
        self.send(b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def read_text(self):
        """The next text message; pings are answered."""
        while True:
            first, length = self.take(2)
            if length == 126:
                length, = struct.unpack("!H", self.take(2))
            elif length == 127:
                length, = struct.unpack("!Q", self.take(8))
            data = self.take(length)
            if first & 0x0f == 9:
                self.send(bytes([0x8a, 0x80]) + os.urandom(4))
            elif first & 0x0f == 1:
                return json.loads(data)
            elif first & 0x0f == 8:
                raise ConnectionError("the node closed the WebSocket")
