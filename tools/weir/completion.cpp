#include "tools/weir/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <vector>

namespace weir::cli {

namespace {

struct option_words {
  std::vector<std::string> names;  // with their dashes
  std::string what;
  bool takes_value = false;
  bool takes_file = false;
};

struct command_words {
  std::string path;  // "source add"; empty for the program itself
  std::vector<std::pair<std::string, std::string>> subcommands;
  std::vector<option_words> options;
  bool takes_file = false;
};

bool is_file(const CLI::Option& option) { return option.get_type_name() == "FILE"; }

option_words words_of(const CLI::Option& option) {
  option_words words;
  for (const auto& name : option.get_snames()) words.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) words.names.push_back("--" + name);
  words.what = option.get_description();
  words.takes_value = option.get_items_expected_max() > 0;
  words.takes_file = is_file(option);
  return words;
}

void collect(const CLI::App& app, const std::string& path, std::vector<command_words>& all) {
  command_words command{path, {}, {}, false};
  for (const auto* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_positional()) {
      command.takes_file = command.takes_file || is_file(*option);
    } else {
      command.options.push_back(words_of(*option));
    }
  }
  const auto children = app.get_subcommands([](const CLI::App* child) { return !child->get_name().empty(); });
  for (const auto* child : children) command.subcommands.emplace_back(child->get_name(), child->get_description());
  all.push_back(std::move(command));
  for (const auto* child : children) {
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), all);
  }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// Inside single quotes of any of the three shells.
std::string quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }
std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

std::string first_sentence(const std::string& text) { return text.substr(0, text.find_first_of(".;\n")); }

std::string words_for(const command_words& command, const command_words& program) {
  std::string words;
  const auto add = [&](const std::string& word) { words += (words.empty() ? "" : " ") + word; };
  for (const auto& [name, what] : command.subcommands) add(name);
  for (const auto& option : command.options) {
    for (const auto& name : option.names) add(name);
  }
  if (!command.path.empty() && command.subcommands.empty()) {
    for (const auto& option : program.options) {
      for (const auto& name : option.names) {
        if (name.starts_with("--") && (" " + words + " ").find(" " + name + " ") == std::string::npos) add(name);
      }
    }
  }
  return words;
}

// "--url|--token": options whose value is the next word.
std::string value_options(const std::vector<command_words>& all, bool files_only) {
  std::vector<std::string> names;
  for (const auto& command : all) {
    for (const auto& option : command.options) {
      if (files_only ? !option.takes_file : !option.takes_value) continue;
      names.insert(names.end(), option.names.begin(), option.names.end());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string joined;
  for (const auto& name : names) joined += (joined.empty() ? "" : "|") + name;
  return joined;
}

std::string bash_body(const std::vector<command_words>& all) {
  std::string paths, words;
  for (const auto& command : all) {
    if (!command.path.empty()) paths += (paths.empty() ? "" : "|") + quoted(command.path);
    words += fmt::format("    {}) offers={}; files={} ;;\n", quoted(command.path), quoted(words_for(command, all[0])),
                         command.takes_file ? 1 : 0);
  }
  return fmt::format(R"(  local at='' skip=0 word offers='' files=0
  for word in "${{before[@]}}"; do
    if ((skip)); then skip=0; continue; fi
    case $word in
      {}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "${{at:+$at }}$word" in
      {}) at="${{at:+$at }}$word" ;;
    esac
  done
  case $at in
{}  esac
  case $previous in
    {}) offers=''; files=1 ;;
    -o|--output|--format) offers='table json csv'; files=0 ;;
    {}) offers=''; files=0 ;;
  esac
)",
                     value_options(all, false), paths, words, value_options(all, true), value_options(all, false));
}

std::string bash_script(const std::vector<command_words>& all) {
  return fmt::format(R"(# bash completion for weir. Use it:  source <(weir completion bash)
_weir() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=''
  ((COMP_CWORD > 0)) && previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local -a before=("${{COMP_WORDS[@]:1:COMP_CWORD-1}}")
{}  COMPREPLY=()
  [[ -n $offers ]] && mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$current")
  ((files)) && mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$current")
  return 0
}}
complete -o filenames -F _weir weir
)",
                     bash_body(all));
}

std::string zsh_script(const std::vector<command_words>& all) {
  return fmt::format(R"(#compdef weir
# zsh completion for weir. Use it:  source <(weir completion zsh)
_weir() {{
  local current=${{words[CURRENT]}} previous=${{words[CURRENT-1]}}
  local -a before=("${{(@)words[2,CURRENT-1]}}")
  _weir_words
}}
_weir_words() {{
{}  [[ -n $offers ]] && compadd -- ${{=offers}}
  ((files)) && _files
  return 0
}}
compdef _weir weir
)",
                     bash_body(all));
}

std::string fish_script(const std::vector<command_words>& all) {
  std::string out = "# fish completion for weir. Use it:  weir completion fish | source\ncomplete -c weir -f\n";
  for (const auto& command : all) {
    std::string seen, condition = "__fish_use_subcommand";
    if (!command.path.empty()) {
      condition.clear();
      std::size_t from = 0;
      while (from <= command.path.size()) {
        const auto end = std::min(command.path.find(' ', from), command.path.size());
        condition += (condition.empty() ? "" : "; and ") +
                     ("__fish_seen_subcommand_from " + command.path.substr(from, end - from));
        from = end + 1;
      }
    }
    for (const auto& [name, what] : command.subcommands) seen += (seen.empty() ? "" : " ") + name;
    const auto not_yet =
        command.path.empty() || seen.empty() ? condition : condition + "; and not __fish_seen_subcommand_from " + seen;
    for (const auto& [name, what] : command.subcommands) {
      out += fmt::format("complete -c weir -n {} -a {} -d {}\n", fish_quoted(not_yet), name,
                         fish_quoted(first_sentence(what)));
    }
    for (const auto& option : command.options) {
      std::string names;
      for (const auto& name : option.names) {
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      const auto where = command.path.empty() ? std::string() : " -n " + fish_quoted(condition);
      out += fmt::format("complete -c weir{}{}{}{} -d {}\n", where, names, option.takes_value ? " -r" : "",
                         option.takes_file ? " -F" : "", fish_quoted(first_sentence(option.what)));
    }
    if (command.takes_file) out += fmt::format("complete -c weir -n {} -F\n", fish_quoted(condition));
  }
  return out;
}

}  // namespace

result<std::string> completion_script(const CLI::App& program, const std::string& shell) {
  std::vector<command_words> all;
  collect(program, "", all);
  if (shell == "bash") return bash_script(all);
  if (shell == "zsh") return zsh_script(all);
  if (shell == "fish") return fish_script(all);
  return fail(errc::invalid_argument, "no completion for the shell '{}': bash, zsh or fish", shell);
}

}  // namespace weir::cli
