# DSCP, DF and the least MTU of IPv6, outside; AH as tshark reads it; options and extension headers; clear packets.
foreach(case outer_fields outer_df_narrow mtu_v6_least tshark_ah tshark_ah_v6 clear_dropped
        esp_options_v4 esp_options_v6 ah_options_v4 ah_options_v6 udp_options_v4)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
