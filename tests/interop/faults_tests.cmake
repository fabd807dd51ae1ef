# No call that fails below us may end us without a word (X-07).
add_library(fail_nth MODULE faults/fail_nth.cpp)
target_link_libraries(fail_nth PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(fail_nth PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
interop_test(interop_faults python3 ${CMAKE_CURRENT_SOURCE_DIR}/faults/faults.py TIMEOUT 480)
set_property(TEST interop_faults APPEND PROPERTY ENVIRONMENT "FAIL_NTH=${CMAKE_BINARY_DIR}/lib/libfail_nth.so")
