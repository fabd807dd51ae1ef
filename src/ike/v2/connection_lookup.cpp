#include "ike/v2/connection_lookup.hpp"

#include <algorithm>
#include <utility>

#include "ike/v2/auth.hpp"
#include "ike/v2/auth_rounds.hpp"

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

bool admits(const std::vector<AddressPattern>& patterns, IpFamily family) {
    return patterns.empty() || std::ranges::any_of(patterns, [&](const AddressPattern& pattern) {
               return pattern.any || std::ranges::any_of(pattern.ranges, [&](const IpRange& range) {
                          return range.family() == family;
                      });
           });
}

// Equals stay in their order.
std::vector<ConnectionRef> best_first(std::vector<std::pair<unsigned, ConnectionRef>> fitting) {
    std::ranges::stable_sort(fitting,
                             [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<ConnectionRef> out;
    out.reserve(fitting.size());
    for (auto& [fit, connection] : fitting) { out.push_back(std::move(connection)); }
    return out;
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
    return best_first(std::move(fitting));
}

std::optional<IpAddress> remote_address_of(const Connection& connection) {
    const auto first = single_address(connection.remote_addrs, std::nullopt);
    if (!first || admits(connection.local_addrs, first->family())) { return first; }
    // A name may have addresses of both families.
    const auto other = first->is_v4() ? IpFamily::v6 : IpFamily::v4;
    const auto second = single_address(connection.remote_addrs, other);
    return second && admits(connection.local_addrs, other) ? second : first;
}

std::optional<IpAddress> local_address_of(const Connection& connection, IpFamily family) {
    return single_address(connection.local_addrs, family);
}

bool fits(const std::vector<AddressPattern>& patterns, const IpAddress& address) {
    return address_fit(patterns, address) > 0;
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

namespace {

template <class Has>
bool has_all_additional(const ChosenIkeSuite& suite, const Has& has) {
    for (std::size_t i = 0; i < suite.additional.size(); ++i) {
        const crypto::KeMethod method = suite.additional.at(i);
        if (method != crypto::KeMethod::none &&
            !has(additional_ke_type(i), std::to_underlying(method))) {
            return false;
        }
    }
    return true;
}

bool allows(const Proposal& proposal, const ChosenIkeSuite& suite) {
    const auto has = [&](TransformType type, std::uint16_t id) {
        return std::ranges::any_of(proposal.transforms, [&](const Transform& one) {
            return one.type == type && one.id == id &&
                   (type != TransformType::encr || one.key_bits.value_or(0) == suite.key_bits);
        });
    };
    return has(TransformType::encr, std::to_underlying(suite.encryption)) &&
           has(TransformType::prf, std::to_underlying(suite.prf)) &&
           has(TransformType::ke, std::to_underlying(suite.ke)) &&
           (suite.integrity == crypto::IntegrityAlgorithm::none ||
            has(TransformType::integ, std::to_underlying(suite.integrity))) &&
           has_all_additional(suite, has);
}

// More than any fit of names: with another number of rounds it comes to nothing.
constexpr unsigned rounds_fit = 1000;

// 0: not at all.
unsigned user_fit(const Connection& connection, const ConnectionWish& wish) {
    if (wish.user == nullptr) { return 1; }
    if (has_rounds(connection)) { return 0; }
    const AuthConfig& remote = connection.remote;
    if (std::ranges::find(remote.eap_methods, *wish.method) == remote.eap_methods.end()) {
        return 0;
    }
    return pattern_fit(remote.eap_id, *wish.user);
}

}  // namespace

bool proposes(const Connection& connection, const ChosenIkeSuite& suite) {
    return std::ranges::any_of(connection.proposals,
                               [&](const Proposal& one) { return allows(one, suite); });
}

std::vector<ConnectionRef> connections_for(const SaCore& sa, const ConnectionWish& wish,
                                           const Environment& env) {
    std::vector<std::pair<unsigned, ConnectionRef>> fitting;
    // RFC 7619 2.2
    if (wish.shown != AuthMethodKind::null && wish.remote.type == IdType::null) { return {}; }
    const auto consider = [&](const ConnectionRef& connection) {
        if (connection->remote.method != wish.shown) { return; }
        unsigned fit =
            identity_fit(*connection, wish.local, wish.remote) * user_fit(*connection, wish);
        if (fit > 0 && wish.more == !connection->remote_more.empty()) { fit += rounds_fit; }
        if (fit > 0) { fitting.emplace_back(fit, connection); }
    };
    consider(sa.connection);
    for (const ConnectionRef& connection :
         connections_by_address(env.state.config, sa.local.address, sa.remote.address)) {
        if (connection == sa.connection) { continue; }
        // The suite is chosen already; a connection that would not have is none for this peer.
        if (proposes(*connection, *sa.suite)) { consider(connection); }
    }
    return best_first(std::move(fitting));
}

ConnectionRef connection_for(const SaCore& sa, const ConnectionWish& wish, const Environment& env) {
    auto all = connections_for(sa, wish, env);
    return all.empty() ? ConnectionRef{} : std::move(all.front());
}

}  // namespace culvert::ike::v2
