// What clients send: requests as the routes see them, and messages on a WebSocket. No sockets: Beast's parsers are not
// ours.
#include <algorithm>
#include <map>

#include "actors/gateway/event_stream.hpp"
#include "actors/gateway/live_channel.hpp"
#include "actors/gateway/problem.hpp"
#include "actors/gateway/request_handler.hpp"
#include "actors/source/posted_body.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/fake_node.hpp"

namespace weir::fuzz {

namespace {

using nlohmann::json;

struct served {
  served() {
    options.token = "secret";
    options.allowed_origins = {"http://pages.example"};
    options.max_subscriptions_per_connection = 4;
    options.max_batch_rows = 3;
    node.add_one_of_each();
    auto& seen = node.add_view("seen", "upsert",
                               {{{"name", "k"}, {"type", "text"}}, {{"name", "b"}, {"type", "bigint"}}}, {"k"});
    seen.append(live_row::kind::row, {{"k", "x"}, {"b", 1}});
    seen.append(live_row::kind::row, {{"k", "y\r\n\"z\""}, {"b", 2}});
    seen.append(live_row::kind::deleted, {{"k", "x"}});
  }

  fake_node node;
  gateway_options options;
  access_control access{options, 8420};
  gateway_metrics metrics;
  dashboard_files files{""};
  gateway_context context{node, options, access, metrics};
  request_handler handler{context, files};
};

void check_answer(const http_response& answer) {
  require(answer.status >= 200 && answer.status <= 599, "an answer with status {}", answer.status);
  const auto one_line = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
  };
  require(one_line(answer.content_type), "a media type of more than a line");
  for (const auto& [name, value] : answer.headers)
    require(one_line(name) && one_line(value), "the header {} has more than a line", name);
  const bool is_json = answer.content_type.starts_with("application/json") ||
                       answer.content_type.starts_with("application/problem+json");
  if (is_json) require(json::accept(answer.body), "an answer is no JSON: {}", answer.body);
  if (answer.status < 400 || answer.body.empty() || !is_json) return;
  const auto problem = json::parse(answer.body);
  require(problem.value("status", 0) == answer.status && !problem.value("detail", "").empty(),
          "a refusal without its reason: {}", answer.body);
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

void check_url(std::string_view text) {
  if (text.find('\0') != text.npos) return;
  const auto decoded = percent_decode(percent_encoded(text));
  require(decoded && *decoded == text, "a text does not come back from its URL");
  const auto again = split_path("/" + percent_encoded(text) + "/x");
  require(again && again->size() == 2 && again->front() == text, "a segment does not come back from its path");
}

http_request request_of(input& in) {
  http_request out;
  const auto first = in.line();
  const auto space = std::min(first.find(' '), first.size());
  out.method = first.substr(0, space);
  out.head = out.method == "HEAD";
  if (out.head) out.method = "GET";
  const auto target = first.substr(std::min(space + 1, first.size()));
  const auto question = std::min(target.find('?'), target.size());
  out.path = target.substr(0, question);
  out.query = target.substr(std::min(question + 1, target.size()));
  out.host = "localhost:8420";
  out.authorization = "Bearer secret";
  out.content_type = "application/json";
  const std::pair<std::string_view, std::string http_request::*> headers[] = {
      {"host", &http_request::host},
      {"origin", &http_request::origin},
      {"sec-fetch-site", &http_request::sec_fetch_site},
      {"authorization", &http_request::authorization},
      {"cookie", &http_request::cookie},
      {"accept", &http_request::accept},
      {"content-type", &http_request::content_type},
      {"content-encoding", &http_request::content_encoding},
      {"idempotency-key", &http_request::idempotency_key},
      {"last-event-id", &http_request::last_event_id}};
  for (auto line = in.line(); !line.empty(); line = in.line()) {
    const auto colon = std::min(line.find(": "), line.size());
    for (const auto& [name, member] : headers)
      if (line.substr(0, colon) == name) out.*member = line.substr(std::min(colon + 2, line.size()));
    if (line == "upgrade: websocket") out.upgrade = true;
  }
  out.body = in.rest();
  return out;
}

// As event_session does with an admitted request, without the socket.
void read_events(served& s, const admission& admitted, const http_request& request) {
  std::string from = request.last_event_id;
  for (const auto& [name, value] : admitted.query)
    if (name == "from" && from.empty()) from = value;
  auto opened = subscription::open(s.context, admitted.path[0], from, [] {});
  if (!opened) return check_answer(problem(opened.error()));
  event_stream events(std::move(*opened));
  std::string text = events.opening();
  while (const auto event = events.next_event()) text += *event;
  for (std::size_t at = text.find("\ndata: "); at != text.npos; at = text.find("\ndata: ", at + 1)) {
    const auto data = std::string_view(text).substr(at + 7, text.find('\n', at + 7) - at - 7);
    require(json::accept(data), "an event's data is no JSON: {}", data);
  }
}

// A client of one WebSocket. It knows how many rows and deletions the view has, and counts what each subscription
// brought: all that stands behind the token from which it went on, no more and no less.
class live_client {
 public:
  explicit live_client(served& s) : view_(*s.node.views["seen"]), channel_(s.context, [] {}) {}

  void append(bool row) { view_.append(row ? live_row::kind::row : live_row::kind::deleted, {{"k", ++appended_}}); }
  void send(std::string_view line) {
    std::string message(line);
    for (std::size_t at = 0; (at = message.find("\"$\"", at)) != message.npos;)
      message.replace(at, 3, json(token_).dump());
    channel_.receive(message);
    auto answer = channel_.next_message();
    require(answer.has_value(), "a message got no answer: {}", message);
    take(*answer);
  }
  void listen() {
    for (int messages = 0; const auto said = channel_.next_message(); ++messages) {
      take(*said);
      require(messages < 500, "a channel that never falls silent");
    }
    for (const auto& [id, at] : position_)
      require(at == view_.log.size(), "subscription {} stands at {} of {}", id, at, view_.log.size());
  }

 private:
  void take(const live_message& said) {
    std::string text = said.head;
    if (said.batch) text.append(said.batch->members).append(said.tail);
    const auto parsed = json::parse(text, nullptr, false);
    require(parsed.is_object(), "what is said is no JSON object: {}", text);
    const auto id = parsed.value("id", "");
    if (parsed.contains("subscribed")) {
      token_ = parsed["subscribed"]["token"];
      position_[id] = position_of(token_);
    }
    if (parsed.contains("unsubscribed")) position_.erase(id);
    if (!said.batch) return;
    require(position_.contains(id), "rows for {}, which is not subscribed", id);
    position_[id] +=
        said.batch->shed + parsed.value("rows", json::array()).size() + parsed.value("deleted", json::array()).size();
    if (!parsed.contains("token")) return;
    token_ = parsed["token"];
    require(position_of(token_) >= position_[id], "a token leads behind what it came with");
  }
  static std::size_t position_of(const std::string& token) { return std::stoul(token.substr(1)); }

  fake_view& view_;
  live_channel channel_;
  std::map<std::string, std::size_t> position_;
  std::string token_;
  int appended_ = 0;
};

// What the shard does with a body that the gateway passed on.
void take_apart(body_media media, const std::string& body) {
  for (const char* format : {"json", "csv", "isd", "raw"}) {
    if (!check_media(media, {format, {}})) continue;
    const auto chunk = chunk_of_body(media, body, {format, {}}, 200);
    if (!chunk) {
      require(!chunk.error().message.empty(), "a body is refused without a word");
      continue;
    }
    require(chunk->records.size() + chunk->failures.size() > 0, "a body without records is taken");
    require(chunk->records.byte_count() <= body.size(), "a body has grown");
  }
}

}  // namespace

// A request line, headers, an empty line, the body. The node's token is shown unless `authorization` says otherwise.
void run_http(std::string_view bytes) {
  served s;
  input in(bytes);
  auto request = request_of(in);
  check_url(request.path);
  const auto now = access_control::clock::time_point(std::chrono::seconds(1'700'000'000));
  const auto admitted = s.handler.admit(request, now);
  int answers = 0;
  const auto take = [&](http_response answer) {
    ++answers;
    s.handler.complete(answer, request, admitted.where);
    check_answer(answer);
  };
  if (admitted.answer) return take(*admitted.answer);
  require(admitted.where != nullptr, "a request was admitted to no route");
  if (admitted.where->over == transport::websocket) return;
  if (admitted.where->over == transport::event_stream) return read_events(s, admitted, request);
  s.handler.handle(admitted, request, take);
  require(answers == 1, "{} {} was answered {} times", request.method, request.path, answers);
  for (const auto& records : s.node.posted) take_apart(records.media, records.body);
}

// Lines of one client: each is a message, in which "$" stands for the newest token; but one that begins with '+'
// appends a row to the view, '-' deletes one.
void run_websocket(std::string_view bytes) {
  served s;
  live_client client(s);
  input in(bytes);
  for (int lines = 0; lines < 64 && !in.empty(); ++lines) {
    const auto line = in.line();
    if (line.starts_with('+') || line.starts_with('-')) {
      client.append(line[0] == '+');
    } else {
      client.send(line);
    }
    client.listen();
  }
}

}  // namespace weir::fuzz
