# Children that stay up, and such as end unused.
interop_test(interop_keep_wrong_one ${interop_run} culvert culvert wrong_one)
interop_test(interop_keep_up ${interop_run} culvert culvert keep_up)
interop_test(interop_keep_inactivity ${interop_run} culvert culvert inactivity)
interop_test(interop_keep_inactivity_strongswan ${interop_run} culvert strongswan inactivity)
interop_test(interop_keep_trap_waits ${interop_run} culvert culvert trap_waits)
