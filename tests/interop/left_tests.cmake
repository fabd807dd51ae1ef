# What policies leave alone, and what others take away.
foreach(case left_ports left_host left_restored left_filter left_interface left_source left_own_tun)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
