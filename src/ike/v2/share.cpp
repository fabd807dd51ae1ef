#include "ike/share.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/overloaded.hpp"
#include "ike/v2/connection_lookup.hpp"
#include "ike/v2/numbering.hpp"
#include "ike/wire/header.hpp"

namespace culvert::ike {
namespace {

constexpr unsigned esp_spi_bits = 28;  // below the nibble that all of ours have (new_esp_spi)

template <class Number>
unsigned share_of_id(Number id, unsigned count) {
    return static_cast<unsigned>((id - 1) % count);
}

unsigned share_of_spi(IkeSpi spi, unsigned count) {
    return static_cast<unsigned>(spi.value() % count);
}

// Malformed ones have to be counted by somebody.
unsigned share_of_datagram(const Datagram& datagram, unsigned count) {
    const auto header = wire::parse_header(datagram.bytes);
    if (!header) { return 0; }
    const IkeSpi ours = header->flags.initiator ? header->responder_spi : header->initiator_spi;
    return ours == IkeSpi{} ? share_of(datagram.remote.address, count) : share_of_spi(ours, count);
}

}  // namespace

// A /64 of IPv6 is one engine's, as limits for peers are by /64 (half_open_guard).
unsigned share_of(const IpAddress& remote, unsigned count) {
    constexpr std::size_t network_octets = 8;
    const ByteView octets = remote.octets();
    const ByteView network = octets.first(std::min(octets.size(), network_octets));
    return static_cast<unsigned>(std::hash<std::string_view>{}(as_text(network)) % count);
}

unsigned share_of(const Connection& connection, unsigned count) {
    const auto remote = v2::remote_address_of(connection);
    return remote ? share_of(*remote, count) : 0;
}

std::optional<unsigned> share_of(const Input& input, unsigned count) {
    using Whose = std::optional<unsigned>;
    const auto child = [count](ChildSaId id) { return Whose{share_of_id(id.value(), count)}; };
    return std::visit(
        Overloaded{
            [&](const Datagram& i) { return Whose{share_of_datagram(i, count)}; },
            [&](const Expire& i) { return child(i.id); },
            [&](const MappingChanged& i) { return child(i.id); },
            [&](const InboundSeen& i) { return child(i.id); },
            [&](const InstallFailed& i) { return child(i.id); },
            [&](const StreamOpened& i) {
                return Whose{share_of_id(i.id.value() - opened_streams_from, count)};
            },
            [&](const RevocationFetched& i) { return Whose{share_of_id(i.id, count)}; },
            [&](const GatewayResolved& i) { return Whose{share_of_spi(IkeSpi{i.id}, count)}; },
            [](const auto&) { return Whose{}; },
        },
        input);
}

namespace {

// The first that has such a child; empty: none.
std::string connection_with(const std::string& child, const Config& config) {
    const auto found = std::ranges::find_if(config.connections, [&](const Connection& one) {
        return std::ranges::find(one.children, child, &ChildConfig::name) != one.children.end();
    });
    return found == config.connections.end() ? std::string{} : found->name;
}

}  // namespace

std::optional<unsigned> InputRoutes::of(const Input& input, unsigned count,
                                        const Stands& stands) const {
    if (const auto* initiate = std::get_if<Initiate>(&input)) {
        const bool named = !initiate->connection.empty();
        return of_connection(
            named ? initiate->connection : connection_with(initiate->child, *config_), count,
            stands);
    }
    if (const auto* acquire = std::get_if<Acquire>(&input)) {
        const auto known = connection_of_.find(acquire->reqid);
        return known == connection_of_.end() ? 0 : of_connection(known->second, count, stands);
    }
    return share_of(input, count);
}

unsigned InputRoutes::of_connection(const std::string& connection, unsigned count,
                                    const Stands& stands) const {
    for (unsigned i = 0; i < count; ++i) {
        if (stands(i, connection)) { return i; }
    }
    const auto found = std::ranges::find(config_->connections, connection, &Connection::name);
    return found == config_->connections.end() ? 0 : share_of(*found, count);
}

}  // namespace culvert::ike

namespace culvert::ike::v2 {

std::uint64_t Numbering::ike_spi(std::uint64_t drawn) const {
    return drawn - drawn % share_.count + share_.index;
}

std::uint32_t Numbering::esp_spi(std::uint32_t drawn) const {
    const unsigned shift = esp_spi_bits - static_cast<unsigned>(std::bit_width(share_.count - 1));
    return (drawn & ((1U << shift) - 1)) | share_.index << shift;
}

}  // namespace culvert::ike::v2
