# The user plane with several workers, while SAs change, and without its fast paths.
foreach(case churn_encap churn_native per_cpu_sas without_tun_offload without_udp_gso without_udp_gro without_all flood flood_in flood_out)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
# A flood takes two cores, and leaves none to who has to answer in time.
set_tests_properties(interop_pair_flood interop_pair_flood_in interop_pair_flood_out PROPERTIES PROCESSORS 2)
