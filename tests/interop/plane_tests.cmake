# Path MTU, traps and transport mode: the user plane's rules of RFC 4301.
foreach(case mtu mtu_clamped trap transport_host pass_drop)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
interop_test(interop_pair_v07_no_clear_text ${interop_run} culvert culvert v07_no_clear_text)
