# Virtual addresses, reauthentication, MOBIKE: each pair, each role.
foreach(case addresses addresses_v6 addresses_none_left reauth mobike mobike_v4_to_v6)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
    interop_test(interop_culvert_${case} ${interop_run} culvert culvert ${case})
endforeach()
# strongSwan's kernel-libipsec loses its own IKE where a selector is the peer's address: it moves only.
interop_test(interop_strongswan_mobike_dynamic_r ${interop_run} strongswan culvert mobike_dynamic)
interop_test(interop_culvert_mobike_dynamic ${interop_run} culvert culvert mobike_dynamic)
interop_test(interop_pair_addresses_resolvconf ${interop_run} culvert culvert addresses_resolvconf)
