#include "plane/errors.hpp"

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace culvert::plane {
namespace {

std::string words(int error_number) { return std::generic_category().message(error_number); }

}  // namespace

Error port_in_use(std::uint16_t port, IpFamily family, std::string_view holder) {
    const std::string_view name = family == IpFamily::v4 ? "IPv4" : "IPv6";
    return {.code = ErrorCode::address_in_use,
            .wanted = fmt::format("UDP port {} ({})", port, name),
            .received = holder.empty() ? std::string{"it is in use by another program"}
                                       : fmt::format("it is in use by {}", holder),
            .remedy = holder.empty()
                          ? fmt::format("stop the other IKE daemon (ss -ulnp 'sport = :{}' shows "
                                        "which), or set other ports",
                                        port)
                          : fmt::format("stop {}, or set other ports", holder)};
}

Error no_privilege(std::string_view what, int error_number) {
    return {.code = ErrorCode::permission,
            .wanted = std::string{what},
            .received = words(error_number),
            .remedy =
                "run as root, or give the program CAP_NET_ADMIN, CAP_NET_RAW and "
                "CAP_NET_BIND_SERVICE in this network namespace"};
}

Error no_tun_device(std::string_view path, int error_number) {
    return {
        .code = ErrorCode::no_device,
        .wanted = fmt::format("the TUN device {}", path),
        .received = words(error_number),
        .remedy = fmt::format("load the module (modprobe tun); in a container pass the device in "
                              "(--device {}) and give it CAP_NET_ADMIN",
                              path)};
}

Error tun_name_taken(std::string_view name) {
    return {.code = ErrorCode::address_in_use,
            .wanted = fmt::format("a TUN interface named {}", name),
            .received = "an interface of this name exists and is in use",
            .remedy = fmt::format("stop the other program that has {}, or set another name", name)};
}

Error tun_is_gone(std::string_view name) {
    return {.code = ErrorCode::no_device,
            .wanted = fmt::format("the TUN interface {}", name),
            .received = "it was deleted, or moved to another network namespace",
            .remedy = "leave it alone, and start culvertd again where nothing else does"};
}

Error state_is_locked(std::string_view path, std::string_view holder) {
    return {.code = ErrorCode::address_in_use,
            .wanted = fmt::format("the lock of {}", path),
            .received = holder.empty() ? std::string{"another culvertd holds it"}
                                       : fmt::format("another culvertd holds it: {}", holder),
            .remedy =
                "stop the other culvertd, or give this one its own --state-dir, TUN name, "
                "routing table and ports"};
}

Error no_nft(std::string_view why) {
    return {.code = ErrorCode::not_found,
            .wanted =
                "the program nft, to drop clear packets from outside that a policy wants "
                "protected (RFC 4301 5.2)",
            .received = std::string{why},
            .remedy = "install nftables; until then such clear packets are let in"};
}

Error no_kernel_packet_filter(std::string_view nft_said) {
    return {.code = ErrorCode::unsupported,
            .wanted =
                "an nftables table, to drop clear packets from outside that a policy wants "
                "protected (RFC 4301 5.2)",
            .received = std::string{nft_said},
            .remedy =
                "use a kernel with nftables (modprobe nf_tables, nft_fib_inet); until then "
                "such clear packets are let in"};
}

Error packet_filter_changed(std::string_view table) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format(
                "nftables' table inet {} as we wrote it, to drop clear packets from outside that a "
                "policy wants protected (RFC 4301 5.2)",
                table),
            .received =
                "another program took it away or changed it; it has been written again, but "
                "meanwhile such clear packets were let in",
            .remedy =
                "let that program flush only what is its own (not: nft flush ruleset, as "
                "/etc/nftables.conf has it)"};
}

Error unreachable(const Endpoint& remote, int error_number, std::string_view said_by) {
    std::string_view remedy = "check the address and the routes to it";
    if (error_number == ECONNREFUSED) {
        remedy =
            "check that an IKE daemon runs there on this port, and that no firewall rejects it";
    } else if (error_number == EACCES) {
        remedy = "a firewall rejects it: let UDP 500, UDP 4500 and ESP (protocol 50) pass";
    }
    return {.code = ErrorCode::peer_unreachable,
            .wanted = fmt::format("to reach {}", remote.to_string()),
            .received = said_by.empty()
                            ? words(error_number)
                            : fmt::format("{} (ICMP from {})", words(error_number), said_by),
            .remedy = std::string{remedy}};
}

Error cannot_send(const Endpoint& remote, std::size_t octets, int error_number) {
    std::string_view remedy = "check the routes and the packet filter of this host";
    if (error_number == ENETUNREACH || error_number == EHOSTUNREACH) {
        remedy = "add a route to this address, or wait for the network to come up";
    } else if (error_number == EADDRNOTAVAIL || error_number == EINVAL) {
        remedy = "check that the local address of the connection is on this host";
    }
    return {.code = ErrorCode::peer_unreachable,
            .wanted = fmt::format("to send {} octets to {}", octets, remote.to_string()),
            .received = words(error_number),
            .remedy = std::string{remedy}};
}

Error no_socket_of_family(const Endpoint& remote) {
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("to send to {}", remote.to_string()),
            .received = "this host has no IPv6",
            .remedy = "enable IPv6, or use the peer's IPv4 address"};
}

}  // namespace culvert::plane
