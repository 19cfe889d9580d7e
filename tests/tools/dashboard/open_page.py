"""A page in a real browser that a test can look at and click in: Chromium over its DevTools protocol."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "actors" / "gateway"))
from raw_websocket import TEXT, frame, raw_websocket  # noqa: E402

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PATIENCE = 60  # seconds


def wait_until(what, true):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE} s: {what}")


class open_page:
    """For a `with`."""

    def __init__(self, browser, flags, url):
        self.words = [browser, *flags, "--remote-debugging-port=0", url]
        self.asked = 0

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        self.process = subprocess.Popen([*self.words, *sandbox, f"--user-data-dir={self.profile.name}"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        said = pathlib.Path(self.profile.name) / "DevToolsActivePort"
        port = int(wait_until("the browser listens", lambda: said.exists() and said.read_text().split("\n")[0]))
        path = wait_until("the page is open", lambda: self.page_path(port))
        self.channel = raw_websocket(port).open(path=path, Authorization=None)
        return self

    def __exit__(self, *_):
        self.channel.socket.close()
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()

    @staticmethod
    def page_path(port):
        with DIRECT.open(f"http://127.0.0.1:{port}/json", timeout=PATIENCE) as answer:
            pages = [t for t in json.loads(answer.read()) if t["type"] == "page"]
        return pages and "/" + pages[0]["webSocketDebuggerUrl"].split("/", 3)[3]

    def evaluate(self, script):
        """What a script in the page answers."""
        self.asked += 1
        asked = {"id": self.asked, "method": "Runtime.evaluate",
                 "params": {"expression": script, "returnByValue": True}}
        self.channel.send(frame(TEXT, json.dumps(asked).encode()))
        while True:
            answer = json.loads(self.channel.next_message()[1])
            if answer.get("id") == self.asked:
                result = answer["result"]
                assert "exceptionDetails" not in result, result
                return result["result"].get("value")
