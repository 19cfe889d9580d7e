# Writes a .cpp with every file of tools/dashboard/dist, so that the program needs no other file to serve its page.
# cmake -DFOLDER=<dist> -DOUTPUT=<file.cpp> -P embed_dashboard.cmake
file(GLOB_RECURSE files RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT files)
set(arrays "")
set(entries "")
set(number 0)
foreach(name ${files})
  file(READ ${FOLDER}/${name} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND arrays "constexpr unsigned char file_${number}[] = {\n${hex}\n};\n")
  string(APPEND entries "    {\"${name}\", {reinterpret_cast<const char*>(file_${number}), ${size}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Generated from tools/dashboard/dist.
#include \"actors/gateway/dashboard_files.hpp\"

namespace weir {
namespace {
${arrays}
const embedded_file files[] = {
${entries}};
}  // namespace

std::span<const embedded_file> embedded_dashboard() { return files; }

}  // namespace weir
")
