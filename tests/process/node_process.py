"""A weir-node process in a folder of its own: started, asked, killed and cleaned up by tests."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

FAULTS = ("WEIR_KILL_AT", "WEIR_CRASH_ON", "WEIR_HANG_ON", "WEIR_RULE_OFF")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PAGE = 10_000
NOBODY = 65534


class programs:
    """Paths of the programs under test: the first two arguments of each test file."""

    node = ""
    weir = ""


def run_tests():
    programs.node, programs.weir = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


def wait_until(what, true, seconds=20.0, pause=0.02):
    """Waits for true() to answer something, and answers it."""
    end = time.monotonic() + seconds
    while True:
        answer = true()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(pause)


def environment(faults=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
    return {**clean, **(faults or {})}


def json_or_text(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


class answer_of_cli:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def json(self):
        return json.loads(self.out)


class node:
    """One data folder and the processes that live in it, one after the other."""

    def __init__(self, config, files=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-process-"))
        self.process = None
        self.disk = None  # a file system of its own (own_mounts.py)
        self.patience = 20  # seconds until it is ready
        self.program, self.user = programs.node, None
        self.log = self.folder / "node.log"
        (self.folder / "in").mkdir()
        self.write("config.toml", config)
        for name, text in (files or {}).items():
            self.write(name, text)

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        self.kill()
        if problem is not None and self.log.exists():
            sys.stderr.write("".join(self.log.read_text(errors="replace").splitlines(True)[-40:]))
        if self.disk:
            self.disk.remove()
        for path in self.folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o700)
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def give_up_root(self):
        """The node runs as a user for whom permissions count; nothing to do where the test is not run by root."""
        if os.geteuid() != 0:
            return
        self.user = NOBODY
        self.program = shutil.copy(programs.node, self.folder / "weir-node")  # its own folder may be closed to others
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    # The process

    def launch(self, **faults):
        assert self.process is None, "a node runs already"
        (self.folder / "data" / "node.json").unlink(missing_ok=True)  # a killed node leaves its file behind
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "--config", str(self.folder / "config.toml")],
                cwd=self.folder, env=environment(faults), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                user=self.user, group=self.user, extra_groups=[] if self.user else None)

    def start(self, ready=True, **faults):
        self.launch(**faults)
        wait_until("node.json is written", lambda: self.exit_code() is not None or self.address(), self.patience)
        if self.exit_code() is not None:
            raise AssertionError(f"the node ended with {self.exit_code()} instead of starting: {self.log_text()}")
        if ready:
            wait_until("/readyz says yes", lambda: self.ask("/readyz")[0] == 200, self.patience)
        return self

    def exit_code(self):
        return self.process.poll() if self.process else None

    def wait_for_death(self, seconds):
        """Answers the exit code, None while it still runs after so long."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self, seconds=15):
        self.process.send_signal(signal.SIGTERM)
        code = self.wait_for_death(seconds)
        if code is None:
            raise AssertionError(f"the node still runs {seconds} s after SIGTERM")
        return code

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # Its answers

    def address(self):
        try:
            return json.loads((self.folder / "data" / "node.json").read_text())
        except (OSError, ValueError):
            return None

    def ask(self, path, **query):
        """HTTP status and the answer, read where it is JSON; 0 when nobody answers."""
        at = self.address()
        if at is None:
            return 0, None
        if query:
            path += "?" + urllib.parse.urlencode(query)
        request = urllib.request.Request(at["url"] + path, headers={"Authorization": "Bearer " + at["token"]})
        try:
            with DIRECT.open(request, timeout=60) as answer:
                return answer.status, json_or_text(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json_or_text(refused.read())
        except OSError:
            return 0, None

    def get(self, path, **query):
        status, answer = self.ask(path, **query)
        assert status == 200, f"GET {path}: {status} {answer}"
        return answer

    def items(self, path, **query):
        """All pages of a list."""
        out = []
        while True:
            page = self.get(path, limit=PAGE, **query)
            out += page["items"]
            if not page.get("next"):
                return out
            query["after"] = page["next"]

    def records(self, stream):
        return self.items(f"/v1/streams/{stream}/records")

    def rows(self, view):
        return self.items(f"/v1/views/{view}/rows")

    def letters(self, name):
        return self.items(f"/v1/dead_letters/{name}")

    def late(self, view):
        return self.items(f"/v1/dead_letters/{view}", late="true")

    def view(self, name):
        return self.get(f"/v1/views/{name}")

    def source(self, name):
        return self.get(f"/v1/sources/{name}")

    def pipeline(self, name):
        return self.get(f"/v1/pipelines/{name}")

    def weir(self, *arguments, output="json"):
        done = subprocess.run(
            [programs.weir, "--node-file", str(self.folder / "data" / "node.json"), "-o", output, *arguments],
            cwd=self.folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return answer_of_cli(done)
