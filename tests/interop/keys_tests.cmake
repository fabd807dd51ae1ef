# Keys in every wrapping; abuse C-05.
interop_test(interop_strongswan_key_pkcs8_encrypted_i ${interop_run} culvert strongswan key_pkcs8_encrypted)
interop_test(interop_strongswan_key_pkcs12_i ${interop_run} culvert strongswan key_pkcs12)
interop_test(interop_pair_c05_lists ${interop_run} culvert culvert c05_lists)
