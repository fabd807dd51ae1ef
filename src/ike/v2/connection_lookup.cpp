#include "ike/v2/connection_lookup.hpp"

#include <algorithm>
#include <utility>

namespace culvert::ike::v2 {

namespace {

// 0: does not fit. A list without entries is %any.
unsigned address_fit(const std::vector<AddressPattern>& patterns, const IpAddress& address) {
    if (patterns.empty() || address.is_any()) { return 1; }
    unsigned best = 0;
    for (const AddressPattern& pattern : patterns) {
        if (pattern.any) { best = std::max(best, 1U); }
        for (const IpRange& range : pattern.ranges) {
            if (!range.contains(address)) { continue; }
            best = std::max(best, range.first == range.last ? 3U : 2U);
        }
    }
    return best;
}

std::optional<IpAddress> single_address(const std::vector<AddressPattern>& patterns,
                                        std::optional<IpFamily> family) {
    for (const AddressPattern& pattern : patterns) {
        for (const IpRange& range : pattern.ranges) {
            if (range.first == range.last && (!family || range.family() == *family)) {
                return range.first;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

ConnectionRef find_connection(const ConfigSnapshot& config, std::string_view name) {
    for (const Connection& connection : config->connections) {
        if (connection.name == name) { return {config, &connection}; }
    }
    return nullptr;
}

ChildRef find_child(const ConnectionRef& connection, std::string_view name) {
    for (const ChildConfig& child : connection->children) {
        if (child.name == name) { return {connection, &child}; }
    }
    return nullptr;
}

std::vector<ConnectionRef> connections_by_address(const ConfigSnapshot& config,
                                                  const IpAddress& local, const IpAddress& remote) {
    std::vector<std::pair<unsigned, ConnectionRef>> fitting;
    for (const Connection& connection : config->connections) {
        if (connection.version == 1) { continue; }
        const unsigned local_fit = address_fit(connection.local_addrs, local);
        const unsigned remote_fit = address_fit(connection.remote_addrs, remote);
        if (local_fit == 0 || remote_fit == 0) { continue; }
        fitting.emplace_back(local_fit * 4 + remote_fit, ConnectionRef{config, &connection});
    }
    std::ranges::stable_sort(fitting,
                             [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<ConnectionRef> sorted;
    sorted.reserve(fitting.size());
    for (auto& [fit, connection] : fitting) { sorted.push_back(std::move(connection)); }
    return sorted;
}

std::optional<IpAddress> remote_address_of(const Connection& connection) {
    return single_address(connection.remote_addrs, std::nullopt);
}

std::optional<IpAddress> local_address_of(const Connection& connection, IpFamily family) {
    return single_address(connection.local_addrs, family);
}

unsigned pattern_fit(const Identity& pattern, const Identity& identity) {
    if (pattern.type == IdType::any) { return 1; }
    if (pattern == identity) { return 3; }
    return identity.matches(pattern) ? 2 : 0;
}

unsigned identity_fit(const Connection& connection, const Identity* local, const Identity& remote) {
    const unsigned remote_fit = pattern_fit(connection.remote.id, remote);
    const unsigned local_fit = local == nullptr ? 1 : pattern_fit(connection.local.id, *local);
    if (remote_fit == 0 || local_fit == 0) { return 0; }
    return remote_fit * 4 + local_fit;
}

Identity local_identity(const Connection& connection, const Identity* asked,
                        const IpAddress& local) {
    if (connection.local.id.type != IdType::any) { return connection.local.id; }
    return asked != nullptr ? *asked : Identity::of(local);
}

bool is_concrete(const Identity& identity) {
    if (identity.type == IdType::any) { return false; }
    if (identity.type == IdType::fqdn || identity.type == IdType::rfc822_addr ||
        identity.type == IdType::der_asn1_dn) {
        return std::ranges::find(identity.data, std::uint8_t{0x2a}) == identity.data.end();
    }
    return true;
}

}  // namespace culvert::ike::v2
