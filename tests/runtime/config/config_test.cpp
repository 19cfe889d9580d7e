#include "runtime/config/config.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "runtime/config/keys.hpp"
#include "runtime/format/text_value.hpp"

using namespace weir;
namespace fs = std::filesystem;

namespace {

std::string file_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string refusal(std::string_view text) {
  const auto parsed = parse_config(text, "c.toml");
  return parsed ? "accepted" : parsed.error().text();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The part of a file from [section] to the next section.
std::string section_of(const std::string& text, std::string_view section) {
  const std::string head = fmt::format("\n[{}]\n", section);
  const std::size_t begin = text.find(head);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find("\n[", begin + head.size()) - begin + 1);
}

// A value as TOML that is one step outside the key's bounds.
std::string over(const config_key& key) {
  switch (key.type) {
    case key_type::integer: return fmt::format("{}", key.maximum + 1);
    case key_type::duration: return fmt::format("\"{} us\"", key.maximum + 1);
    case key_type::size: return fmt::format("\"{} B\"", key.maximum + 1);
    case key_type::text:
    case key_type::name: return fmt::format("\"{}\"", std::string(static_cast<std::size_t>(key.maximum) + 1, 'x'));
    case key_type::choice: return "\"none of them\"";
    case key_type::boolean: return "1";
    case key_type::texts: break;
  }
  std::string list = "[";
  for (std::int64_t i = 0; i <= key.maximum; ++i) list += "\"x\",";
  return list + "]";
}

struct temp_folder {
  fs::path path = fs::temp_directory_path() / fmt::format("weir-config-{}", ::getpid());
  temp_folder() { fs::create_directories(path); }
  ~temp_folder() { fs::remove_all(path); }
};

}  // namespace

TEST_CASE("an empty file is the default config") {
  const auto c = parse_config("", "c.toml");
  REQUIRE(c);
  CHECK(c->node.shards == 4);
  CHECK(c->commit.interval_max_us == 100'000);
  CHECK(c->log.retention_bytes == 10LL << 30);
  CHECK(c->gateway.host == "127.0.0.1");
  CHECK(c->sources.file_allow.empty());
}

TEST_CASE("the documented file is the default config") {
  const auto parsed = parse_config(render_default_config(), "default");
  REQUIRE(parsed);
  config a = *parsed, b;
  for (const config_key& key : config_keys()) {
    INFO(key.section << "." << key.name);
    std::visit([&](auto place) { CHECK(place(a) == place(b)); }, key.place);
  }
}

TEST_CASE("every default lies within what its key allows") {
  for (const config_key& key : config_keys()) {
    INFO(key.section << "." << key.name << " = " << default_of(key));
    const auto parsed = parse_config(fmt::format("[{}]\n{} = {}\n", key.section, key.name, default_of(key)), "c.toml");
    CHECK(parsed);
    CHECK_FALSE(key.description.empty());
  }
}

TEST_CASE("the repository's config.toml parses, names every key and documents the table's defaults") {
  const auto loaded = load_config("config.toml");
  if (!loaded) FAIL(loaded.error().text());
  const std::string text = file_text("config.toml");
  for (const config_key& key : config_keys()) {
    INFO(key.section << "." << key.name);
    CHECK(contains(section_of(text, key.section), fmt::format("\n{}{} = ", comment_of(key), key.name)));
  }
}

TEST_CASE("a value outside a key's bounds is refused with place, value and what is allowed") {
  for (const config_key& key : config_keys()) {
    const std::string full = fmt::format("{}.{}", key.section, key.name);
    const std::string text = refusal(fmt::format("\n[{}]\n  {} = {}\n", key.section, key.name, over(key)));
    INFO(full << ": " << text);
    CHECK(contains(text, "c.toml:3:"));
    CHECK(contains(text, full));
    CHECK(contains(text, allowed_of(key)));
  }
}

TEST_CASE("a long value is shown in part, cut between characters") {
  for (std::size_t before = 50; before < 62; ++before) {
    const auto value = std::string(before, '5') + "\u00e9\u20ac\U0001f980 and more";
    const std::string text = refusal("[node]\nstall_timeout = \"" + value + "\"");
    INFO(text);
    CHECK(is_valid_utf8(text));
    CHECK(contains(text, "... is not allowed"));
  }
}

TEST_CASE("a value of another type is refused for every key") {
  for (const config_key& key : config_keys()) {
    for (const char* value : {"1979-05-27", "{ a = 1 }", "[1]", "2.5"}) {
      const std::string text = refusal(fmt::format("[{}]\n{} = {}\n", key.section, key.name, value));
      INFO(key.section << "." << key.name << ": " << text);
      CHECK(contains(text, "c.toml:2:"));
    }
  }
}

TEST_CASE("an unknown key is refused with its place and the nearest name") {
  const std::string text = refusal("[node]\nname = \"a\"\nshard = 4\n");
  CHECK(contains(text, "c.toml:3:1: unknown key shard in [node]"));
  CHECK(contains(text, "did you mean shards?"));
  CHECK(contains(refusal("[gatewy]\n"), "did you mean gateway?"));
  CHECK(contains(refusal("[sources.file]\nallowed = []\n"), "did you mean allow?"));
  CHECK(contains(refusal("[commit]\ncompletely_different = 1\n"), "known here: interval_min, interval_max, max_bytes"));
  CHECK(contains(refusal("[[pipeline]]\nname='a'\nfiles='b'\n"), "did you mean file?"));
}

TEST_CASE("text that is no TOML is refused with line and column") {
  CHECK(contains(refusal("[node]\nname = \n"), "c.toml:2:"));
  CHECK(contains(refusal("[node]\nname = 'a'\nname = 'b'\n"), "c.toml:3:"));
}

TEST_CASE("a section where a value stands, and a value where a section stands, are refused") {
  CHECK(contains(refusal("node = 3\n"), "write a section: [node]"));
  CHECK(contains(refusal("[sources]\nfile = 3\n"), "write a section: [sources.file]"));
  CHECK(contains(refusal("[pipeline]\nname = 'a'\n"), "write [[pipeline]]"));
  CHECK(contains(refusal("source = 1\n"), "write [[source]]"));
}

TEST_CASE("keys that contradict each other are refused") {
  CHECK(contains(refusal("[log.kafka]\nreplication = 1\n"), "log.kafka.min_insync is above log.kafka.replication"));
  CHECK(contains(refusal("[log]\nkind = 'kafka'\n[log.kafka]\ntimeout = '10 s'\n"),
                 "log.kafka.timeout is not below node.stall_timeout"));
  CHECK(contains(refusal("[log]\nkind = 'kafka'\n[log.kafka]\nprotocol = 'sasl_ssl'\n"),
                 "write log.kafka.user and log.kafka.password_file"));
  CHECK(contains(refusal("[commit]\ninterval_min = '1 s'\ninterval_max = '10 ms'\n"), "commit.interval_min is above"));
  CHECK(contains(refusal("[sources]\nrestart_min = '1 hour'\n"), "sources.restart_min is above"));
  CHECK(contains(refusal("[log]\nmax_record = '16 MiB'\n[commit]\nmax_bytes = '1 MiB'\n"), "log.max_record is above"));
}

TEST_CASE("a lease must last for three heartbeats") {
  CHECK(contains(refusal("[cluster]\nlease = '1 s'\nheartbeat_interval = '400 ms'\n"),
                 "cluster.lease is shorter than three of cluster.heartbeat_interval"));
  CHECK(contains(refusal("[cluster]\nheartbeat_interval = '501 ms'\n"), "cluster.heartbeat_interval"));
  CHECK(parse_config("[cluster]\nlease = '1200 ms'\nheartbeat_interval = '400 ms'\n", "c.toml"));
}

TEST_CASE("a refused token or password is not shown") {
  const std::string text = refusal(fmt::format("[gateway]\ntoken = 'secret{}'\n", std::string(600, 'x')));
  CHECK(contains(text, "gateway.token"));
  CHECK_FALSE(contains(text, "secret"));
  const std::string other =
      refusal("[[source]]\nname = 's'\nstream = 't'\nconnector = 'mqtt'\npassword = ['secret']\n");
  CHECK(contains(other, "source.password"));
  CHECK_FALSE(contains(other, "secret"));
}

TEST_CASE("pipelines and sources are read in their order") {
  const auto c = parse_config(R"(
[[pipeline]]
name = "socks"
file = "socks.sql"
[[pipeline]]
name = "weather"
file = "weather.sql"
from = "end"
[[source]]
name = "cam.1"
stream = "camera"
connector = "simulate"
rate = 2.5
seed = 7
loop = true
[[source]]
name = "cam-2"
stream = "camera"
connector = "file"
path = "a.jsonl"
[source.options]
follow = "yes"
)",
                              "c.toml");
  if (!c) FAIL(c.error().text());
  REQUIRE(c->pipelines.size() == 2);
  CHECK(c->pipelines[0].from_beginning());
  CHECK_FALSE(c->pipelines[1].from_beginning());
  REQUIRE(c->listed_sources.size() == 2);
  CHECK(c->listed_sources[0].options ==
        std::map<std::string, std::string>{{"rate", "2.5"}, {"seed", "7"}, {"loop", "true"}});
  CHECK(c->listed_sources[1].options == std::map<std::string, std::string>{{"path", "a.jsonl"}, {"follow", "yes"}});
}

TEST_CASE("entries that miss a key, repeat a name or hold what is no text are refused") {
  CHECK(contains(refusal("\n[[pipeline]]\nname = 'a'\n"), "c.toml:2:1: [[pipeline]] without file"));
  CHECK(contains(refusal("[[source]]\nname = 'a'\nstream = 's'\n"), "[[source]] without connector"));
  CHECK(contains(refusal("[[pipeline]]\nname='a'\nfile='f'\nfrom='middle'\n"), "\"beginning\" or \"end\""));
  CHECK(contains(refusal("[[source]]\nname='a b'\nstream='s'\nconnector='c'\n"), "source.name"));
  CHECK(contains(refusal("[[source]]\nname='a'\nstream='s'\nconnector='c'\nx=[1]\n"), "source.x"));
  CHECK(contains(refusal("[[source]]\nname='a'\nstream='s'\nconnector='c'\nx=1\n[source.options]\nx=2\n"), "twice"));
  const std::string twice = "[[source]]\nname='a'\nstream='s'\nconnector='c'\n";
  CHECK(contains(refusal(twice + twice), "two [[source]] are named a"));
}

TEST_CASE("relative paths are from the file's folder") {
  const temp_folder folder;
  std::ofstream(folder.path / "c.toml")
      << "[node]\ndata_dir = 'd'\n[sources.file]\nallow = ['in', '/abs']\n"
         "[sources.mqtt]\nfolders = ['keys', '/abs']\n"
         "[[pipeline]]\nname='p'\nfile='sub/../p.sql'\n"
         "[[source]]\nname='s'\nstream='x'\nconnector='file'\npath='in/a'\nca_file='ca'\n";
  const auto c = load_config(folder.path / "c.toml");
  if (!c) FAIL(c.error().text());
  CHECK(c->node.data_dir == (folder.path / "d").string());
  CHECK(c->sources.file_allow == std::vector<std::string>{(folder.path / "in").string(), "/abs"});
  CHECK(c->sources.mqtt_folders == std::vector<std::string>{(folder.path / "keys").string(), "/abs"});
  CHECK(c->pipelines[0].file == (folder.path / "p.sql").string());
  CHECK(c->listed_sources[0].options.at("path") == (folder.path / "in/a").string());
  CHECK(c->listed_sources[0].options.at("ca_file") == (folder.path / "ca").string());
}

TEST_CASE("a file that is absent, a folder or too large is refused") {
  const temp_folder folder;
  CHECK(load_config(folder.path / "absent.toml").error().code == errc::not_found);
  CHECK(load_config(folder.path).error().code == errc::not_found);
  std::ofstream(folder.path / "large.toml") << std::string(5 << 20, '#');
  CHECK(load_config(folder.path / "large.toml").error().code == errc::limit_exceeded);
}

TEST_CASE("damaged files never end the process") {
  const std::string good = render_default_config();
  std::mt19937_64 random(5);
  int accepted = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::string text = good.substr(0, random() % good.size());
    for (int n = 0; n < 3 && !text.empty(); ++n) text[random() % text.size()] = static_cast<char>(random());
    accepted += parse_config(text, "c.toml").has_value();
  }
  CHECK(accepted < 2'000);
}
