// Answers of the node in the format that was asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/weir/problem.hpp"
#include "tools/weir/terminal.hpp"

namespace weir::cli {

enum class output_format { as_table, as_json, as_csv };

result<output_format> parse_output_format(const std::string& name);

// A column of lists: the key in the item ("position.offset" reaches into objects) and its heading in tables.
struct column_choice {
  std::string key, heading;
};

class printer {
 public:
  printer(const terminal& io, output_format format, bool colour) : io_(io), format_(format), colour_(colour) {}

  output_format format() const { return format_; }
  bool colour() const { return colour_; }

  // A list of objects. json: `whole` (what the node answered) as it is; table: the chosen columns; csv: those, then
  // every other key. No columns chosen: the items' own keys.
  void list(const json& items, const std::vector<column_choice>& columns, const json& whole) const;
  // One object: key and value on each line.
  void object(const json& value) const;
  // Rows of arrays under named columns: {"columns":[{"name"}],"rows":[[...]]}.
  void relation(const json& answer) const;
  // What a command did: table: the sentence; json: the node's answer.
  void done(const std::string& sentence, const json& answer) const;

  // Rows as they come: csv and table print the heading once, the widths stay those of the first rows.
  class stream {
   public:
    explicit stream(const printer& owner) : owner_(owner) {}
    void row(const json& object, bool deleted);

   private:
    const printer& owner_;
    std::vector<std::string> keys_;
    std::vector<std::size_t> widths_;
  };

 private:
  void rows(const std::vector<column_choice>& columns, const std::vector<std::vector<std::string>>& cells,
            const std::vector<bool>& right_aligned) const;

  const terminal& io_;
  output_format format_;
  bool colour_;
};

// A value as one cell: strings as they are, null empty, objects and arrays as JSON.
std::string cell_text(const json& value);

}  // namespace weir::cli
