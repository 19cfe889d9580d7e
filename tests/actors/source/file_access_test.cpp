#include "actors/source/file_access.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

// What adding, opening or first pulling this source says; empty: nothing was wrong.
error first_error(option_map options, const connector_context& context) {
  auto made = make_connector(file_spec(std::move(options)), context);
  if (!made) return made.error();
  if (const auto status = (*made)->open({}); !status) return status.error();
  const auto chunk = (*made)->pull({});
  return chunk ? error{} : chunk.error();
}

struct two_folders {
  two_folders() {
    std::filesystem::create_directory(root / "allowed");
    std::filesystem::create_directory(root / "allowed-not");
    write_file(root / "allowed/f", "{}\n");
    write_file(root / "allowed-not/secret", "{}\n");
    context = context_for({root / "allowed"});
  }
  temp_folder root;
  connector_context context;
};

void require_refused(const error& e) {
  CAPTURE(e.message, e.hint);
  CHECK(e.code == errc::permission_denied);
}

}  // namespace

TEST_CASE("a file in an allowed folder is read") {
  two_folders f;
  CHECK(first_error({{"path", f.root / "allowed/f"}}, f.context).message.empty());
}

TEST_CASE("a file outside of the allowed folders is refused, and the error says where that is configured") {
  two_folders f;
  const auto e = first_error({{"path", f.root / "allowed-not/secret"}}, f.context);
  require_refused(e);
  CHECK(e.text().find("sources.file.allow") != std::string::npos);
  CHECK(e.text().find(f.root / "allowed") != std::string::npos);
}

TEST_CASE("whether a file outside exists is not told") {
  two_folders f;
  const auto there = first_error({{"path", f.root / "allowed-not/secret"}}, f.context);
  const auto missing = first_error({{"path", f.root / "allowed-not/absent"}}, f.context);
  CHECK(there.code == missing.code);
  CHECK(there.hint == missing.hint);
}

TEST_CASE("without allowed folders nothing is read") {
  two_folders f;
  f.context.allowed_folders.clear();
  const auto e = first_error({{"path", f.root / "allowed/f"}}, f.context);
  require_refused(e);
  CHECK(e.text().find("is empty") != std::string::npos);
}

TEST_CASE("'..' does not lead out") {
  two_folders f;
  require_refused(first_error({{"path", f.root / "allowed/../allowed-not/secret"}}, f.context));
  require_refused(first_error({{"path", f.root / "allowed/.."}}, f.context));
}

TEST_CASE("relative, empty and NUL paths are refused") {
  two_folders f;
  CHECK(first_error({{"path", "allowed/f"}}, f.context).code == errc::invalid_argument);
  CHECK(first_error({{"path", ""}}, f.context).code == errc::invalid_argument);
  const std::string with_nul = f.root / "allowed/f" + std::string("\0x", 2);
  CHECK(first_error({{"path", with_nul}}, f.context).code == errc::invalid_argument);
}

TEST_CASE("a symbolic link leads only where files may be read") {
  two_folders f;
  const std::string link = f.root / "allowed/link";
  SECTION("a file outside") {
    std::filesystem::create_symlink(f.root / "allowed-not/secret", link);
    require_refused(first_error({{"path", f.root / "allowed/l*"}}, f.context));
  }
  SECTION("a folder outside") {
    std::filesystem::create_symlink(f.root / "allowed-not", link);
    require_refused(first_error({{"path", link + "/secret"}}, f.context));
    require_refused(first_error({{"path", link + "/*"}}, f.context));
  }
  require_refused(first_error({{"path", link}}, f.context));
}

TEST_CASE("a symbolic link inside an allowed folder is followed") {
  two_folders f;
  std::filesystem::create_symlink(f.root / "allowed/f", f.root / "allowed/link");
  CHECK(first_error({{"path", f.root / "allowed/link"}}, f.context).message.empty());
}

TEST_CASE("a link that is turned outside between two runs is refused") {
  two_folders f;
  const std::string link = f.root / "allowed/link";
  std::filesystem::create_symlink(f.root / "allowed/f", link);
  auto source = make_connector(file_spec({{"path", link}}), f.context).value();
  std::filesystem::remove(link);
  std::filesystem::create_symlink(f.root / "allowed-not/secret", link);
  const auto status = source->open({});
  REQUIRE_FALSE(status);
  require_refused(status.error());
}

TEST_CASE("a FIFO and a device are refused without waiting for them") {
  two_folders f;
  REQUIRE(::mkfifo((f.root / "allowed/fifo").c_str(), 0600) == 0);
  require_refused(first_error({{"path", f.root / "allowed/fifo"}}, f.context));
  require_refused(first_error({{"path", f.root / "allowed/fi*"}}, f.context));
  require_refused(first_error({{"path", "/dev/zero"}}, context_for({"/dev"})));
}

TEST_CASE("a missing file and an unreadable one say so in the system's words") {
  two_folders f;
  const auto missing = first_error({{"path", f.root / "allowed/absent"}}, f.context);
  CHECK(missing.code == errc::not_found);
  CHECK(missing.message.find("No such file or directory") != std::string::npos);
  if (::geteuid() == 0) {
    WARN("unreadable file: skipped: root reads everything");
    return;
  }
  std::filesystem::permissions(f.root / "allowed/f", std::filesystem::perms::none);
  const auto unreadable = first_error({{"path", f.root / "allowed/f"}}, f.context);
  CHECK(unreadable.code == errc::io_error);
  CHECK(unreadable.message.find("Permission denied") != std::string::npos);
}

TEST_CASE("what stands at the path must fit the options") {
  two_folders f;
  const std::string file = f.root / "allowed/f";
  CHECK(first_error({{"path", file}, {"watch", "true"}}, f.context).text().find("follow=true") != std::string::npos);
  CHECK(first_error({{"path", f.root / "allowed"}, {"follow", "true"}}, f.context).text().find("watch=true") !=
        std::string::npos);
  CHECK(first_error({{"path", file + "/*.csv"}}, f.context).code != errc::internal);
  CHECK(first_error({{"path", f.root / "al*/f"}}, f.context).text().find("before its last part") != std::string::npos);
}
