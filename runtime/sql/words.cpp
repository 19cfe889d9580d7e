#include "runtime/sql/words.hpp"

#include <fmt/format.h>

#include <map>

#include "runtime/sql/word_list.hpp"

namespace weir {
namespace {

std::string lower_word(std::string_view word) {
  std::string out(word);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::vector<sql_word> all_words() {
  std::vector<sql_word> out;
  add_running_words(out);
  add_refused_words(out);
  return out;
}

// A bar would end the cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '|') out += '\\';
    out.push_back(c == '\n' ? ' ' : c);
  }
  return out;
}

}  // namespace

const std::vector<sql_word>& sql_words() {
  static const std::vector<sql_word> words = all_words();
  return words;
}

const sql_word* find_word(std::string_view word) {
  static const auto by_name = [] {
    std::map<std::string, const sql_word*, std::less<>> out;
    for (const auto& w : sql_words()) out.try_emplace(lower_word(w.word), &w);
    return out;
  }();
  const auto found = by_name.find(lower_word(word));
  return found == by_name.end() ? nullptr : found->second;
}

std::string_view to_string(word_kind kind) {
  switch (kind) {
    case word_kind::statements: return "Statements";
    case word_kind::clauses: return "Clauses";
    case word_kind::windows: return "Windows";
    case word_kind::aggregates: return "Aggregates";
    case word_kind::functions: return "Functions";
    case word_kind::operators: return "Operators";
    case word_kind::types: return "Types";
    case word_kind::options: return "Options";
  }
  return "?";
}

std::string words_as_markdown() {
  std::string out;
  for (int k = 0; k <= static_cast<int>(word_kind::options); ++k) {
    const auto kind = static_cast<word_kind>(k);
    out += fmt::format("{}## {}\n\n| word | state | example, or what to write instead |\n| --- | --- | --- |\n",
                       out.empty() ? "" : "\n", to_string(kind));
    for (const auto& w : sql_words()) {
      if (w.kind != kind) continue;
      out += w.runs ? fmt::format("| {} | runs | `{}` |\n", cell(w.word), cell(w.example))
                    : fmt::format("| {} | refused | {}: {} |\n", cell(w.word), cell(w.reason), cell(w.instead));
    }
  }
  return out;
}

}  // namespace weir
