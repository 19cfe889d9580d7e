#include "actors/source/http_connector.hpp"

#include "actors/source/option_reader.hpp"

namespace weir {

namespace {

class http_connector final : public connector {
 public:
  explicit http_connector(const source_spec& spec) : name_(spec.name), stream_(spec.stream) {}

  status open(std::string_view) override { return nothing_to_read(); }
  result<source_chunk> pull(const pull_limits&) override { return fail(nothing_to_read().error()); }

 private:
  status nothing_to_read() const {
    return with_hint(fail(errc::unsupported, "source {} has nothing to read: clients bring its records", name_),
                     fmt::format("POST /v1/streams/{}/records?source={}", stream_, name_));
  }

  std::string name_, stream_;
};

}  // namespace

const connector_kind& http_connector_kind() {
  static const connector_kind kind{"http",
                                   "Filled by clients: POST /v1/streams/STREAM/records?source=NAME.",
                                   "exactly once with an Idempotency-Key, else at least once",
                                   {},
                                   true};
  return kind;
}

result<std::unique_ptr<connector>> make_http_connector(const source_spec& spec, const connector_context&) {
  WEIR_TRY_VOID(option_reader(spec, http_connector_kind()).check_names());
  return std::make_unique<http_connector>(spec);
}

}  // namespace weir
