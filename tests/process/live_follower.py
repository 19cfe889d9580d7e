"""A client that follows a view over WebSocket and comes again with its token whenever the connection ends, and from the
start when the node says that the token's position is gone."""

import socket
import threading

from raw_client import raw_client


class live_follower(threading.Thread):
    """Rows whose batch ended with a token stand; what comes behind the last token comes again after a break."""

    def __init__(self, node, view, timeout=20):
        super().__init__(daemon=True)
        self.node, self.view, self.timeout = node, view, timeout
        self.token = "start"
        self.rows, self.errors = [], []
        self.connections = self.begun_anew = 0
        self.client, self.over = None, threading.Event()

    def run(self):
        while not self.over.is_set():
            try:
                self.follow()
            except (OSError, TypeError, ValueError, AssertionError):  # nobody listens, half a message, a refusal
                self.over.wait(0.05)
            except Exception as problem:  # whoever looks at the errors finds it
                self.errors.append(repr(problem))
                raise

    def follow(self):
        client = self.client = raw_client(self.node, timeout=self.timeout)
        try:
            client.open_websocket()
            client.send_text({"op": "subscribe", "id": "a", "view": self.view, "from": self.token})
            pending = []
            while not self.over.is_set():
                message = client.read_text()
                if message.get("error", {}).get("status") == 410:
                    self.token, self.rows, self.begun_anew = "start", [], self.begun_anew + 1
                    return
                if "error" in message or "shed" in message:
                    self.errors.append(message)
                    self.over.wait(0.05)
                    return
                if "subscribed" in message:
                    self.connections += 1
                    self.token = message["subscribed"]["token"]
                pending += message.get("rows", [])
                if message.get("token"):
                    self.rows += pending
                    self.token, pending = message["token"], []
        finally:
            client.close()

    def end(self):
        self.over.set()
        try:
            self.client.socket.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):  # it has none, or none any more
            pass
        self.join(self.timeout + 5)
