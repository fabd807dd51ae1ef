# DSCP and DF of outer packets.
foreach(case outer_fields outer_df_narrow)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
