// The two halves of the table of words (runtime/sql/words.hpp).
#pragma once

#include <vector>

#include "runtime/sql/words.hpp"

namespace weir {

void add_running_words(std::vector<sql_word>& out);
void add_refused_words(std::vector<sql_word>& out);

}  // namespace weir
