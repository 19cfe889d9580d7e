#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

using texts = std::vector<std::string>;

// Pulls until nothing comes; the time between pulls is long enough for every look at the disk.
everything poll(connector& source) { return drain(source, {}, 6); }

struct followed {
  followed() { write_file(path, "1\n2\n"); }
  std::unique_ptr<connector> open(std::string_view position = {}) const {
    return opened(file_spec({{"path", path}, {"follow", "true"}}), context, position);
  }

  temp_folder folder;
  std::string path = folder / "app.log";
  connector_context context = context_for({folder.text()});
};

}  // namespace

TEST_CASE("a followed file's unfinished last line waits for its end, across a restart too") {
  followed log;
  append_file(log.path, "{\"half");
  auto source = log.open();
  auto all = poll(*source);
  CHECK(all.records == texts{"1", "2"});
  CHECK_FALSE(all.ended);
  if (GENERATE(false, true)) source = log.open(all.position);
  append_file(log.path, "\":1}\n3");
  all = poll(*source);
  CHECK(all.records == texts{"{\"half\":1}"});
  append_file(log.path, "\n");
  CHECK(poll(*source).records == texts{"3"});
}

TEST_CASE("a followed CSV file's header is read again after a restart") {
  followed log;
  const auto context = context_for({log.folder.text()}, "csv");
  const auto spec = file_spec({{"path", log.path}, {"follow", "true"}});
  write_file(log.path, "a,b\n1,2\n");
  const auto all = drain(*opened(spec, context));
  append_file(log.path, "3,\"x\ny\"\n");
  const auto more = drain(*opened(spec, context, all.position));
  CHECK(more.records == texts{"3,\"x\ny\""});
  CHECK(more.contexts == texts{"a,b"});
}

TEST_CASE("a followed file that was renamed away is finished before the new one is begun") {
  followed log;
  auto source = log.open();
  auto all = poll(*source);
  const bool restart = GENERATE(false, true);
  append_file(log.path, "3\nlast");
  std::filesystem::rename(log.path, log.path + ".1");
  if (restart) source = log.open(all.position);
  CHECK(poll(*source).records == texts{"3"});  // the name is missing for now
  write_file(log.path, "4\n");
  all = poll(*source);
  CHECK(all.records == texts{"last", "4"});
  if (restart) source = log.open(all.position);
  append_file(log.path, "5\n");
  CHECK(poll(*source).records == texts{"5"});
}

TEST_CASE("rotation at any moment, with restarts at any moment, loses and repeats nothing") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 30; ++round) {
    temp_folder folder;
    const std::string path = folder / "app.log";
    const auto spec = file_spec({{"path", path}, {"follow", "true"}, {"settle", "0 s"}});
    const auto context = context_for({folder.text()});
    texts written, read;
    int rotations = 0;
    std::string position;
    write_file(path, "");
    auto source = opened(spec, context);
    position = source->pull({}).value().position;  // from now on no file's turn may be missed
    bool rotated = false;                          // since the source has caught up
    for (int step = 0; step < 200; ++step) {
      const auto action = random() % 8;
      if (action < 4) {
        written.push_back(std::to_string(step) + std::string(random() % 30, 'x'));
        append_file(path, written.back() + "\n");
      } else if (action == 4 && !rotated) {
        std::filesystem::rename(path, path + "." + std::to_string(++rotations));
        write_file(path, "");
        rotated = true;
      } else if (action == 5) {
        source = opened(spec, context, position);
      } else {
        const auto all = drain(*source, {1 + random() % 4, 1 + random() % 50, {}}, rotated ? 6 : 1);
        REQUIRE(all.error == "");
        read.insert(read.end(), all.records.begin(), all.records.end());
        position = all.position;
        rotated = false;
      }
    }
    const auto all = poll(*source);
    read.insert(read.end(), all.records.begin(), all.records.end());
    CAPTURE(round);
    for (std::size_t i = 0; i < std::min(read.size(), written.size()); ++i) REQUIRE(read[i] == written[i]);
    REQUIRE(read.size() == written.size());
  }
}

TEST_CASE("a rotated file that is still written to is not finished before it settles") {
  followed log;
  clock_us = 0;  // the files' own times lie in the future: only what is seen counts
  auto source = opened(file_spec({{"path", log.path}, {"follow", "true"}, {"settle", "10 s"}}), log.context);
  CHECK(drain(*source).records == texts{"1", "2"});
  std::filesystem::rename(log.path, log.path + ".1");
  write_file(log.path, "4\n");
  CHECK(drain(*source).records.empty());
  append_file(log.path + ".1", "3\n");
  CHECK(drain(*source).records == texts{"3"});
  clock_us += 20 * us_per_s;
  CHECK(poll(*source).records == texts{"4"});
}

TEST_CASE("a file that was rotated twice unseen stops the source and is named") {
  followed log;
  const auto all = poll(*log.open());
  struct ::timespec times[2] = {{1000, 0}, {1000, 0}};
  ::utimensat(AT_FDCWD, log.path.c_str(), times, 0);
  std::filesystem::rename(log.path, log.path + ".2");
  write_file(log.path + ".1", "never read\n");
  write_file(log.path, "5\n");
  const auto after = poll(*log.open(all.position));
  CHECK(after.code == errc::conflict);
  CHECK(after.error.find("app.log.1 was never read") != std::string::npos);
}

TEST_CASE("a followed file that shrinks, is written anew or is deleted and replaced stops the source") {
  followed log;
  auto source = log.open();
  const auto all = poll(*source);
  std::string expected;
  SECTION("shrinks") {
    std::filesystem::resize_file(log.path, 2);
    expected = "shrank: it has 2 bytes, 4 were already read";
  }
  SECTION("is cut and grows past what was read") {
    write_file(log.path, "7\n8\n9\n");
    expected = "was written anew: the bytes before 4";
  }
  SECTION("is replaced, the old one deleted") {
    write_file(log.folder / "new", "1\n2\n3\n");
    std::filesystem::rename(log.folder / "new", log.path);
    expected = "was replaced: 4 bytes";
  }
  const auto after = poll(*source);
  CHECK(after.records.empty());
  CHECK(after.error.find(expected) != std::string::npos);
  CHECK(after.error.find(log.path) != std::string::npos);
  CAPTURE(after.error);
  // After the back-off the answer is the same.
  auto again = make_connector(file_spec({{"path", log.path}, {"follow", "true"}}), log.context).value();
  const auto status = again->open(all.position);
  REQUIRE(status);
  const auto repeated = poll(*again);
  CHECK(repeated.records.empty());
  CHECK_FALSE(repeated.error.empty());
}

TEST_CASE("a growing gzip file is followed member by member") {
  followed log;
  const std::string first = gzipped("1\n2\n");
  const std::string second = gzipped("3\n" + std::string(5000, 'y') + "\n");
  write_file(log.path, first.substr(0, 1));
  auto source = log.open();
  CHECK(poll(*source).records.empty());
  append_file(log.path, first.substr(1) + second.substr(0, 12));
  const auto all = poll(*source);
  CHECK(all.records == texts{"1", "2"});
  if (GENERATE(false, true)) source = log.open(all.position);
  append_file(log.path, second.substr(12));
  CHECK(poll(*source).records == texts{"3", std::string(5000, 'y')});
}

TEST_CASE("the disk is not asked for the name more often than four times a second") {
  followed log;
  auto source = log.open();
  CHECK(poll(*source).records.size() == 2);
  (void)source->pull({});
  std::filesystem::rename(log.path, log.path + ".1");
  write_file(log.path, "3\n");
  for (int i = 0; i < 10; ++i) {
    clock_us += 20'000;
    CHECK(source->pull({})->records.size() == 0);
  }
  CHECK(poll(*source).records == texts{"3"});
}

TEST_CASE("a silent file is looked at once per poll interval") {
  followed log;
  log.context.file_poll_interval_us = 60 * us_per_s;
  auto source = log.open();
  auto first = source->pull({});
  REQUIRE(first);
  CHECK(first->records.size() == 2);
  CHECK(first->longest_pause == std::chrono::seconds(60));
  REQUIRE(source->pull({}));
  std::filesystem::rename(log.path, log.path + ".1");
  write_file(log.path, "3\n");
  for (int i = 0; i < 5; ++i) {
    clock_us += 10 * us_per_s;
    const auto none = source->pull({});
    REQUIRE(none);
    CHECK(none->records.size() == 0);
  }
  clock_us += 10 * us_per_s;
  CHECK(poll(*source).records == texts{"3"});
}
