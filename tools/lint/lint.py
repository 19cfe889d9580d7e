#!/usr/bin/env python3
"""Checks the rules of this repository that no compiler checks. Prints file:line: rule: what is wrong; exits 1 then.

Usage: tools/lint/lint.py [ROOT]
"""
import os
import re
import sys

from functions import long_functions

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 120

# A layer may include itself and what stands here. tools -> actors -> cluster -> {state, models} -> runtime.
LAYERS = {
    "runtime": set(),
    "state": {"runtime"},
    "models": {"runtime"},
    "cluster": {"state", "models", "runtime"},
    "actors": {"cluster", "state", "models", "runtime"},
    "tools": {"actors", "cluster", "state", "models", "runtime"},
}

# Libraries and the only places that may include them (tests may include all of them).
LIBRARIES = [
    (re.compile(r"caf/"), ["actors/", "cluster/"]),
    (re.compile(r"rocksdb/"), ["state/", "runtime/log/"]),
    (re.compile(r"librdkafka/"), ["runtime/log/"]),
    (re.compile(r"boost/beast\b"), ["actors/gateway/", "actors/registry_http", "tools/weir/http_connection",
                                   "tools/bench/bare_http"]),
    (re.compile(r"boost/asio\b"), ["actors/gateway/", "actors/net/", "actors/source/mqtt/", "actors/registry_http",
                                   "tools/weir/http_connection", "tools/bench/bare_http"]),
    (re.compile(r"openssl/ssl|openssl/x509"), ["actors/source/mqtt/", "actors/registry_http"]),
    (re.compile(r"pg_query\b"), ["runtime/sql/"]),
    (re.compile(r"simdjson\b"), ["runtime/format/", "runtime/sql/", "tools/bench/"]),
    (re.compile(r"google/protobuf/"), ["runtime/format/protobuf_"]),
    (re.compile(r"(torch|ATen|c10)/"), []),
]

CPP = (".cpp", ".hpp")
TEXT = CPP + (".py", ".sh", ".cmake", ".ts", ".sql", ".toml")
SKIPPED_FOLDERS = {".git", "build", "corpus", "data", "node_modules", "dist", "__pycache__", ".venv"}
BAD_NAME = re.compile(r"utils|(^|_)util(_|\.|$)|helper|common", re.IGNORECASE)
OPEN_WORK = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def is_script(path):
    """True for programs without an ending that start with #!."""
    if "." in os.path.basename(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def is_text(path):
    return path.endswith(TEXT) or os.path.basename(path) == "CMakeLists.txt" or is_script(path)


def files(root):
    """Every file below root as a path relative to it, generated and foreign folders left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            full = os.path.join(folder, name)
            if os.path.isfile(full) and not os.path.islink(full):
                yield os.path.relpath(full, root)


def check_include(path, included):
    """Yields (rule, text) for an #include that the layers or the libraries' places do not allow."""
    layer = path.split(os.sep)[0]
    if layer not in LAYERS:
        return
    target = included.split("/")[0]
    if target == "tests" and not path.startswith("tools/bench/"):  # benchmarks share the tests' made plans
        yield "direction", f'"{included}": only tests include tests'
    elif target in LAYERS and target != layer and target not in LAYERS[layer]:
        allowed = ", ".join(sorted(LAYERS[layer])) or "nothing else"
        yield "direction", f'"{included}": {layer} may include {allowed}'
    for library, places in LIBRARIES:
        if library.match(included) and not any(path.startswith(place) for place in places):
            where = " and ".join(places) or "nowhere yet"
            yield "library", f"<{included}> belongs in {where}"


def check_line(path, line):
    """Yields (rule, text) for one line without its line break."""
    if "\t" in line:
        yield "tab", "a tab; indent with spaces"
    if len(line) > MAX_COLUMNS and "://" not in line:
        yield "columns", f"{len(line)} columns, at most {MAX_COLUMNS}"
    if found := OPEN_WORK.search(line):
        yield "open-work", f"{found.group()}: finish it or leave it out"
    if path.endswith(".hpp") and re.match(r"\s*using\s+namespace\b", line):
        yield "using-namespace", "in a header; name what is used"
    if path.endswith(CPP) and (included := INCLUDE.match(line)):
        yield from check_include(path, included.group(1))


def check_file(root, path):
    """Yields (line, rule, text) for everything wrong in one file."""
    if BAD_NAME.search(os.path.basename(path)):
        yield 1, "name", "name the file after what it does, not utils, helpers or common"
    if not is_text(os.path.join(root, path)):
        return
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        text = file.read()
    lines = text.split("\n")
    count = len(lines) - (lines[-1] == "")
    if count > MAX_FILE_LINES:
        yield count, "file-length", f"{count} lines, at most {MAX_FILE_LINES}"
    for number, line in enumerate(lines, 1):
        for rule, what in check_line(path, line):
            yield number, rule, what
    precompiled = path.startswith("cmake/pch/")  # included by the compiler, never by a file
    if path.endswith(".hpp") and not precompiled and not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield 1, "pragma-once", "a header without #pragma once"
    if path.endswith(CPP):
        for start, length, name in long_functions(text, MAX_FUNCTION_LINES):
            yield start, "function-length", f"'{name}' has {length} lines, at most {MAX_FUNCTION_LINES}"


def main(arguments):
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    root = os.path.normpath(arguments[0] if arguments else default)
    checked = found = 0
    for path in files(root):
        checked += 1
        for line, rule, what in check_file(root, path):
            found += 1
            print(f"{path}:{line}: {rule}: {what}")
    print(f"lint: {found} findings in {checked} files")
    return 1 if found or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
