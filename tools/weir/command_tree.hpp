// The tree of commands, and what a command declares of itself. CLI11 does the work, behind this: a unit that sees its
// headers compiles much of it again (measured: 3.5 s each).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weir::cli {

// An option or an argument. The functions say more of it and can be chained.
class cli_option {
 public:
  explicit cli_option(CLI::Option& inner) : inner_(&inner) {}

  cli_option& required();
  cli_option& type_name(const std::string& name);  // of its value, in the help; FILE: completed as such
  cli_option& shows_default();                     // what its variable holds now
  cli_option& one_of(const std::vector<std::string>& values);
  cli_option& between(std::uint64_t least, std::uint64_t most);
  cli_option& check(const std::function<std::string(const std::string&)>& wrong);  // "": the value is fine
  cli_option& excludes(const cli_option& other);

 private:
  CLI::Option* inner_;
};

// A program, a noun or a command. A copy stands for the same one; the program owns them.
class cli_command {
 public:
  explicit cli_command(CLI::App& inner) : inner_(&inner) {}

  // `names`: "--limit" or "-o,--output"; without dashes, an argument. `to` lives as long as the program.
  cli_option add_option(const std::string& names, std::string& to, const std::string& what);
  cli_option add_option(const std::string& names, std::uint64_t& to, const std::string& what);
  cli_option add_option(const std::string& names, int& to, const std::string& what);
  // May be given several times, a value each.
  cli_option add_option(const std::string& names, std::vector<std::string>& to, const std::string& what);
  cli_option add_flag(const std::string& names, bool& to, const std::string& what);
  // Called once it is parsed.
  void callback(std::function<void()> chosen);

  CLI::App& inner() const { return *inner_; }

 private:
  CLI::App* inner_;
};

// Ends a callback: the options do not go together. The message reads "what: why".
[[noreturn]] void refuse_usage(const std::string& what, const std::string& why);

// A group of commands ("source"); one of its commands must follow.
cli_command add_noun(const cli_command& program, const std::string& name, const std::string& what);

// A command with its help: what it does, and examples of its use (one per line, without "weir").
cli_command add_command(const cli_command& parent, const std::string& name, const std::string& what,
                        const std::string& examples);

// A word of the command line that no command or option has, in words for a person ("" when all are known).
std::string unknown_word(const CLI::App& program, const std::vector<std::string>& arguments);

}  // namespace weir::cli
