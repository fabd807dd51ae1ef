# Certificates: against strongSwan in both roles; refusals with Culvert as the one that refuses.
foreach(case cert_ecdsa cert_rsa cert_ed25519 cert_kinds cert_chain cert_found_by_id cert_always cert_pinned cert_and_psk
        cert_subject_id cert_rekey)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
foreach(case cert_revoked cert_wrong_authority cert_expired cert_wrong_name cert_constraint)
    interop_test(interop_strongswan_${case}_i ${interop_run} culvert strongswan ${case})
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
interop_test(interop_pair_cert_chain ${interop_run} culvert culvert cert_chain)
interop_test(interop_swanctl_certificates ${interop_run} culvert strongswan cert_swanctl)
# Post-quantum pre-shared keys (RFC 8784).
interop_test(interop_strongswan_ppk_i ${interop_run} culvert strongswan ppk)
interop_test(interop_strongswan_ppk_r ${interop_run} strongswan culvert ppk)
interop_test(interop_pair_fragmentation_off ${interop_run} culvert culvert fragmentation_off)
# Culvert asks about the peer's certificate over HTTP, as responder and (the last) as initiator.
foreach(case cert_list_fetched cert_list_revokes cert_list_away cert_list_away_relaxed cert_ocsp_good cert_ocsp_revoked
        cert_ocsp_away_list_instead)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
foreach(case cert_list_revokes cert_ocsp_good cert_ocsp_revoked)
    interop_test(interop_strongswan_${case}_r ${interop_run} strongswan culvert ${case})
endforeach()
