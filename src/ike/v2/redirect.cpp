#include "ike/v2/redirect.hpp"

#include <algorithm>
#include <utility>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/v2/configuration.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

// GW Ident Type (RFC 5685 9).
enum class GatewayType : std::uint8_t { ipv4 = 1, ipv6 = 2, fqdn = 3 };

Bytes gateway_data(const Identity& gateway, ByteView nonce) {
    GatewayType type = GatewayType::fqdn;
    if (gateway.type == IdType::ipv4_addr) { type = GatewayType::ipv4; }
    if (gateway.type == IdType::ipv6_addr) { type = GatewayType::ipv6; }
    Writer out;
    out.u8(std::to_underlying(type));
    out.u8(static_cast<std::uint8_t>(gateway.data.size()));
    out.bytes(gateway.data);
    out.bytes(nonce);
    return out.take();
}

}  // namespace

wire::Notify redirect_notify(const Identity& gateway, ByteView nonce) {
    return {.type = wire::NotifyType::redirect, .data = gateway_data(gateway, nonce)};
}

wire::Notify redirected_from_notify(const IpAddress& gateway) {
    return {.type = wire::NotifyType::redirected_from,
            .data = gateway_data(Identity::of(gateway), {})};
}

std::optional<RedirectTarget> redirect_target(const wire::Notify& notify) {
    Reader in{notify.data};
    const GatewayType type{in.u8()};
    const std::size_t size = in.u8();
    RedirectTarget out;
    out.gateway.data = to_bytes(in.bytes(size));
    out.nonce = to_bytes(in.rest());
    if (!in.finish(true, "N(REDIRECT)")) { return std::nullopt; }
    switch (type) {
        case GatewayType::ipv4: out.gateway.type = IdType::ipv4_addr; break;
        case GatewayType::ipv6: out.gateway.type = IdType::ipv6_addr; break;
        case GatewayType::fqdn: out.gateway.type = IdType::fqdn; break;
        default: return std::nullopt;
    }
    if (!is_gateway(out.gateway)) { return std::nullopt; }
    return out;
}

std::optional<Identity> redirected_from(const wire::Payloads& payloads) {
    const auto* notify = wire::find_notify(payloads, wire::NotifyType::redirected_from);
    if (notify == nullptr) { return std::nullopt; }
    auto gateway = redirect_target(*notify);
    return gateway ? std::optional{std::move(gateway->gateway)} : std::nullopt;
}

bool is_gateway_address(const IpAddress& address) {
    return !address.is_any() && !address.is_multicast() && !address.is_loopback() &&
           address != IpAddress::v4(0xffffffffU);
}

bool is_gateway(const Identity& identity) {
    if (identity.type == IdType::fqdn) {
        // What goes to a resolver, and into the log.
        return is_domain_name(std::string(identity.data.begin(), identity.data.end()));
    }
    const bool sized = (identity.type == IdType::ipv4_addr && identity.data.size() == 4) ||
                       (identity.type == IdType::ipv6_addr && identity.data.size() == 16);
    if (!sized) { return false; }
    const auto address = IpAddress::from_octets(identity.data);
    return address && is_gateway_address(*address);
}

bool RedirectBook::allow(const std::string& connection, Instant now) {
    if (lately_.size() >= redirect_connections_max) { lately_.clear(); }
    std::deque<Instant>& times = lately_[connection];
    while (!times.empty() && now - times.front() >= redirect_window) { times.pop_front(); }
    if (times.size() >= redirects_max) { return false; }
    times.push_back(now);
    return true;
}

}  // namespace culvert::ike::v2
