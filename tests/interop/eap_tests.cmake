# EAP against strongSwan in both roles.
foreach(case eap_mschapv2 eap_md5 eap_gateway_by_psk eap_identity_of_ike eap_windows eap_rekey eap_nt_hash
        eap_wrong_password eap_unknown_user eap_no_method eap_wrong_user_here eap_addresses
        eap_tls eap_tls_chain eap_tls_wrong_authority eap_alone)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
# strongSwan takes any method as a client, and as a gateway asks PAM about the password of EAP-GTC.
interop_test(interop_strongswan_eap_any_i ${interop_run} culvert strongswan eap_any)
interop_test(interop_strongswan_eap_gtc_r ${interop_run} strongswan culvert eap_gtc)
interop_test(interop_strongswan_eap_dynamic_r ${interop_run} strongswan culvert eap_dynamic)
interop_test(interop_pair_eap_gtc ${interop_run} culvert culvert eap_gtc)
interop_test(interop_pair_eap_wrong_password ${interop_run} culvert culvert eap_wrong_password)
interop_test(interop_pair_eap_alone ${interop_run} culvert culvert eap_alone)
