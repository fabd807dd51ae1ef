#include "ike/v2/configuration.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/writer.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

using wire::CpAttribute;
using wire::CpAttributeType;
using wire::CpType;

namespace {

bool is_address_attribute(CpAttributeType type) {
    return type == CpAttributeType::internal_ip4_address ||
           type == CpAttributeType::internal_ip6_address;
}

// RFC 7296 3.15.1: 4 octets, or 16 and a prefix length; none at all asks for any.
std::optional<IpAddress> address_of(const CpAttribute& attribute) {
    const ByteView value{attribute.value};
    const bool v4 = attribute.type == CpAttributeType::internal_ip4_address;
    if (v4 && value.size() == 4) { return IpAddress::from_octets(value); }
    if (!v4 && (value.size() == 16 || value.size() == 17)) {
        return IpAddress::from_octets(value.first(16));
    }
    return std::nullopt;
}

CpAttribute attribute_of(const IpAddress& address) {
    Bytes value = to_bytes(address.octets());
    if (address.is_v6()) { value.push_back(128); }
    return {.type = address.is_v4() ? CpAttributeType::internal_ip4_address
                                    : CpAttributeType::internal_ip6_address,
            .value = std::move(value)};
}

IpFamily family_of(CpAttributeType type) {
    return type == CpAttributeType::internal_ip4_address ? IpFamily::v4 : IpFamily::v6;
}

const Pool* find_pool(const Config& config, std::string_view name) {
    const auto found = std::ranges::find(config.pools, name, &Pool::name);
    return found == config.pools.end() ? nullptr : &*found;
}

// What a CFG_REPLY says beside our addresses.
void read_name_servers(const wire::Configuration& reply, NameServers& out) {
    for (const CpAttribute& attribute : reply.attributes) {
        const bool server = attribute.type == CpAttributeType::internal_ip4_dns ||
                            attribute.type == CpAttributeType::internal_ip6_dns;
        if (server && out.servers.size() < name_servers_max) {
            const auto address = IpAddress::from_octets(attribute.value);
            if (address && !address->is_any()) { out.servers.push_back(*address); }
        }
        // RFC 8598: domains that these servers are for. What is no name never reaches the host.
        if (attribute.type == CpAttributeType::internal_dns_domain &&
            out.domains.size() < dns_domains_max) {
            const std::string name(attribute.value.begin(), attribute.value.end());
            if (is_domain_name(name)) { out.domains.push_back(name); }
        }
    }
}

void install(SaCore& sa, const IpAddress& address, const Environment& env) {
    sa.local_vips.push_back(address);
    // Twice while a reauthentication overlaps; the host has it once.
    if (++env.state.virtual_addresses[address] == 1) {
        env.emit(InstallVirtualAddress{.connection = sa.name(), .address = address});
    }
}

}  // namespace

bool is_domain_name(std::string_view name) {
    if (name.empty() || name.size() > 253) { return false; }
    std::size_t label = 0;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : !letter) { return false; }
        label = c == '.' ? 0 : label + 1;
        if (label > 63) { return false; }
    }
    return true;
}

// ---- asking

std::optional<wire::Configuration> address_request(const Connection& connection,
                                                   const std::vector<IpAddress>& before) {
    if (connection.vips.empty()) { return std::nullopt; }
    wire::Configuration out{.type = CpType::request};
    std::vector<IpAddress> left = before;
    for (const IpAddress& wish : connection.vips) {
        const auto had = std::ranges::find_if(left, [&](const IpAddress& address) {
            return wish.is_any() && address.family() == wish.family();
        });
        if (had != left.end()) {
            out.attributes.push_back(attribute_of(*had));
            left.erase(had);
        } else if (wish.is_any()) {
            out.attributes.push_back({.type = attribute_of(wish).type});
        } else {
            out.attributes.push_back(attribute_of(wish));
        }
    }
    const auto wants = [&](IpFamily family) {
        return std::ranges::any_of(connection.vips,
                                   [&](const IpAddress& vip) { return vip.family() == family; });
    };
    if (wants(IpFamily::v4)) { out.attributes.push_back({CpAttributeType::internal_ip4_dns, {}}); }
    if (wants(IpFamily::v6)) { out.attributes.push_back({CpAttributeType::internal_ip6_dns, {}}); }
    out.attributes.push_back({CpAttributeType::internal_dns_domain, {}});
    return out;
}

Status take_address_reply(const wire::Payloads& response, SaCore& sa, const Environment& env) {
    const auto* reply = wire::find<wire::Configuration>(response);
    std::vector<IpAddress> given;
    if (reply != nullptr && reply->type == CpType::reply) {
        for (const CpAttribute& attribute : reply->attributes) {
            if (!is_address_attribute(attribute.type)) { continue; }
            const auto address = address_of(attribute);
            const auto of_family = [&](const IpAddress& one) {
                return one.family() == address->family();
            };
            const bool asked = address && std::ranges::count_if(sa.connection->vips, of_family) >
                                              std::ranges::count_if(given, of_family);
            // C: never more than was asked for, never what cannot be ours.
            if (!asked || address->is_any() || address->is_multicast() || address->is_loopback() ||
                std::ranges::find(given, *address) != given.end() ||
                given.size() >= virtual_addresses_max) {
                continue;
            }
            given.push_back(*address);
        }
    }
    if (given.empty()) { return std::unexpected(no_virtual_address(sa.name())); }
    for (const IpAddress& address : given) { install(sa, address, env); }
    read_name_servers(*reply, sa.name_servers);
    if (!sa.name_servers.servers.empty()) {
        sa.name_servers.connection = sa.name();
        env.emit(UseNameServers{sa.name_servers});
    }
    return {};
}

// ---- giving

namespace {

// Gives `address` for one attribute of the request from the first pool that has one.
struct Given {
    IpAddress address;
    const Pool* pool = nullptr;
};
std::optional<Given> give(const CpAttribute& asked, SaCore& sa, const Environment& env) {
    LeaseWish wish{.identity = sa.peer(), .holder = sa.remote.address};
    if (const auto address = address_of(asked); address && !address->is_any()) {
        wish.wanted = *address;
    }
    for (const LeaseFrom from : {LeaseFrom::kept, LeaseFrom::fresh, LeaseFrom::others}) {
        for (const std::string& name : sa.connection->pools) {
            const Pool* pool = find_pool(*env.state.config, name);
            if (pool == nullptr || pool->addresses.family() != family_of(asked.type)) { continue; }
            if (const auto address = env.state.leases().acquire(*pool, wish, from)) {
                sa.leases.push_back(
                    {.pool = pool->name, .address = *address, .holder = wish.holder});
                return Given{.address = *address, .pool = pool};
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Result<std::optional<wire::Configuration>> answer_address_request(const wire::Payloads& request,
                                                                  SaCore& sa,
                                                                  const Environment& env) {
    const auto* cp = wire::find<wire::Configuration>(request);
    const bool is_request = cp != nullptr && cp->type == CpType::request;
    std::vector<const CpAttribute*> asked;
    if (is_request) {
        for (const CpAttribute& attribute : cp->attributes) {
            if (is_address_attribute(attribute.type) && asked.size() < virtual_addresses_max) {
                asked.push_back(&attribute);
            }
        }
    }
    const bool gives = !sa.connection->pools.empty();
    if (asked.empty()) {
        // RFC 7296 3.15.4: the peer may come again with a request.
        if (gives) { return std::unexpected(address_request_required(sa.name())); }
        return std::optional<wire::Configuration>{};
    }
    if (!gives) { return std::unexpected(no_address_pool(sa.name())); }

    wire::Configuration reply{.type = CpType::reply};
    std::vector<const Pool*> used;
    for (const CpAttribute* attribute : asked) {
        const auto given = give(*attribute, sa, env);
        if (!given) { continue; }
        reply.attributes.push_back(attribute_of(given->address));
        if (std::ranges::find(used, given->pool) == used.end()) { used.push_back(given->pool); }
    }
    if (used.empty()) { return std::unexpected(pools_are_empty(sa.name(), sa.connection->pools)); }
    for (const Pool* pool : used) {
        for (const PoolAttribute& attribute : pool->attributes) {
            reply.attributes.push_back({CpAttributeType{attribute.type}, attribute.value});
        }
    }
    return std::optional{std::move(reply)};
}

std::optional<wire::Configuration> answer_informational_cp(const wire::Payloads& request) {
    const auto* cp = wire::find<wire::Configuration>(request);
    if (cp == nullptr) { return std::nullopt; }
    if (cp->type == CpType::set) {
        return wire::Configuration{.type = CpType::ack};  // nothing of it was accepted
    }
    if (cp->type != CpType::request) { return std::nullopt; }
    wire::Configuration reply{.type = CpType::reply};
    for (const CpAttribute& attribute : cp->attributes) {
        if (attribute.type != CpAttributeType::supported_attributes) { continue; }
        Writer types;
        for (const auto type :
             {CpAttributeType::internal_ip4_address, CpAttributeType::internal_ip4_dns,
              CpAttributeType::internal_ip4_nbns, CpAttributeType::internal_ip6_address,
              CpAttributeType::internal_ip6_dns, CpAttributeType::internal_ip4_subnet,
              CpAttributeType::internal_ip6_subnet, CpAttributeType::internal_dns_domain}) {
            types.u16(std::to_underlying(type));
        }
        reply.attributes.push_back({CpAttributeType::supported_attributes, types.take()});
    }
    return reply;
}

void tell_where_it_is(SaCore& sa, Leases& leases) {
    if (sa.mobike.proved) { return; }
    for (SaCore::Lease& lease : sa.leases) {
        if (lease.holder == sa.remote.address) { continue; }
        lease.holder = sa.remote.address;
        leases.moved(lease.pool, lease.address, lease.holder);
    }
}

// ---- the end

void give_back_addresses(SaCore& sa, const Environment& env) {
    for (const SaCore::Lease& lease : sa.leases) {
        env.state.leases().release(lease.pool, lease.address);
    }
    sa.leases.clear();
    if (!sa.name_servers.servers.empty()) {
        env.emit(ForgetNameServers{std::exchange(sa.name_servers, {})});
    }
    for (const IpAddress& address : sa.local_vips) {
        const auto at = env.state.virtual_addresses.find(address);
        if (at == env.state.virtual_addresses.end() || --at->second > 0) { continue; }
        env.state.virtual_addresses.erase(at);
        env.emit(RemoveVirtualAddress{.connection = sa.name(), .address = address});
    }
    sa.local_vips.clear();
}

}  // namespace culvert::ike::v2
