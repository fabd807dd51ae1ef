# NATs, lossy paths and floods: against strongSwan in both roles, and Culvert at both ends.
foreach(case nat_responder nat_both_rekeyed nat_many nat_mapping cert_big_lossy cert_narrow_path rekey_flood)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
# strongSwan as the client does not look (5.9.8).
interop_test(interop_strongswan_nat_mapping_mobike_i ${interop_run} culvert strongswan nat_mapping_mobike)
foreach(case nat_both nat_mapping nat_mapping_mobike nat_keepalive cert_narrow_path rekey_flood)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
set_tests_properties(interop_strongswan_rekey_flood_i interop_strongswan_rekey_flood_r interop_pair_rekey_flood
    PROPERTIES PROCESSORS 2)
