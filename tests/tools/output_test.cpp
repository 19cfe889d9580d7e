#include <catch2/catch.hpp>

#include "tools/weir/output/csv.hpp"
#include "tools/weir/output/display_text.hpp"
#include "tools/weir/output/table.hpp"

namespace weir::cli {

TEST_CASE("a table aligns its columns by what a terminal shows") {
  const table t{{{"NAME"}, {"N", true}, {"NOTE"}},
                {{"cam1", "7", "socks"}, {"海", "1234", ""}, {"Ångström", "1", "x"}}};
  CHECK(t.render(0, false) ==
        "NAME         N  NOTE\n"
        "cam1         7  socks\n"
        "海        1234\n"
        "Ångström     1  x\n");
}

TEST_CASE("a table that is too wide cuts its widest columns first") {
  const table t{{{"NAME"}, {"ERROR"}}, {{"cam1", "cannot read /data/cam1.jsonl"}}};
  CHECK(t.render(20, false) == "NAME  ERROR\ncam1  cannot read /…\n");
  CHECK(t.render(0, false) == "NAME  ERROR\ncam1  cannot read /data/cam1.jsonl\n");
  CHECK(t.render(3, false) == "NAME  ERR…\ncam1  can…\n");  // never narrower than 4 columns each
}

TEST_CASE("colours mark headings and states, and change no width") {
  const table t{{{"NAME"}, {"STATE"}}, {{"a", "running"}, {"b", "failed"}}};
  CHECK(t.render(0, true) ==
        "\x1b[1mNAME\x1b[0m  \x1b[1mSTATE\x1b[0m\n"
        "a     \x1b[32mrunning\x1b[0m\n"
        "b     \x1b[31mfailed\x1b[0m\n");
}

TEST_CASE("what a record holds never moves the cursor") {
  CHECK(printable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
  CHECK(printable("\x1b[2J\x07") == "\\x1b[2J\\x07");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\u202etxt.exe") == "\\u202etxt.exe");
  CHECK(printable("\u009b") == "\\u009b");
  CHECK(printable("Ölfälle 海 🦑") == "Ölfälle 海 🦑");
}

TEST_CASE("width counts wide characters twice and combining ones not at all") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("海") == 2);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("🦑") == 2);
  CHECK(truncated("海海海", 4) == "海…");
  CHECK(truncated("abc", 3) == "abc");
  CHECK(truncated("abc", 0).empty());
}

TEST_CASE("CSV quotes what would be read otherwise") {
  CHECK(csv_line({"a", "b"}) == "a,b\r\n");
  CHECK(csv_line({"a,b", "say \"hi\"", "two\nlines", ""}) == "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
  CHECK(csv_line({""}) == "\"\"\r\n");
}

}  // namespace weir::cli
