# Every dependency with its reason; all are Debian 12 packages (the list to install: tools/packages.txt).
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)                # text of errors and logs (spdlog brings the same library)
find_package(spdlog REQUIRED)             # logging with fields
find_package(simdjson REQUIRED)           # JSON on the hot path: 12-18 times nlohmann's speed
find_package(nlohmann_json REQUIRED)      # JSON elsewhere: control records, REST
find_package(RocksDB REQUIRED)            # state and the embedded log
find_package(ZLIB REQUIRED)               # .gz files
find_package(tomlplusplus REQUIRED)       # config.toml, errors with line and column
find_package(CLI11 REQUIRED)              # the command line
find_package(OpenSSL REQUIRED)            # random tokens, constant-time comparison; TLS of MQTT sources
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)  # metrics and their text format
find_package(benchmark REQUIRED)          # tools/bench
find_package(Catch2 2 REQUIRED)           # tests

# Protobuf's own library for messages by their descriptors; CMake's module would look for its compiler too.
find_path(PROTOBUF_INCLUDE_DIR google/protobuf/descriptor.h REQUIRED)
find_library(PROTOBUF_LIBRARY protobuf REQUIRED)
add_library(protobuf INTERFACE)
target_link_libraries(protobuf INTERFACE ${PROTOBUF_LIBRARY} Threads::Threads)

# CAF 0.17.6 ships no CMake config and no .pc file.
find_path(CAF_INCLUDE_DIR caf/all.hpp REQUIRED)
find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
add_library(caf INTERFACE)                # actors: mailboxes, monitors, scheduler, test coordinator
target_link_libraries(caf INTERFACE ${CAF_CORE_LIBRARY} Threads::Threads)

# librdkafka: the log on Apache Kafka (2.0.2); the package has a .pc file and no CMake config.
find_path(RDKAFKA_INCLUDE_DIR librdkafka/rdkafka.h REQUIRED)
find_library(RDKAFKA_LIBRARY rdkafka REQUIRED)
add_library(rdkafka INTERFACE)
target_link_libraries(rdkafka INTERFACE ${RDKAFKA_LIBRARY} Threads::Threads)

# libpg_query: PostgreSQL's own parser; the package has neither a CMake config nor a .pc file.
find_path(PG_QUERY_INCLUDE_DIR pg_query.h REQUIRED)
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)
add_library(pg_query INTERFACE)
target_link_libraries(pg_query INTERFACE ${PG_QUERY_LIBRARY})

# RE2: regular expressions of SQL in linear time and bounded memory; the package's CMake config asks for more than it
# needs.
find_path(RE2_INCLUDE_DIR re2/re2.h REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)
add_library(re2 INTERFACE)
target_link_libraries(re2 INTERFACE ${RE2_LIBRARY} Threads::Threads)

# Boost 1.81: Beast and Asio for the gateway, Multiprecision for exact sums; headers only.
find_path(BOOST_BEAST_DIR boost/beast.hpp REQUIRED)
add_library(boost_headers INTERFACE)
target_compile_definitions(boost_headers INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(boost_headers INTERFACE Threads::Threads)

# tl::expected (libexpected-dev, header only): result<T>. fast_float (libfast-float-dev, header only): text to double.
add_library(weir_deps_base INTERFACE)
target_link_libraries(weir_deps_base INTERFACE fmt::fmt spdlog::spdlog Threads::Threads)
