"""A real Chromium without a window, steered over the pipe of its developer tools."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
import unittest

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1360,1000"]
SANDBOX = ["--no-sandbox"] if os.getuid() == 0 else []


def require_browser():
    """Skips where there is none; fails instead where everything is required."""
    if PROGRAM:
        return
    assert os.environ.get("WEIR_REQUIRE_SERVERS") != "1", "WEIR_REQUIRE_SERVERS=1, but there is no chromium"
    raise unittest.SkipTest("no chromium (tools/install --test)")


class page:
    """One browser with one page, for a `with`."""

    def __init__(self, url):
        self.profile = tempfile.mkdtemp(prefix="weir-browser-")
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        self.buffer, self.number, self.session, self.url = b"", 0, {}, url
        self.events = []
        # The browser reads its third file and writes its fourth.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", PROGRAM, *FLAGS, *SANDBOX,
             "--remote-debugging-pipe", f"--user-data-dir={self.profile}"],
            pass_fds=(commands, answers), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.go(self.url)
        return self

    def __exit__(self, *_):
        self.session = {}
        try:  # who is killed leaves helpers behind that still write into the profile
            self.call("Browser.close")
            self.process.wait(20)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        shutil.rmtree(self.profile, ignore_errors=True)

    def go(self, url):
        self.call("Page.navigate", url=url)

    def reload(self):
        self.call("Page.reload")

    def value(self, expression):
        """What JavaScript answers; none while the page is on its way to another."""
        return self.run(expression).get("result", {}).get("value")

    def evaluate(self, script):
        """What a script in the page answers; it must not fail."""
        answer = self.run(script)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def run(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)

    def console(self):
        """What the page wrote to the console, and what the browser did there about it, so far."""
        self.run("0")  # what was written before is told before this is answered
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event for event in self.events if event["method"] in said]

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **self.session}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            answer = self.next_message(end)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def next_message(self, end):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self.answers, 1 << 16)
            assert data, "the browser has ended"
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)
