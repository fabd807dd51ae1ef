# Libreswan and OpenIKED, in both roles, with the kernel's ESP: inside the lab.
interop_test(lab_others ${CMAKE_CURRENT_SOURCE_DIR}/lab_others TIMEOUT 3700)
set_tests_properties(lab_others PROPERTIES LABELS lab)
