#!/usr/bin/env python3
"""The dashboard in a real browser, over a node in memory. Usage: page_test.py SERVE_FAKE_NODE"""
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "process"))
import browser  # noqa: E402
from node_process import wait_until  # noqa: E402

SKIPPED = 77
PATIENCE = 60  # seconds
SERVER = ""
NAMES = "Array.from(document.querySelectorAll('#sources tbody tr'), (line) => line.cells[0].textContent)"
FOLD = "document.querySelector('#sources .fold').click()"
MORE = "document.querySelector('#sources .more:not([hidden]) button')"


class Node:
    """serve_fake_node on a free port, for a `with`."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen([SERVER, "0", *self.options], stdout=subprocess.PIPE, text=True)
        self.signed_in = self.process.stdout.readline().strip()
        self.url = self.signed_in.split("?")[0]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def shows(shown, *texts):
    """The page's elements once they hold all of these texts."""
    def elements():
        text = shown.value("document.documentElement.outerHTML") or ""
        return text if all(re.search(each, text) for each in texts) else None
    return wait_until(f"the page shows {texts}", elements, PATIENCE)


class Page(unittest.TestCase):
    def test_shows_sources_views_rows_and_chart_without_breaking_its_own_rules(self):
        with Node() as node, browser.page(node.signed_in) as shown:
            rows = r"(<td>(Striped|Argyle|Plain)</td>.*?){301}"
            text = shows(shown, "<strong>live</strong>", '<span class="badge bad">failed</span>', rows, "<canvas",
                         "(?s)u-legend.*Argyle", 'aria-current="true"><span>sock_seen</span>')
            self.assertEqual(text.count('<td class="name">'), 7)
            self.assertEqual(shown.console(), [])

    def test_the_sources_that_post_fills_by_itself_are_one_line_that_opens(self):
        with Node() as node, browser.page(node.signed_in) as shown:
            closed = wait_until("the sources are there", lambda: shown.evaluate(NAMES), PATIENCE)
            self.assertIn("post.camera (16)", closed)
            self.assertEqual(shown.evaluate("document.querySelector('#sources tr:has(.fold) .badge').textContent"),
                             "running 1, waiting 15")
            shown.evaluate(FOLD)
            opened = shown.evaluate(NAMES)
            self.assertEqual(sorted(set(opened) - set(closed)), sorted(f"post.camera.{i}" for i in range(16)))
            at = opened.index("post.camera (16)")
            self.assertEqual([opened[:at + 1], opened[at + 17:]], [closed[:at + 1], closed[at + 1:]])
            shown.evaluate(FOLD)
            self.assertEqual(shown.evaluate(NAMES), closed)

    def test_many_sources_are_shown_in_parts(self):
        with Node("--many") as node, browser.page(node.signed_in) as shown:
            wait_until("the first part", lambda: len(shown.evaluate(NAMES)) == 200, PATIENCE)
            for count in (400, 450):
                wait_until("there is more", lambda: shown.evaluate(f"{MORE} !== null"), PATIENCE)
                shown.evaluate(f"{MORE}.click()")
                wait_until("the next part", lambda: len(shown.evaluate(NAMES)) == count, PATIENCE)
            self.assertIsNone(shown.evaluate("document.querySelector('#sources .more:not([hidden])')"))

    def test_text_of_records_is_never_markup(self):
        with Node() as node, browser.page(node.signed_in) as shown:
            self.assertNotIn("<b>NaN", shows(shown, re.escape("&lt;b&gt;NaN?&lt;/b&gt;")))

    def test_an_empty_node_says_what_to_do_next(self):
        with Node("--empty") as node, browser.page(node.signed_in) as shown:
            shows(shown, "<code>weir apply socks.sql</code>", "weir source add")
            self.assertEqual(shown.console(), [])

    def test_a_browser_without_a_session_is_asked_for_the_token(self):
        with Node() as node, browser.page(node.url) as shown:
            self.assertNotIn("sock-camera", shows(shown, "signed out", 'type="password"'))


if __name__ == "__main__":
    if not browser.PROGRAM:
        print("page_test skipped: no chromium")
        sys.exit(SKIPPED)
    SERVER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
