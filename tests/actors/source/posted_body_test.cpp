#include "actors/source/posted_body.hpp"

#include <catch2/catch.hpp>

using namespace weir;

namespace {

const format_spec json{"json", {}}, csv{"csv", {{"delimiter", ";"}}}, raw{"raw", {}}, isd{"isd", {}};

std::vector<std::string> records_of(const source_chunk& chunk) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < chunk.records.size(); ++i) out.emplace_back(chunk.records[i]);
  return out;
}

std::vector<std::string> read(body_media media, std::string_view body, const format_spec& format) {
  const auto chunk = chunk_of_body(media, body, format, 1'000);
  return chunk ? records_of(*chunk) : std::vector<std::string>{chunk.error().text()};
}

}  // namespace

TEST_CASE("a JSON body is one record, over as many lines as it likes") {
  CHECK(read(body_media::json, " {\"a\":\n1}\n", json) == std::vector<std::string>{"{\"a\":\n1}"});
  const auto array = chunk_of_body(body_media::json, "\n[{\"a\":1}]", json, 1'000);
  REQUIRE_FALSE(array);
  CHECK(array.error().code == errc::invalid_argument);
  CHECK(array.error().hint.find("application/x-ndjson") != std::string::npos);
}

TEST_CASE("NDJSON, CSV and text bodies have a record per line") {
  CHECK(read(body_media::ndjson, "{}\r\n\n{\"b\":2}", json) == std::vector<std::string>{"{}", "{\"b\":2}"});
  CHECK(read(body_media::text, "a\nb", raw) == std::vector<std::string>{"a", "b"});
  const auto table = chunk_of_body(body_media::csv, "a;b\n1;\"x\ny\"\n2;z\n", csv, 1'000);
  REQUIRE(table);
  CHECK(table->context == "a;b");
  CHECK(table->format.empty());  // the stream's own, with its options
  CHECK(records_of(*table) == std::vector<std::string>{"1;\"x\ny\"", "2;z"});
}

TEST_CASE("a body of another format than its stream's says so to ingest") {
  CHECK(chunk_of_body(body_media::csv, "a,b\n1,2\n", json, 1'000)->format == "csv");
  CHECK(chunk_of_body(body_media::json, "{}", csv, 1'000)->format == "json");
}

TEST_CASE("bytes are one record of a raw stream") {
  const std::string bytes("\0\n\xff", 3);
  CHECK(read(body_media::bytes, bytes, raw) == std::vector<std::string>{bytes});
}

TEST_CASE("a stream takes only what can be read as its records") {
  const auto refused = [](body_media media, const format_spec& format) {
    const auto s = check_media(media, format);
    return !s && s.error().code == errc::unsupported && !s.error().hint.empty();
  };
  CHECK(refused(body_media::text, json));
  CHECK(refused(body_media::bytes, csv));
  CHECK(refused(body_media::json, raw));
  CHECK_FALSE(refused(body_media::text, isd));
}

TEST_CASE("what is too long is a failure beside its neighbours, what is empty is refused") {
  const auto chunk = chunk_of_body(body_media::ndjson, "{}\n" + std::string(20, 'x') + "\n{}\n", json, 10);
  REQUIRE(chunk);
  CHECK(chunk->records.size() == 2);
  REQUIRE(chunk->failures.size() == 1);
  CHECK(chunk->failures[0].bytes == std::string(10, 'x'));
  CHECK(chunk_of_body(body_media::json, std::string(20, '{'), json, 10)->failures.size() == 1);
  CHECK(chunk_of_body(body_media::json, " \n\n", json, 10).error().code == errc::invalid_argument);
  CHECK(chunk_of_body(body_media::ndjson, "\n\n", json, 10).error().code == errc::invalid_argument);
  CHECK(chunk_of_body(body_media::csv, "a;b\n", csv, 10).error().code == errc::invalid_argument);
  CHECK(chunk_of_body(body_media::csv, "", csv, 10).error().code == errc::invalid_argument);
}
