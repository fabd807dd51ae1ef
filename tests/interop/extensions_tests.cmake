# Virtual addresses, reauthentication, MOBIKE: each pair, each role.
foreach(case addresses addresses_v6 addresses_none_left reauth mobike mobike_v4_to_v6)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
    interop_test(interop_culvert_${case} ${interop_run} culvert culvert ${case})
endforeach()
interop_test(interop_pair_addresses_resolvconf ${interop_run} culvert culvert addresses_resolvconf)
