# Redirects against strongSwan in each role; crash tokens only among ourselves, as strongSwan has none.
interop_test(interop_strongswan_redirect_i ${interop_run} culvert strongswan redirect)
interop_test(interop_strongswan_redirect_r ${interop_run} strongswan culvert redirect)
interop_test(interop_strongswan_redirect_refused_r ${interop_run} strongswan culvert redirect_refused)
interop_test(interop_culvert_redirect ${interop_run} culvert culvert redirect)
interop_test(interop_culvert_crash_shown ${interop_run} culvert culvert crash_shown)
