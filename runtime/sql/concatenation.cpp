#include "runtime/sql/concatenation.hpp"

namespace weir {
namespace {

// One batch's texts share a column whose ends are 32 bits wide.
constexpr std::size_t text_limit = 1 << 20;

}  // namespace

node_ptr make_concatenation(std::vector<node_ptr> texts, bool skip_nulls) {
  kernel run = [skip_nulls](std::span<const operand> in, std::size_t rows, std::vector<row_error>& errors) {
    column out(data_type::text);
    out.reserve(rows);
    std::string joined;
    for (std::size_t r = 0; r < rows; ++r) {
      joined.clear();
      bool null = false;
      for (const auto& o : in) {
        if (!o.is_null(r))
          joined += o.values->text(o.row(r));
        else
          null = !skip_nulls;
      }
      if (null) {
        out.push_null();
      } else if (joined.size() > text_limit) {
        errors.push_back({static_cast<std::uint32_t>(r), "the joined text is longer than 1 MiB"});
        out.push_null();
      } else {
        out.push_text(joined);
      }
    }
    return std::make_shared<const column>(std::move(out));
  };
  return make_call(data_type::text, std::move(texts), std::move(run), true);
}

}  // namespace weir
