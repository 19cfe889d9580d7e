#include "tools/weir/command_tree.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>
#include <vector>

#include "tools/weir/suggestion.hpp"

namespace weir::cli {

namespace {

// The command and all above it, innermost first.
std::vector<const CLI::App*> with_parents(const CLI::App* app) {
  std::vector<const CLI::App*> all;
  for (; app != nullptr; app = app->get_parent()) all.push_back(app);
  return all;
}

const CLI::Option* find_option(const CLI::App* app, const std::string& name) {
  for (const auto* level : with_parents(app)) {
    if (const auto* found = level->get_option_no_throw(name)) return found;
  }
  return nullptr;
}

std::string meant(const std::optional<std::string>& word) {
  return word ? fmt::format("; did you mean '{}'?", *word) : std::string();
}

std::string unknown_option(const CLI::App* app, const std::string& name) {
  std::vector<std::string> known;
  for (const auto* level : with_parents(app)) {
    for (const auto* option : level->get_options([](const CLI::Option*) { return true; })) {
      for (const auto& word : option->get_lnames()) known.push_back("--" + word);
    }
  }
  return fmt::format("unknown option '{}'{}", name, meant(nearest(name, known)));
}

std::string unknown_command(const CLI::App* app, const std::string& word) {
  std::vector<std::string> known;
  std::string list;
  for (const auto* child : app->get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(child->get_name());
    list += (list.empty() ? "" : ", ") + child->get_name();
  }
  const auto near = nearest(word, known);
  const auto where = app->get_parent() == nullptr ? std::string() : fmt::format(" of '{}'", app->get_name());
  return fmt::format("unknown command '{}'{}{}", word, where, near ? meant(near) : "; there are: " + list);
}

}  // namespace

cli_option& cli_option::required() {
  inner_->required();
  return *this;
}
cli_option& cli_option::type_name(const std::string& name) {
  inner_->type_name(name);
  return *this;
}
cli_option& cli_option::shows_default() {
  inner_->capture_default_str();
  return *this;
}
cli_option& cli_option::one_of(const std::vector<std::string>& values) {
  inner_->check(CLI::IsMember(values));
  return *this;
}
cli_option& cli_option::between(std::uint64_t least, std::uint64_t most) {
  inner_->check(CLI::Range(least, most));
  return *this;
}
cli_option& cli_option::check(const std::function<std::string(const std::string&)>& wrong) {
  inner_->check(wrong);
  return *this;
}
cli_option& cli_option::excludes(const cli_option& other) {
  inner_->excludes(other.inner_);
  return *this;
}

cli_option cli_command::add_option(const std::string& names, std::string& to, const std::string& what) {
  return cli_option(*inner_->add_option(names, to, what));
}
cli_option cli_command::add_option(const std::string& names, std::uint64_t& to, const std::string& what) {
  return cli_option(*inner_->add_option(names, to, what));
}
cli_option cli_command::add_option(const std::string& names, int& to, const std::string& what) {
  return cli_option(*inner_->add_option(names, to, what));
}
cli_option cli_command::add_option(const std::string& names, std::vector<std::string>& to, const std::string& what) {
  return cli_option(*inner_->add_option(names, to, what)->expected(1)->take_all());
}
cli_option cli_command::add_flag(const std::string& names, bool& to, const std::string& what) {
  return cli_option(*inner_->add_flag(names, to, what));
}
void cli_command::callback(std::function<void()> chosen) { inner_->callback(std::move(chosen)); }

void refuse_usage(const std::string& what, const std::string& why) { throw CLI::ValidationError(what, why); }

cli_command add_noun(const cli_command& program, const std::string& name, const std::string& what) {
  auto& noun = *program.inner().add_subcommand(name, what);
  noun.require_subcommand(1);
  noun.footer(fmt::format("Example:\n  weir {} COMMAND --help", name));
  return cli_command(noun);
}

cli_command add_command(const cli_command& parent, const std::string& name, const std::string& what,
                        const std::string& examples) {
  auto& command = *parent.inner().add_subcommand(name, what);
  std::istringstream lines(examples);
  std::string footer = "Example:";
  for (std::string line; std::getline(lines, line);) footer += "\n  weir " + line;
  command.footer(footer + "\n\nOptions of every command and the exit codes: weir --help");
  return cli_command(command);
}

std::string unknown_word(const CLI::App& program, const std::vector<std::string>& arguments) {
  const CLI::App* here = &program;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == "--") return {};
    if (word.size() > 1 && word[0] == '-') {
      const bool is_long = word[1] == '-';
      const auto equals = is_long ? word.find('=') : std::string::npos;
      const auto name = is_long ? word.substr(0, equals) : word.substr(0, 2);
      const auto* option = find_option(here, name);
      // A number below zero is a value.
      if (option == nullptr && !is_long && (std::isdigit(static_cast<unsigned char>(word[1])) != 0)) continue;
      if (option == nullptr) return unknown_option(here, name);
      const bool value_follows = is_long ? equals == std::string::npos : word.size() == 2;
      if (option->get_items_expected_max() > 0 && value_follows) ++i;
      continue;
    }
    const auto children = here->get_subcommands([&](const CLI::App* child) { return child->check_name(word); });
    if (!children.empty()) {
      here = children.front();
    } else if (!here->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      return unknown_command(here, word);
    }
  }
  return {};
}

}  // namespace weir::cli
