# embed_dashboard(target): the page's built files (tools/dashboard/dist, committed) become a source of the target, which
# is made in the same CMakeLists.txt.
function(embed_dashboard target)
  set(dist ${CMAKE_SOURCE_DIR}/tools/dashboard/dist)
  set(embedded ${CMAKE_BINARY_DIR}/dashboard_embedded.cpp)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${dist}/*)
  add_custom_command(
    OUTPUT ${embedded}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${dist} -DOUTPUT=${embedded} -P ${CMAKE_SOURCE_DIR}/cmake/embed_dashboard.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_dashboard.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${embedded})
endfunction()
