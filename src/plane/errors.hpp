#pragma once
// The plane's refusals, in words. Tests quote them from here.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::plane {

// `holder` is "charon (pid 123)" or empty when it could not be found out.
Error port_in_use(std::uint16_t port, IpFamily family, std::string_view holder);
Error no_privilege(std::string_view what, int error_number);
Error no_tun_device(std::string_view path, int error_number);
Error tun_name_taken(std::string_view name);
Error tun_is_gone(std::string_view name);
Error state_is_locked(std::string_view path, std::string_view holder);
Error no_nft(std::string_view why);
Error no_kernel_packet_filter(std::string_view nft_said);
// By others; it has been written again.
Error packet_filter_changed(std::string_view table);
// `said`: the network's words, as errno and ICMP type and code; by: who said it.
Error unreachable(const Endpoint& remote, int error_number, std::string_view said_by);
Error cannot_send(const Endpoint& remote, std::size_t octets, int error_number);
Error no_socket_of_family(const Endpoint& remote);

}  // namespace culvert::plane
