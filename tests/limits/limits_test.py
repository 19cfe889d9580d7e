"""Every number in config.toml that limits something has a test that goes past it: limits.txt names it, this checks it.
Arguments: the weir-node program, ctest's build folder."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE / "limits.txt"
NUMBER = re.compile(r"# (a size|a length of time|-?\d+ to \d+ )[^\n]*Default: ")
NO_LIMIT = "-"
node_program, build_folder = "", ""


def numbers_of_config(text):
    """Keys with a count, a size or a length of time, from a documented config.toml."""
    keys, section, is_number = [], "", False
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith("#"):
            is_number = bool(NUMBER.match(line)) and "letters" not in line
        elif "=" in line and is_number:
            keys.append(f"{section}.{line.split('=')[0].strip()}")
    return keys


def read_rows(text):
    """key -> (ctest name, test); a row that has no three parts is an error."""
    rows = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"limits.txt:{number}: write key | ctest name | test")
        if parts[0] in rows:
            raise ValueError(f"limits.txt:{number}: {parts[0]} stands there twice")
        rows[parts[0]] = (parts[1], parts[2])
    return rows


def problems(keys, rows, tests_of):
    """tests_of(ctest name): the names of its tests; None when ctest has none of that name."""
    found = [f"{key} has no test that goes past it. Write one and add this line to {TABLE}:\n"
             f"    {key} | CTEST NAME | NAME OF THE TEST      (or '- | why it limits nothing')"
             for key in keys if key not in rows]
    found += [f"{key} in {TABLE} is no number of config.toml: take its line out" for key in rows if key not in keys]
    for key, (where, test) in rows.items():
        if where == NO_LIMIT:
            continue
        try:
            tests = tests_of(where)
        except not_built as missing:
            found.append(f"{key}: {missing}")
            continue
        if tests is None:
            found.append(f"{key}: ctest has no test {where}")
        elif test not in tests:
            found.append(f"{key}: {where} has no test '{test}'; mend its line in {TABLE}")
    return found


class not_built(Exception):
    pass


class registered_tests:
    def __init__(self):
        done = subprocess.run(["ctest", "--test-dir", build_folder, "--show-only=json-v1"], check=True,
                              capture_output=True, text=True)
        self.commands = {test["name"]: test.get("command", []) for test in json.loads(done.stdout)["tests"]}
        self.known = {}

    def __call__(self, name):
        if name not in self.commands:
            return None
        if name not in self.known:
            self.known[name] = self.read(name, self.commands[name])
        return self.known[name]

    def read(self, name, command):
        script = next((part for part in command if part.endswith(".py")), None)
        if script:
            text = (HERE.parent.parent / script).read_text()
            return set(re.findall(r"^\s*def (test_\w+)", text, re.MULTILINE))
        if not command or not pathlib.Path(command[0]).exists():
            raise not_built(f"{name} is not built: cmake --build {build_folder} --target {name}")
        # Catch2 answers how many there are as its exit code.
        listed = subprocess.run([command[0], "--list-test-names-only"], capture_output=True, text=True)
        return {line.strip() for line in listed.stdout.splitlines()}


class limits(unittest.TestCase):
    def test_every_number_of_config_toml_that_is_a_limit_has_a_test_that_is_there(self):
        printed = subprocess.run([node_program, "--print-default-config"], check=True, capture_output=True, text=True)
        keys = numbers_of_config(printed.stdout)
        self.assertGreater(len(keys), 40)
        found = problems(keys, read_rows(TABLE.read_text()), registered_tests())
        if found:
            self.fail("\n" + "\n".join(found))


class the_check_itself(unittest.TestCase):
    CONFIG = """[a]
# Words.
# 1 to 32 letters, digits, '-' or '_'. Default: "weir"
name = "weir"
# How many.
# 1 to 10 things. Default: 3
most = 3
# How large.
# a size, "1 KiB" to "1 MiB". Default: "1 MiB"
size = "1 MiB"
# How long.
# a length of time, "1 s" to "1 day". Default: "1 s"
wait = "1 s"
# true or false. Default: false
flag = false
"""

    def test_it_finds_the_numbers(self):
        self.assertEqual(numbers_of_config(self.CONFIG), ["a.most", "a.size", "a.wait"])

    def test_it_fails_for_a_key_without_a_row_and_says_what_to_write_where(self):
        found = problems(["a.most"], {}, lambda name: set())
        self.assertEqual(len(found), 1)
        self.assertIn("a.most | CTEST NAME", found[0])
        self.assertIn(str(TABLE), found[0])

    def test_it_fails_for_a_row_whose_test_or_key_is_not_there(self):
        rows = read_rows("a.most | test_a | goes past\na.gone | - | nothing")
        self.assertEqual(problems(["a.most"], rows, lambda name: {"goes past"}),
                         [f"a.gone in {TABLE} is no number of config.toml: take its line out"])
        row = {"a.most": rows["a.most"]}
        self.assertIn("test_a has no test 'goes past'", problems(["a.most"], row, lambda name: set())[0])
        self.assertIn("ctest has no test test_a", problems(["a.most"], row, lambda name: None)[0])

    def test_it_refuses_rows_that_are_none(self):
        for text in ("a.most | test_a", "a.most | | x", "a | t | x\na | t | y"):
            with self.assertRaises(ValueError):
                read_rows(text)


if __name__ == "__main__":
    node_program, build_folder = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
