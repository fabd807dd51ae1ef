# Native ESP on its way to the next hop.
foreach(case next_hop next_hop_v6 no_packet_socket transport_options)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
