# Redirects against strongSwan in each role; crash tokens only among ourselves, as strongSwan has none.
interop_test(interop_strongswan_redirect_i ${interop_run} culvert strongswan redirect)
interop_test(interop_strongswan_redirect_r ${interop_run} strongswan culvert redirect)
interop_test(interop_strongswan_redirect_refused_r ${interop_run} strongswan culvert redirect_refused)
# That strongSwan as a gateway redirects in IKE_AUTH, a plugin of its own would have to say.
foreach(case redirect_init redirect_auth redirect_auth_all redirect_auth_eap redirect_auth_refused)
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
interop_test(interop_culvert_redirect_init ${interop_run} culvert culvert redirect_init)
interop_test(interop_culvert_redirect_auth ${interop_run} culvert culvert redirect_auth)
interop_test(interop_culvert_redirect_auth_eap ${interop_run} culvert culvert redirect_auth_eap)
interop_test(interop_culvert_redirect ${interop_run} culvert culvert redirect)
interop_test(interop_culvert_redirect_refused ${interop_run} culvert culvert redirect_refused)
interop_test(interop_culvert_crash_shown ${interop_run} culvert culvert crash_shown)
