foreach(case rounds_initiator rounds_both rounds_missing)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
