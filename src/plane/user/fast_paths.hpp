#pragma once
// The kernel's short cuts that the user plane would like to take. Each can be forbidden, to see
// what happens without it and to get out of the way of a driver's fault: the environment variable
// CULVERT_PLANE_WITHOUT of culvertd holds their names, separated by commas.

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace culvert::plane {

constexpr const char* fast_paths_variable = "CULVERT_PLANE_WITHOUT";

struct FastPaths {
    bool tun_offload = true;      // "tun-offload": super-packets to and from the TUN
    bool tun_udp_offload = true;  // "tun-udp-offload": of UDP too
    bool udp_gso = true;          // "udp-gso": runs of ESP in UDP leave in one send
    bool udp_gro = true;          // "udp-gro": and arrive in one receive
    bool packet_socket = true;    // "packet-socket": native ESP leaves past the kernel's IP output

    // All but the named; "all" names them all. Fails with config.
    static Result<FastPaths> without(std::string_view names);
};

}  // namespace culvert::plane
