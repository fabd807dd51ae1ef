# IKE and ESP in TCP (RFC 9329), Culvert at both ends.
foreach(case tcp_fallback tcp_always tcp_tshark tcp_v6 tcp_nat tcp_mobike tcp_broken tcp_wide tcp_refused tcp_listens_by_itself)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
