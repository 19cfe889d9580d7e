"""A real mosquitto on a free loopback port, with a folder of its own: started, stopped, killed and paused by tests."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from node_process import wait_until

HOST = "127.0.0.1"
PROGRAMS = ("mosquitto", "mosquitto_passwd", "mosquitto_pub", "openssl")
DYNAMIC_SECURITY = "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so"


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def require_mosquitto():
    """Skips where it is not installed; fails instead where servers are required."""
    missing = [p for p in PROGRAMS if not find(p)]
    if missing and os.environ.get("WEIR_REQUIRE_SERVERS") != "1":
        raise unittest.SkipTest(f"not installed: {', '.join(missing)} (tools/install --test)")
    assert not missing, f"WEIR_REQUIRE_SERVERS=1, but not installed: {missing}"


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def call(*words, **more):
    return subprocess.run([find(words[0]) or words[0], *words[1:]], check=True, capture_output=True, timeout=60, **more)


class certificates:
    """A CA, and what it has signed."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.ca = folder / f"{name}.pem"
        call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=test {name}",
             "-keyout", str(folder / f"{name}.key"), "-out", str(self.ca))

    def sign(self, name, alternatives):
        """Paths of a certificate for these names, and of its key."""
        key, request, out = (self.folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
        names = self.folder / f"{name}.ext"
        names.write_text(f"subjectAltName={alternatives}\n")
        call("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key), "-out",
             str(request))
        call("openssl", "x509", "-req", "-days", "2", "-in", str(request), "-CA", str(self.ca), "-CAkey",
             str(self.folder / f"{self.name}.key"), "-CAcreateserial", "-extfile", str(names), "-out", str(out))
        return out, key


class broker:
    """persistent: what it keeps survives a kill. users: name -> password; without, everyone may come."""

    def __init__(self, users=None, persistent=True, lines=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-mosquitto-"))
        self.port = free_port()
        self.process = None
        self.log = self.folder / "mosquitto.log"
        self.users = users or {}
        config = [f"listener {self.port} {HOST}", f"allow_anonymous {'false' if users else 'true'}", "log_type all",
                  "max_queued_messages 1000000", f"persistence {'true' if persistent else 'false'}",
                  f"persistence_location {self.folder}/", "autosave_on_changes true", "autosave_interval 1", *lines]
        if os.geteuid() == 0:
            config.append("user root")
        if users:
            passwords = self.folder / "passwords"
            passwords.touch(0o600)
            for name, password in users.items():
                call("mosquitto_passwd", "-b", str(passwords), name, password)
            config.append(f"password_file {passwords}")
        (self.folder / "mosquitto.conf").write_text("\n".join(config) + "\n")

    @staticmethod
    def that_grants_no_subscription():
        made = broker(lines=[f"plugin {DYNAMIC_SECURITY}", "plugin_opt_config_file dynamic-security.json"])
        access = {"publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
        (made.folder / "dynamic-security.json").write_text(json.dumps({"defaultACLAccess": access}))
        return made

    def url(self, scheme="mqtt", host=HOST):
        return f"{scheme}://{host}:{self.port}"

    def start(self):
        assert self.process is None, "the broker runs already"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([find("mosquitto"), "-c", str(self.folder / "mosquitto.conf")],
                                            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("mosquitto listens", self.listens)
        return self

    def listens(self):
        assert self.process.poll() is None, f"mosquitto ended: {self.log.read_text(errors='replace')}"
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def kill(self, with_signal=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(with_signal)
            self.process.wait(20)
            self.process = None

    def stop(self):
        self.kill(signal.SIGTERM)

    def clean(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def publish(self, topic, payloads, qos=1):
        """Sends one message a line and waits until mosquitto has them all."""
        self.start_publishing(topic, payloads, qos).finish()

    def start_publishing(self, topic, payloads, qos=1):
        return publisher(self, topic, payloads, qos)


class publisher:
    def __init__(self, to, topic, payloads, qos):
        words = [find("mosquitto_pub"), "-h", HOST, "-p", str(to.port), "-t", topic, "-q", str(qos), "-l", "-V", "5"]
        if to.users:
            name, password = next(iter(to.users.items()))
            words += ["-u", name, "-P", password]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        self.process.stdin.write("".join(p + "\n" for p in payloads))
        self.process.stdin.flush()

    def send(self, payload):
        self.process.stdin.write(payload + "\n")
        self.process.stdin.flush()

    def finish(self):
        _, problems = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, f"mosquitto_pub: {problems}"


class old_broker:
    """Speaks no MQTT 5, which mosquitto always does: it answers every CONNECT as MQTT 3.1.1 has it for a version that
    it does not know."""

    def __init__(self):
        self.server = socket.create_server((HOST, 0))
        self.port = self.server.getsockname()[1]

    def serve_one(self):
        client, _ = self.server.accept()
        with client:
            client.recv(4096)
            client.sendall(b"\x20\x02\x00\x01")

    def close(self):
        self.server.close()
