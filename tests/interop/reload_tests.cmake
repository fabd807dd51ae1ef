# Reloads, and traps that follow addresses.
foreach(case reload_after_load_all reload_keeps_key trap_follows_address)
    interop_test(interop_${case} ${interop_run} culvert culvert ${case})
endforeach()
