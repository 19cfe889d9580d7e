#include "tools/weir/completion.hpp"

#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"

namespace weir::cli {

void add_completion_command(cli_command program, action& chosen) {
  auto command = add_command(program, "completion", "Prints completions for a shell: bash, zsh or fish",
                             "completion bash > ~/.local/share/bash-completion/completions/weir");
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish").required().one_of({"bash", "zsh", "fish"});
  command.callback([program, &chosen, shell] {
    chosen = [program, shell](session& s) -> result<exit_code> {
      WEIR_TRY(script, completion_script(program.inner(), *shell));
      s.io().out << script;
      return exit_code::ok;
    };
  });
}

void add_version_command(cli_command program, action& chosen) {
  add_command(program, "version", "Prints the version of this program", "version").callback([&chosen] {
    chosen = [](session& s) -> result<exit_code> {
      s.print().done("weir " WEIR_VERSION, json{{"version", WEIR_VERSION}});
      return exit_code::ok;
    };
  });
}

}  // namespace weir::cli
