#include "ike/v2/mobike.hpp"

#include <algorithm>

#include "base/writer.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

std::vector<IpAddress> additional_addresses(const SaCore& sa, const std::vector<IpAddress>& host) {
    std::vector<IpAddress> out;
    for (const IpAddress& address : host) {
        const bool useful = !address.is_any() && !address.is_loopback() &&
                            !address.is_link_local() && !address.is_multicast();
        const bool known = address == sa.local.address ||
                           std::ranges::find(sa.local_vips, address) != sa.local_vips.end() ||
                           std::ranges::find(out, address) != out.end();
        if (useful && !known && out.size() < additional_addresses_max) { out.push_back(address); }
    }
    return out;
}

void add_additional_addresses(wire::Payloads& out, const std::vector<IpAddress>& additional) {
    for (const IpAddress& address : additional) {
        out.emplace_back(wire::Notify{.type = address.is_v4() ? NotifyType::additional_ip4_address
                                                              : NotifyType::additional_ip6_address,
                                      .data = to_bytes(address.octets())});
    }
    if (additional.empty()) {
        out.emplace_back(wire::Notify{.type = NotifyType::no_additional_addresses});
    }
}

void add_mobike_support(wire::Payloads& out, const std::vector<IpAddress>& additional) {
    out.emplace_back(wire::Notify{.type = NotifyType::mobike_supported});
    add_additional_addresses(out, additional);
}

std::optional<std::vector<IpAddress>> additional_addresses_in(const wire::Payloads& payloads) {
    std::optional<std::vector<IpAddress>> out;
    wire::for_each_notify(payloads, [&](const wire::Notify& notify) {
        const bool v4 = notify.type == NotifyType::additional_ip4_address;
        const bool v6 = notify.type == NotifyType::additional_ip6_address;
        if (notify.type == NotifyType::no_additional_addresses && !out) { out.emplace(); }
        if (!v4 && !v6) { return; }
        if (!out) { out.emplace(); }
        const auto address = IpAddress::from_octets(notify.data);
        const bool fits = address && address->is_v4() == v4 && !address->is_any() &&
                          !address->is_multicast() && !address->is_loopback();
        if (fits && out->size() < additional_addresses_max) { out->push_back(*address); }
    });
    return out;
}

bool nat_forbidden_and_there(const wire::Payloads& request, const Endpoint& local,
                             const Endpoint& remote) {
    const auto* forbidden = wire::find_notify(request, NotifyType::no_nats_allowed);
    if (forbidden == nullptr) { return false; }
    Writer as_seen;  // source, destination, source port, destination port
    as_seen.bytes(remote.address.octets());
    as_seen.bytes(local.address.octets());
    as_seen.u16(remote.port);
    as_seen.u16(local.port);
    return forbidden->data != as_seen.take();
}

}  // namespace culvert::ike::v2
