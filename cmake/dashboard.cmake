# The page's built files (tools/dashboard/dist, committed) become a source of the gateway's library.
set(dashboard_dist ${CMAKE_SOURCE_DIR}/tools/dashboard/dist)
file(GLOB_RECURSE dashboard_files CONFIGURE_DEPENDS ${dashboard_dist}/*)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/dashboard_embedded.cpp
  COMMAND ${CMAKE_COMMAND} -DFOLDER=${dashboard_dist} -DOUTPUT=${CMAKE_BINARY_DIR}/dashboard_embedded.cpp
          -P ${CMAKE_SOURCE_DIR}/cmake/embed_dashboard.cmake
  DEPENDS ${dashboard_files} ${CMAKE_SOURCE_DIR}/cmake/embed_dashboard.cmake
  VERBATIM)
target_sources(weir_gateway PRIVATE ${CMAKE_BINARY_DIR}/dashboard_embedded.cpp)
