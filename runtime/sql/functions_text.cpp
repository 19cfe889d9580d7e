#include <algorithm>
#include <limits>

#include "runtime/sql/characters.hpp"
#include "runtime/sql/function_table.hpp"
#include "runtime/sql/kernel_loops.hpp"

namespace weir {
namespace {

using int64 = std::int64_t;
using view = std::string_view;
using text_result = row_result<std::string>;
using int_result = row_result<int64>;
constexpr auto text = data_type::text;
constexpr auto bigint = data_type::bigint;

// Longest text that a function makes of shorter ones: a batch's texts share a column with 32-bit ends.
constexpr std::size_t grown_text_limit = 1 << 20;

void lower(text_result& out, view v) {
  for (std::size_t at = 0; at < v.size();) append_character(out.value, lower_character(next_character(v, at)));
}
void upper(text_result& out, view v) {
  for (std::size_t at = 0; at < v.size();) append_character(out.value, upper_character(next_character(v, at)));
}
void initcap(text_result& out, view v) {
  bool inside = false;
  for (std::size_t at = 0; at < v.size();) {
    const auto c = next_character(v, at);
    append_character(out.value, inside ? lower_character(c) : upper_character(c));
    inside = (c >= '0' && c <= '9') || lower_character(c) != upper_character(c) || c >= 0x80;
  }
}
void reverse(text_result& out, view v) {
  std::vector<char32_t> characters;
  for (std::size_t at = 0; at < v.size();) characters.push_back(next_character(v, at));
  for (auto c = characters.rbegin(); c != characters.rend(); ++c) append_character(out.value, *c);
}
void length(int_result& out, view v) { out.value = static_cast<int64>(count_characters(v)); }
void octet_length(int_result& out, view v) { out.value = static_cast<int64>(v.size()); }

view characters_from(view v, int64 skip, int64 count) {
  v.remove_prefix(byte_behind(v, static_cast<std::size_t>(std::max<int64>(skip, 0))));
  return v.substr(0, byte_behind(v, static_cast<std::size_t>(std::max<int64>(count, 0))));
}
void substring_from(text_result& out, view v, int64 from) {
  out.value = from <= 1 ? v : characters_from(v, from - 1, static_cast<int64>(v.size()));
}
void substring_for(text_result& out, view v, int64 from, int64 count) {
  if (count < 0) return out.fail("negative substring length not allowed");
  int64 end = 0;  // position behind the last character
  if (__builtin_add_overflow(from, count, &end)) end = std::numeric_limits<int64>::max();
  const int64 begin = std::max<int64>(from, 1);
  if (end > begin) out.value = characters_from(v, begin - 1, end - begin);
}
void left(text_result& out, view v, int64 n) {
  if (n < 0) n = std::max<int64>(static_cast<int64>(count_characters(v)) + std::max<int64>(n, -int64{1 << 30}), 0);
  out.value = characters_from(v, 0, n);
}
void right(text_result& out, view v, int64 n) {
  const auto all = static_cast<int64>(count_characters(v));
  const int64 skip = n < 0 ? -std::max<int64>(n, -int64{1 << 30}) : std::max<int64>(all - n, 0);
  out.value = characters_from(v, skip, all);
}

void split_part(text_result& out, view v, view delimiter, int64 n) {
  if (n == 0) return out.fail("field position must not be zero");
  if (delimiter.empty()) {
    if (n == 1 || n == -1) out.value = v;
    return;
  }
  if (n < 0) {
    while (true) {
      const auto at = v.rfind(delimiter);
      const bool last = at == view::npos;
      if (++n == 0) {
        out.value = last ? v : v.substr(at + delimiter.size());
        return;
      }
      if (last) return;
      v = v.substr(0, at);
    }
  }
  while (true) {
    const auto at = v.find(delimiter);
    if (--n == 0) {
      out.value = v.substr(0, at);
      return;
    }
    if (at == view::npos) return;
    v.remove_prefix(at + delimiter.size());
  }
}

bool holds(view characters, char32_t c) {
  for (std::size_t at = 0; at < characters.size();)
    if (next_character(characters, at) == c) return true;
  return false;
}
view trim_left(view v, view characters) {
  while (!v.empty()) {
    std::size_t next = 0;
    if (!holds(characters, next_character(v, next))) break;
    v.remove_prefix(next);
  }
  return v;
}
view trim_right(view v, view characters) {
  while (!v.empty()) {
    std::size_t last = v.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(v[last]) & 0xc0) == 0x80) --last;
    std::size_t at = last;
    if (!holds(characters, next_character(v, at))) break;
    v = v.substr(0, last);
  }
  return v;
}
void ltrim(text_result& out, view v) { out.value = trim_left(v, " "); }
void rtrim(text_result& out, view v) { out.value = trim_right(v, " "); }
void btrim(text_result& out, view v) { out.value = trim_left(trim_right(v, " "), " "); }
void ltrim_of(text_result& out, view v, view c) { out.value = trim_left(v, c); }
void rtrim_of(text_result& out, view v, view c) { out.value = trim_right(v, c); }
void btrim_of(text_result& out, view v, view c) { out.value = trim_left(trim_right(v, c), c); }

void replace(text_result& out, view v, view from, view to) {
  if (from.empty()) {
    out.value = v;
    return;
  }
  while (true) {
    const auto at = v.find(from);
    out.value += v.substr(0, at);
    if (at == view::npos) return;
    out.value += to;
    if (out.value.size() > grown_text_limit && to.size() > from.size())
      return out.fail("the replaced text is longer than 1 MiB");
    v.remove_prefix(at + from.size());
  }
}
void strpos(int_result& out, view v, view what) {
  const auto at = v.find(what);
  out.value = at == view::npos ? 0 : static_cast<int64>(count_characters(v.substr(0, at))) + 1;
}
void starts_with(int_result& out, view v, view prefix) { out.value = v.starts_with(prefix) ? 1 : 0; }
void ends_with(int_result& out, view v, view suffix) { out.value = v.ends_with(suffix) ? 1 : 0; }

void repeat(text_result& out, view v, int64 n) {
  if (n > 0 && !v.empty() && static_cast<std::size_t>(n) > grown_text_limit / v.size())
    return out.fail("the repeated text is longer than 1 MiB");
  for (int64 i = 0; i < n && !v.empty(); ++i) out.value += v;
}

void pad(text_result& out, view v, int64 width, view fill, bool on_the_left) {
  if (width > static_cast<int64>(grown_text_limit)) return out.fail("the padded text is longer than 1 MiB");
  const auto present = static_cast<int64>(count_characters(v));
  if (width <= present) {
    out.value = characters_from(v, 0, width);
    return;
  }
  std::string padding;
  if (!fill.empty())
    for (int64 left_over = width - present; left_over > 0;) {
      const auto piece = characters_from(fill, 0, left_over);
      padding += piece;
      left_over -= static_cast<int64>(count_characters(piece));
    }
  if (on_the_left) out.value += padding;
  out.value += v;
  if (!on_the_left) out.value += padding;
}
void lpad(text_result& out, view v, int64 width) { pad(out, v, width, " ", true); }
void rpad(text_result& out, view v, int64 width) { pad(out, v, width, " ", false); }
void lpad_with(text_result& out, view v, int64 width, view fill) { pad(out, v, width, fill, true); }
void rpad_with(text_result& out, view v, int64 width, view fill) { pad(out, v, width, fill, false); }

template <class... Args>
scalar_function to_text(view name, std::vector<data_type> arguments, void (*f)(text_result&, Args...),
                        bool fails = false) {
  return {name, std::move(arguments), text, fails, row_kernel<std::string, Args...>(text, f)};
}
template <class... Args>
scalar_function to_int(view name, std::vector<data_type> arguments, data_type type, void (*f)(int_result&, Args...)) {
  return {name, std::move(arguments), type, false, row_kernel<int64, Args...>(type, f)};
}

}  // namespace

void add_text_functions(std::vector<scalar_function>& table) {
  table.push_back(to_text("lower", {text}, lower));
  table.push_back(to_text("upper", {text}, upper));
  table.push_back(to_text("initcap", {text}, initcap));
  table.push_back(to_text("reverse", {text}, reverse));
  for (const auto* name : {"length", "char_length", "character_length"})
    table.push_back(to_int(name, {text}, bigint, length));
  table.push_back(to_int("length", {data_type::bytea}, bigint, octet_length));
  table.push_back(to_int("octet_length", {text}, bigint, octet_length));
  table.push_back(to_int("octet_length", {data_type::bytea}, bigint, octet_length));
  for (const auto* name : {"substring", "substr"}) {
    table.push_back(to_text(name, {text, bigint}, substring_from));
    table.push_back(to_text(name, {text, bigint, bigint}, substring_for, true));
  }
  table.push_back(to_text("left", {text, bigint}, left));
  table.push_back(to_text("right", {text, bigint}, right));
  table.push_back(to_text("split_part", {text, text, bigint}, split_part, true));
  table.push_back(to_text("ltrim", {text}, ltrim));
  table.push_back(to_text("rtrim", {text}, rtrim));
  table.push_back(to_text("ltrim", {text, text}, ltrim_of));
  table.push_back(to_text("rtrim", {text, text}, rtrim_of));
  for (const auto* name : {"btrim", "trim"}) {
    table.push_back(to_text(name, {text}, btrim));
    table.push_back(to_text(name, {text, text}, btrim_of));
  }
  table.push_back(to_text("replace", {text, text, text}, replace, true));
  for (const auto* name : {"strpos", "position"}) table.push_back(to_int(name, {text, text}, bigint, strpos));
  table.push_back(to_int("starts_with", {text, text}, data_type::boolean, starts_with));
  table.push_back(to_int("ends_with", {text, text}, data_type::boolean, ends_with));
  table.push_back(to_text("repeat", {text, bigint}, repeat, true));
  table.push_back(to_text("lpad", {text, bigint}, lpad, true));
  table.push_back(to_text("rpad", {text, bigint}, rpad, true));
  table.push_back(to_text("lpad", {text, bigint, text}, lpad_with, true));
  table.push_back(to_text("rpad", {text, bigint, text}, rpad_with, true));
}

}  // namespace weir
