# DSCP, DF and the least MTU of IPv6, outside; AH as tshark reads it; options and extension headers; clear packets.
foreach(case outer_fields outer_df_narrow mtu_v6_least tshark_ah tshark_ah_v6 clear_dropped
        esp_options_v4 esp_options_v6 ah_options_v4 ah_options_v6 udp_options_v4)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
# Super-packets. Not all pairs of suite, MTU and way: each suite with each of both, and each way with each MTU.
foreach(case gcm_1280_v4 gcm_1500_v6 gcm_9000_encap gcm_1500_nat cbc_1280_nat cbc_1500_encap cbc_9000_v4 cbc_9000_v6
        chacha_1280_encap chacha_1500_v4 chacha_9000_nat chacha_1280_v6)
    interop_test(interop_pair_super_${case} ${interop_run} culvert culvert super_${case})
endforeach()
