// load-pool, unload-pool, get-pools.

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "config/config.hpp"
#include "daemon/commands.hpp"
#include "daemon/requests.hpp"
#include "vici/limits.hpp"

namespace culvert::daemon {
namespace {

using vici::Message;
using vici::Section;

Error pool_in_use(const std::string& name, std::size_t online) {
    return {.code = ErrorCode::busy,
            .wanted = fmt::format("the pool {} without leases in use", printable(name)),
            .received = fmt::format("{} in use", online),
            .remedy = "take those connections down first, or load the pool unchanged"};
}

Error no_such_pool(const std::string& name) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the pool {}", printable(name)),
            .received = "nothing of this name is loaded"};
}

// As many as fit, of an IPv6 pool.
std::uint64_t size_of(const IpRange& range) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    const auto number = [](const IpAddress& address, std::uint64_t& out) {
        const ByteView octets = address.octets();
        for (const std::uint8_t octet : octets.last(std::min<std::size_t>(8, octets.size()))) {
            out = out << 8 | octet;
        }
    };
    number(range.first, first);
    number(range.last, last);
    const std::size_t high = range.first.octets().size() - 8;
    const bool spans = range.first.is_v6() && !std::ranges::equal(range.first.octets().first(high),
                                                                  range.last.octets().first(high));
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    return spans || last - first == most ? most : last - first + 1;
}

// strongSwan shows a subnet's own address, which it does not give out.
IpAddress base_of(const IpRange& range) {
    const auto before = range.first.previous();
    const auto after = range.last.next();
    if (!before || !after) { return range.first; }
    const IpRange whole{*before, *after};
    return whole.prefix() ? *before : range.first;
}

// What a lease and a pool add to a message beside their own words: keys, sizes, numbers.
constexpr std::size_t lease_overhead = 64;
constexpr std::size_t pool_overhead = 256;

// As many as `room` octets hold, which become fewer; how many did not fit goes into `left_out`.
Section leases_of(const SharedLeases& book, const std::string& pool, std::size_t& room,
                  std::size_t& left_out) {
    Section out;
    std::size_t count = 0;
    for (const ike::Lease& lease : book.leases()) {
        if (lease.pool != pool) { continue; }
        const std::size_t size =
            lease_overhead + lease.address.to_string().size() + lease.identity.to_string().size();
        if (size > room) {
            ++left_out;
            continue;
        }
        room -= size;
        Section one;
        one.set("address", lease.address.to_string());
        one.set("identity", lease.identity.to_string());
        one.set("status", lease.users > 0 ? "online" : "offline");
        out.set(fmt::format("{}", count++), std::move(one));
    }
    return out;
}

}  // namespace

void Commands::load_pool(ClientId client, const Message& message) {
    for (const vici::Entry& entry : message.entries) {
        const auto* section = std::get_if<Section>(&entry.element);
        if (section == nullptr) { continue; }
        auto loaded = config::load_pool(entry.key, *section);
        if (!loaded.ok() || !loaded.pool) {
            parts_.server.respond(client, vici::failure(config::as_error(loaded.problems)));
            return;
        }
        const ike::Pool* const old = parts_.gateway.store().find_pool(entry.key);
        const std::size_t online = parts_.host.leases().online(entry.key);
        // As strongSwan has it: attributes may change under a lease, addresses not.
        if (old != nullptr && online > 0 && old->addresses != loaded.pool->addresses) {
            parts_.server.respond(client, vici::failure(pool_in_use(entry.key, online)));
            return;
        }
        parts_.gateway.store().put(*std::move(loaded.pool));
        parts_.gateway.apply_added();
        parts_.log.info(LogGroup::config,
                        fmt::format("pool {} was loaded by VICI", printable(entry.key)));
    }
    parts_.server.respond(client, vici::success());
}

void Commands::unload_pool(ClientId client, const Message& message) {
    const std::string name = message.value_or("name", "");
    if (parts_.gateway.store().find_pool(name) == nullptr) {
        parts_.server.respond(client, vici::failure(no_such_pool(name)));
        return;
    }
    if (const std::size_t online = parts_.host.leases().online(name); online > 0) {
        parts_.server.respond(client, vici::failure(pool_in_use(name, online)));
        return;
    }
    parts_.gateway.store().remove_pool(name);
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::get_pools(ClientId client, const Message& message) {
    const std::string* wanted = message.value("name");
    const auto with_leases = read_switch(message, "leases");
    if (!with_leases) {
        refuse(client, with_leases.error());
        return;
    }
    const SharedLeases& book = parts_.host.leases();
    // VICI has one packet for the answer, and the pools themselves are in it.
    std::size_t room = vici::packet_size_max;
    for (const ike::Pool& pool : parts_.gateway.config().pools) {
        room -= std::min(room, pool_overhead + pool.name.size());
    }
    Message out;
    for (const ike::Pool& pool : parts_.gateway.config().pools) {
        if (wanted != nullptr && *wanted != pool.name) { continue; }
        Section one;
        one.set("base", base_of(pool.addresses).to_string());
        one.set("size", fmt::format("{}", size_of(pool.addresses)));
        one.set("online", fmt::format("{}", book.online(pool.name)));
        one.set("offline", fmt::format("{}", book.offline(pool.name)));
        if (*with_leases) {
            std::size_t left_out = 0;
            one.set("leases", leases_of(book, pool.name, room, left_out));
            if (left_out > 0) { one.set("culvert-leases-left-out", fmt::format("{}", left_out)); }
        }
        out.set(pool.name, std::move(one));
    }
    parts_.server.respond(client, out);
}

}  // namespace culvert::daemon
