#!/usr/bin/env python3
"""The repository's commands, run on a copy with stand-ins for the package manager and the build tools."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SCRIPTS = ["tools/install", "tools/build", "tools/test", "tools/run", "tools/tidy", "tools/fuzz", "tools/kafka"]


class scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        os.makedirs(os.path.join(self.root, "tools"))
        os.makedirs(os.path.join(self.root, "bin"))
        for path in SCRIPTS + ["tools/packages.txt"]:
            shutil.copy(os.path.join(ROOT, path), os.path.join(self.root, path))
        self.stand_in("dpkg-query", 'shift 2; for p in "$@"; do [ "$p" = "$MISSING" ] || echo "installed $p"; done')
        self.stand_in("cmake", 'echo "cmake $*"; [ "$BREAK" != cmake ]')
        self.stand_in("apt-get", 'echo "apt-get $*" >>"$CALLS"; [ "$BREAK" != apt ]')

    def stand_in(self, name, body):
        path = os.path.join(self.root, "bin", name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{body}\n")
        os.chmod(path, 0o755)

    def call(self, *words, **environment):
        env = dict(os.environ, PATH=os.path.join(self.root, "bin") + os.pathsep + os.environ["PATH"],
                   CALLS=os.path.join(self.root, "calls"), MISSING="", BREAK="", CI="",
                   WEIR_REQUIRE_SERVERS="", WEIR_KAFKA="")
        env.update(environment)
        return subprocess.run(words, cwd=self.root, env=env, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)

    def test_each_explains_itself_and_refuses_unknown_options(self):
        for script in SCRIPTS:
            with self.subTest(script):
                told = self.call(script, "--help")
                self.assertEqual(told.returncode, 0)
                self.assertIn("Example: " + script, told.stdout)
                wrong = self.call(script, "--frobnicate")
                self.assertEqual(wrong.returncode, 2)
                self.assertIn("--frobnicate", wrong.stderr)

    def test_every_package_has_a_reason(self):
        with open(os.path.join(ROOT, "tools/packages.txt"), encoding="utf-8") as file:
            for line in file:
                if line.strip() and line[0] not in "#[":
                    self.assertRegex(line, r"^[a-z0-9.+-]+ +# \S.{5,}$")

    def test_install_does_nothing_when_nothing_is_missing(self):
        done = self.call("tools/install", "--test")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertFalse(os.path.exists(os.path.join(self.root, "calls")))

    def test_install_says_what_is_missing_and_why(self):
        told = self.call("tools/install", "--list", MISSING="mold")
        self.assertEqual(told.returncode, 1)
        self.assertRegex(told.stderr, r"mold +linker")
        self.assertEqual(self.call("tools/install", "--list", MISSING="chromium").returncode, 0)
        self.assertEqual(self.call("tools/install", "--list", "--test", MISSING="chromium").returncode, 1)

    @unittest.skipUnless(os.geteuid() == 0, "installing needs root")
    def test_install_installs_only_what_is_missing(self):
        self.assertEqual(self.call("tools/install", MISSING="mold").returncode, 0)
        with open(os.path.join(self.root, "calls"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"install --no-install-recommends --no-remove mold\n$")
        failed = self.call("tools/install", MISSING="mold", BREAK="apt")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("'apt-get install' failed", failed.stderr)

    def test_build_names_the_step_that_failed_and_its_log(self):
        failed = self.call("tools/build", BREAK="cmake")
        self.assertEqual(failed.returncode, 1)
        self.assertIn("the step 'configure' failed; whole output: build/release/configure.log", failed.stderr)

    def run_tests(self, summary, code, *options, **environment):
        self.stand_in("../tools/kafka", 'echo "kafka $1" >>"$CALLS"; [ "$1" = stop ] || echo 127.0.0.1:1')
        self.stand_in("ctest",
                      f'echo "servers=$WEIR_REQUIRE_SERVERS kafka=$WEIR_KAFKA $*"; echo "{summary}"; exit {code}')
        done = self.call("tools/test", *options, **environment)
        return done.returncode, done.stdout.rstrip().split("\n")[-1], done.stdout + done.stderr

    def test_test_ends_with_the_numbers_of_ctest(self):
        passed = self.run_tests("100% tests passed, 0 tests failed out of 12", 0)
        self.assertEqual(passed[:2], (0, "12 passed, 0 failed"))
        failed = self.run_tests("75% tests passed, 3 tests failed out of 12", 8)
        self.assertEqual(failed[:2], (1, "9 passed, 3 failed"))
        one = self.run_tests("92% tests passed, 1 tests failed out of 12", 8)
        self.assertEqual(one[:2], (1, "11 passed, 1 failed"))

    def test_test_fails_when_no_test_ran(self):
        code, _, said = self.run_tests("No tests were found!!!", 8)
        self.assertEqual(code, 1)
        self.assertIsNone(re.search(r"\d+ passed", said))

    def test_test_fails_when_ctest_does_though_its_summary_is_good(self):
        self.assertEqual(self.run_tests("100% tests passed, 0 tests failed out of 12", 1)[0], 1)

    def test_in_ci_a_missing_server_is_a_failure(self):
        good = "100% tests passed, 0 tests failed out of 1"
        self.assertIn("servers=1 ", self.run_tests(good, 0, CI="true")[2])
        self.assertIn("servers= ", self.run_tests(good, 0)[2])

    def test_in_ci_and_on_demand_brokers_run_while_tests_do(self):
        good = "100% tests passed, 0 tests failed out of 1"
        self.assertIn("kafka=127.0.0.1:1 ", self.run_tests(good, 0, CI="true")[2])
        self.assertIn("kafka=127.0.0.1:1 ", self.run_tests(good, 0, "--kafka")[2])
        with open(os.path.join(self.root, "calls"), encoding="utf-8") as file:
            self.assertEqual(file.read().split("\n"), ["kafka start", "kafka stop"] * 2 + [""])
        self.assertIn("kafka=given ", self.run_tests(good, 0, CI="true", WEIR_KAFKA="given")[2])
        self.assertIn("kafka= ", self.run_tests(good, 0)[2])

    def test_kafka_says_what_it_cannot_do(self):
        for words in (["kill"], ["start", "--brokers", "2"], ["status", "--folder"], []):
            self.assertEqual(self.call("tools/kafka", *words).returncode, 2)
        absent = self.call("tools/kafka", "status", "--folder", os.path.join(self.root, "none"))
        self.assertEqual(absent.returncode, 1)
        self.assertIn("no brokers in", absent.stderr)

    def test_test_picks_the_preset(self):
        good = "100% tests passed, 0 tests failed out of 1"
        self.assertIn("--preset asan-ubsan", self.run_tests(good, 0, "--asan")[2])
        self.assertIn("--preset tsan", self.run_tests(good, 0, "--tsan")[2])
        self.assertIn("--tests-regex sql", self.run_tests(good, 0, "--only", "sql")[2])

    def test_run_needs_a_configuration(self):
        told = self.call("tools/run", "--config", "absent.toml")
        self.assertEqual(told.returncode, 2)
        self.assertIn("'absent.toml' does not exist", told.stderr)

    def test_run_tells_when_no_node_runs(self):
        with open(os.path.join(self.root, "config.toml"), "w", encoding="utf-8") as file:
            file.write("[node]\ndata_dir = 'state'\n")
        self.assertEqual(self.call("tools/run", "--status").returncode, 1)
        stopped = self.call("tools/run", "--stop")
        self.assertEqual((stopped.returncode, stopped.stdout), (0, "run: no node runs on state\n"))
        # The id of a process that is no node, left over in the file, stops nothing.
        os.makedirs(os.path.join(self.root, "state"))
        with open(os.path.join(self.root, "state", "node.pid"), "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        self.assertEqual(self.call("tools/run", "--stop").stdout, "run: no node runs on state\n")


if __name__ == "__main__":
    unittest.main()
