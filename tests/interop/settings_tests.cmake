# strongswan.conf's settings and swanctl.conf's keywords for IKE packets, failures, routes.
foreach(case ike_dscp sha256_96 sha256_96_alone initiator_only route_mss settings_scripts_at_end)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
foreach(case ike_dscp fragment_size close_on_child_failure)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
