#!/usr/bin/env python3
"""tools/lint finds what it should: every rule gets a bad sample and its good twin."""
import contextlib
import io
import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "lint"))

import lint  # noqa: E402
from functions import functions  # noqa: E402


def findings(path, text):
    """The rules that one file with this text breaks, with their lines."""
    with tempfile.TemporaryDirectory() as root:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full))
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return [(line, rule) for line, rule, _ in lint.check_file(root, path)]


class rules(unittest.TestCase):
    def test_a_lower_layer_must_not_include_a_higher_one(self):
        self.assertEqual(findings("runtime/a.cpp", '#include "state/store.hpp"\n'), [(1, "direction")])
        self.assertEqual(findings("state/a.cpp", '\n#include "models/model.hpp"\n'), [(2, "direction")])
        self.assertEqual(findings("cluster/a.cpp", '#include "actors/hub.hpp"\n'), [(1, "direction")])
        self.assertEqual(findings("actors/a.cpp", '#include "tools/weir/main.hpp"\n'), [(1, "direction")])
        self.assertEqual(findings("actors/a.cpp", '#include "cluster/fold.hpp"\n#include "runtime/result.hpp"\n'), [])
        self.assertEqual(findings("runtime/a.cpp", '#include "tests/support/fake.hpp"\n'), [(1, "direction")])

    def test_a_library_stays_in_its_place(self):
        for include, bad, good in [
            ("caf/all.hpp", "runtime/a.cpp", "actors/a.cpp"),
            ("rocksdb/db.h", "actors/a.cpp", "runtime/log/a.cpp"),
            ("boost/beast/http.hpp", "tools/weir/commands/a.cpp", "tools/weir/http_connection.cpp"),
            ("boost/asio.hpp", "actors/source/a.cpp", "actors/gateway/a.cpp"),
            ("pg_query.h", "runtime/operators/a.cpp", "runtime/sql/a.cpp"),
            ("simdjson.h", "actors/gateway/a.cpp", "runtime/format/a.cpp"),
        ]:
            with self.subTest(include):
                self.assertEqual(findings(bad, f"#include <{include}>\n"), [(1, "library")])
                self.assertEqual(findings(good, f"#include <{include}>\n"), [])
        self.assertEqual(findings("models/a.cpp", "#include <torch/script.h>\n"), [(1, "library")])
        self.assertEqual(findings("runtime/a.cpp", "#include <boost/multiprecision/cpp_int.hpp>\n"), [])

    def test_files_have_at_most_600_lines(self):
        self.assertEqual(findings("runtime/a.cpp", "\n" * 600), [])
        self.assertEqual(findings("runtime/a.cpp", "\n" * 601), [(601, "file-length")])

    def test_functions_have_at_most_70_lines(self):
        body = "  step();\n" * 68
        self.assertEqual(findings("runtime/a.cpp", f"void f() {{\n{body}}}\n"), [])
        self.assertEqual(findings("runtime/a.cpp", f"int x;\n\nvoid f() {{\n{body}  step();\n}}\n"),
                         [(3, "function-length")])

    def test_names_say_what_a_file_does(self):
        for name in ["utils.cpp", "string_util.cpp", "test_helpers.hpp", "common.py"]:
            self.assertIn((1, "name"), findings("runtime/" + name, "#pragma once\n"), name)
        self.assertEqual(findings("runtime/commit.cpp", ""), [])

    def test_headers(self):
        self.assertEqual(findings("runtime/a.hpp", "namespace weir {}\n"), [(1, "pragma-once")])
        self.assertEqual(findings("runtime/a.hpp", "#pragma once\nusing namespace std;\n"), [(2, "using-namespace")])
        self.assertEqual(findings("runtime/a.cpp", "using namespace std::chrono_literals;\n"), [])

    def test_lines(self):
        self.assertEqual(findings("runtime/a.cpp", "\tint x;\n"), [(1, "tab")])
        self.assertEqual(findings("runtime/a.cpp", "// " + "x" * 117 + "\n"), [])
        self.assertEqual(findings("runtime/a.cpp", "// " + "x" * 118 + "\n"), [(1, "columns")])
        self.assertEqual(findings("runtime/a.cpp", "// " + "TO" + "DO later\n"), [(1, "open-work")])
        self.assertEqual(findings("tools/a.py", "# " + "FIX" + "ME later\n"), [(1, "open-work")])


class function_finder(unittest.TestCase):
    def names(self, source):
        return [(line, length) for line, length, _ in functions(source)]

    def test_braces_in_text_and_comments_do_not_count(self):
        source = 'void f() {\n  g("{{", \'{\');  // {\n  /* { */ h(R"x({ )" )x");\n}\nvoid g() {\n}\n'
        self.assertEqual(self.names(source), [(1, 4), (5, 2)])

    def test_methods_are_found_and_types_are_not_functions(self):
        source = ("namespace weir {\nclass a : public b<int(int)> {\n public:\n  int f() const {\n    return x(\n"
                  "        1);\n  }\n};\nconst int table[] = {\n  f(1),\n};\n}  // namespace weir\n")
        self.assertEqual(self.names(source), [(4, 4)])

    def test_digit_separators_and_preprocessor_lines(self):
        source = "#define OPEN(x) \\\n  if (x) {\nint f(int) {\n  return 1'000'000;\n}\n"
        self.assertEqual(self.names(source), [(3, 3)])

    def test_lambdas_belong_to_their_function(self):
        source = "void f() {\n  run([](int x) {\n    return x;\n  });\n}\n"
        self.assertEqual(self.names(source), [(1, 5)])


class program(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                return lint.main([root]), out.getvalue()

    def test_it_names_file_line_and_rule_and_fails(self):
        code, out = self.run_on({"runtime/a.cpp": "\n#include <caf/all.hpp>\n", "runtime/b.cpp": "int x;\n"})
        self.assertEqual(code, 1)
        self.assertIn("runtime/a.cpp:2: library: <caf/all.hpp>", out)
        self.assertIn("lint: 1 findings in 2 files", out)

    def test_it_passes_clean_files_and_skips_built_ones(self):
        code, _ = self.run_on({"runtime/a.cpp": "int x;\n", "build/x/a.cpp": "\tint x;\n"})
        self.assertEqual(code, 0)

    def test_nothing_checked_is_no_success(self):
        self.assertEqual(self.run_on({})[0], 1)


if __name__ == "__main__":
    unittest.main()
