# What goes wrong around a tunnel that stands.
interop_test(interop_troubles_silent_esp ${interop_run} culvert culvert silent_esp)
foreach(case x09_interface_down x09_address_removed x09_two_addresses x09_interface_gone)
    interop_test(interop_troubles_${case} ${interop_run} culvert culvert ${case})
    interop_test(interop_troubles_${case}_strongswan ${interop_run} culvert strongswan ${case})
endforeach()
