# AF_XDP on the outer interface, in copy mode on veth.
foreach(case xdp_native xdp_auto xdp_native_v6 xdp_encap xdp_encap_v6 xdp_skb xdp_workers xdp_workers_encap xdp_down_up xdp_killed xdp_refused)
    interop_test(interop_pair_${case} ${interop_run} culvert culvert ${case})
endforeach()
