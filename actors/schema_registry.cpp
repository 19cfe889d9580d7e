#include "actors/schema_registry.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace weir {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using json = nlohmann::json;

constexpr std::size_t max_schema = 1U << 20, max_answer = 4U << 20, max_known = 10'000;
constexpr std::string_view plain = "http://";

struct web_address {
  std::string host, port = "80", path;
};

result<web_address> parse_address(std::string_view url) {
  if (!url.starts_with(plain) || url.find('@') != std::string_view::npos)
    return with_hint(fail(errc::unsupported, "sources.kafka.registry = '{}' is not http://host:port", url),
                     "https and passwords in the address are not supported");
  url.remove_prefix(plain.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  web_address out;
  const auto slash = url.find('/');
  if (slash != std::string_view::npos) out.path = url.substr(slash);
  const auto place = url.substr(0, slash);
  const auto colon = place.rfind(':');
  out.host = place.substr(0, colon);
  if (colon != std::string_view::npos) out.port = place.substr(colon + 1);
  if (out.host.empty()) return fail(errc::invalid_argument, "sources.kafka.registry names no host");
  return out;
}

struct answer {
  unsigned status = 0;
  std::string body;
};

// One GET on a connection of its own: schemas are asked for once each.
class get_request {
 public:
  get_request(const web_address& to, const std::string& target) : to_(to) {
    request_.method(http::verb::get);
    request_.target(to.path + target);
    request_.version(11);
    request_.set(http::field::host, to.host + ":" + to.port);
    request_.set(http::field::accept, "application/vnd.schemaregistry.v1+json, application/json");
    parser_.body_limit(max_answer);
  }

  result<answer> run(std::chrono::milliseconds timeout) {
    resolver_.async_resolve(to_.host, to_.port, [this](beast::error_code e, auto found) {
      if (end(e)) return;
      stream_.async_connect(found, [this](beast::error_code c, auto) {
        if (end(c)) return;
        http::async_write(stream_, request_, [this](beast::error_code w, std::size_t) {
          if (end(w)) return;
          http::async_read(stream_, buffer_, parser_, [this](beast::error_code r, std::size_t) {
            problem_ = r;
            done_ = true;
          });
        });
      });
    });
    io_.run_for(timeout);
    if (!done_) return fail(errc::timeout, "the schema registry {}:{} does not answer in time", to_.host, to_.port);
    if (problem_)
      return fail(errc::unavailable, "the schema registry {}:{}: {}", to_.host, to_.port, problem_.message());
    return answer{parser_.get().result_int(), std::move(parser_.get().body())};
  }

 private:
  bool end(beast::error_code e) {
    if (!e) return false;
    problem_ = e;
    return done_ = true;
  }

  web_address to_;
  asio::io_context io_;
  asio::ip::tcp::resolver resolver_{io_};
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  http::response_parser<http::string_body> parser_;
  beast::error_code problem_;
  bool done_ = false;
};

}  // namespace

result<std::string> schema_registry::ask(std::uint32_t id) const {
  WEIR_TRY(to, parse_address(where_));
  WEIR_TRY(got, get_request(to, fmt::format("/schemas/ids/{}", id)).run(timeout_));
  if (got.status == 404) return fail(errc::not_found, "the schema registry {} has no schema {}", where_, id);
  if (got.status != 200) return fail(errc::unavailable, "the schema registry {} answers {}", where_, got.status);
  const auto in = json::parse(got.body, nullptr, false);
  if (!in.is_object() || !in.contains("schema") || !in["schema"].is_string())
    return fail(errc::unavailable, "the schema registry {} answers what is no schema", where_);
  if (in.contains("schemaType") && in["schemaType"] != "AVRO")
    return fail(errc::unsupported, "schema {} of {} is no Avro", id, where_);
  if (in.contains("references") && !in["references"].empty())
    return fail(errc::unsupported, "schema {} of {} is made of other schemas, which is not supported", id, where_);
  return in["schema"].get<std::string>();
}

result<std::string> schema_registry::read_file(std::uint32_t id) const {
  const auto path = std::filesystem::path(where_) / fmt::format("{}.avsc", id);
  std::error_code problem;
  if (!std::filesystem::is_directory(where_, problem))
    return fail(errc::unavailable, "sources.kafka.registry {} is no folder that can be read", where_);
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, "there is no schema {}", path.string());
  std::string text(max_schema + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(errc::io_error, "the schema {} cannot be read", path.string());
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

result<std::string> schema_registry::schema(std::uint32_t id) {
  if (where_.empty())
    return fail(errc::unavailable, "no schemas are known: name a registry or a folder in sources.kafka.registry");
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(id); it != known_.end()) return it->second;
  }
  auto found = where_.starts_with("http") ? ask(id) : read_file(id);
  if (!found) return found;
  if (found->size() > max_schema)
    return fail(errc::limit_exceeded, "schema {} of {} has more than {} bytes", id, where_, max_schema);
  std::lock_guard lock(mutex_);
  if (known_.size() >= max_known) known_.clear();
  known_[id] = *found;
  return found;
}

}  // namespace weir
