# The control interface: a client of the tests' own, and strongSwan's swanctl.
foreach(test commands operate scale shapes swanctl troubles)
    interop_test(interop_vici_${test} python3 ${CMAKE_CURRENT_SOURCE_DIR}/vici/${test}.py TIMEOUT 600)
endforeach()
interop_test(interop_package ${CMAKE_CURRENT_SOURCE_DIR}/package)
set_tests_properties(interop_package PROPERTIES
    ENVIRONMENT "CULVERT_BIN=${CMAKE_BINARY_DIR}/bin")
