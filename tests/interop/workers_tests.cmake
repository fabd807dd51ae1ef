# The user plane with several workers, while SAs change, and without its fast paths.
foreach(case churn_encap churn_native per_cpu_sas without_tun_offload without_udp_gso without_udp_gro without_all flood flood_in flood_out)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
