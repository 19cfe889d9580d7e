# Compiler, linker and sanitizer settings; chosen by the presets.
option(WEIR_WERROR "Treat warnings as errors" ON)
set(WEIR_SANITIZE "" CACHE STRING "Sanitizers: empty, address;undefined or thread")
option(WEIR_FUZZ "Only the fuzz targets (tests/fuzz), with clang and its libFuzzer" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -fdiagnostics-color=auto)
# Designated initializers leave fields out on purpose; g++ 12 sees uninitialized optionals and overlapping copies of
# std::string where there are none (its bug 105651), and writes past its end once it comes out of a precompiled header.
add_compile_options(-Wno-missing-field-initializers -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
                    -Wno-stringop-overflow -Wno-stringop-overread)
# The compiler collects its garbage later: 5 to 12 % of its time, for at most 1 GiB a unit.
add_compile_options($<$<CXX_COMPILER_ID:GNU>:--param=ggc-min-heapsize=1000000>)
# -O3 is for the libraries that records pass (cmake/layers.cmake: the others are WARM or COLD).
if(WEIR_WERROR)
  add_compile_options(-Werror)
endif()

# CAF's headers bind references to null on purpose (init_fun_factory.hpp).
if(WEIR_SANITIZE)
  list(JOIN WEIR_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${sanitizers})
  if("thread" IN_LIST WEIR_SANITIZE)
    add_compile_options(-Wno-tsan)  # Asio's fences, which the sanitizer does not follow
  endif()
  if("undefined" IN_LIST WEIR_SANITIZE)
    add_compile_options(-fno-sanitize=null -fno-sanitize-recover=undefined)
  endif()
endif()

if(WEIR_FUZZ)
  add_compile_options(-O1 -gline-tables-only -fno-omit-frame-pointer -fno-sanitize-recover=all
                      -fsanitize=fuzzer-no-link,address,undefined -w)  # warnings are g++'s
  # Without its time a header that was compiled anew is the same to ccache.
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  # What the address sanitizer sees too, or what no input decides: a third of the time to compile.
  add_compile_options(-fno-sanitize=null,alignment,vptr,object-size,function
                      -fno-sanitize=nonnull-attribute,returns-nonnull-attribute)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(sloppiness pch_defines,time_macros,include_file_mtime,include_file_ctime)
  # Depend: what is not in the cache is not preprocessed beside being compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=${sloppiness} ${CCACHE})
endif()
