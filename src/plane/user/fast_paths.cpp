#include "plane/user/fast_paths.hpp"

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace culvert::plane {
namespace {

Error no_such_fast_path(std::string_view name) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("in {} the names of fast paths to leave alone: tun-offload, "
                                  "tun-udp-offload, udp-gso, udp-gro, packet-socket or all",
                                  fast_paths_variable),
            .received = fmt::format("\"{}\"", printable(name)),
            .remedy = "correct it, or unset the variable"};
}

}  // namespace

Result<FastPaths> FastPaths::without(std::string_view names) {
    FastPaths out;
    while (!names.empty()) {
        const std::size_t end = names.find(',');
        const std::string_view name = names.substr(0, end);
        names = end == std::string_view::npos ? std::string_view{} : names.substr(end + 1);
        if (name == "tun-offload") {
            out.tun_offload = false;
        } else if (name == "tun-udp-offload") {
            out.tun_udp_offload = false;
        } else if (name == "udp-gso") {
            out.udp_gso = false;
        } else if (name == "udp-gro") {
            out.udp_gro = false;
        } else if (name == "packet-socket") {
            out.packet_socket = false;
        } else if (name == "all") {
            out = {.tun_offload = false,
                   .tun_udp_offload = false,
                   .udp_gso = false,
                   .udp_gro = false,
                   .packet_socket = false};
        } else {
            return std::unexpected(no_such_fast_path(name));
        }
    }
    return out;
}

}  // namespace culvert::plane
