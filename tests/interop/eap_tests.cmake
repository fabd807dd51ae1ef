# EAP against strongSwan; Culvert as the client (_i) and as the gateway (_r). cases_eap.sh has more to be
# run by hand.
foreach(case eap_mschapv2 eap_md5 eap_tls eap_alone eap_gateway_by_psk eap_identity_of_ike eap_wrong_password)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
endforeach()
foreach(case eap_mschapv2 eap_md5 eap_tls eap_alone eap_identity_of_ike eap_windows eap_rekey eap_nt_hash eap_addresses
        eap_wrong_password eap_unknown_user eap_no_method eap_wrong_user_here)
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
interop_test(interop_pair_eap_wrong_password ${interop_run} culvert culvert eap_wrong_password)
