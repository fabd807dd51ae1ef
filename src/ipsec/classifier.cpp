#include "ipsec/classifier.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace culvert::ipsec {
namespace {

// A pair of ranges may become this many pairs of prefixes; beyond that it is listed.
constexpr std::size_t prefix_pairs_max = 64;

struct Words {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
};

Words words_of(const IpAddress& address, unsigned prefix) {
    Words out;
    if (address.is_v4()) {
        const std::uint64_t value = address.v4_host_order();
        out.high = prefix == 0 ? 0 : value >> (32 - prefix) << (32 - prefix);
        return out;
    }
    const ByteView octets = address.octets();
    std::memcpy(&out.high, octets.data(), 8);
    std::memcpy(&out.low, octets.data() + 8, 8);
    if constexpr (std::endian::native == std::endian::little) {
        out.high = __builtin_bswap64(out.high);
        out.low = __builtin_bswap64(out.low);
    }
    if (prefix <= 64) {
        out.low = 0;
        out.high = prefix == 0 ? 0 : out.high >> (64 - prefix) << (64 - prefix);
    } else if (prefix < 128) {
        out.low = out.low >> (128 - prefix) << (128 - prefix);
    }
    return out;
}

bool exact(const TrafficSelector& selector) {
    return selector.protocol != 0 && selector.port_first == selector.port_last;
}

bool in_range(const IpRange& range, const IpAddress& address) {
    return range.family() == address.family() && range.first <= address && address <= range.last;
}

}  // namespace

bool Classifier::PortRule::matches(bool has_ports, std::uint16_t port) const {
    if (first == 0 && last == 65535) { return true; }
    if (first == 65535 && last == 0) { return !has_ports; }
    return has_ports && first <= port && port <= last;
}

bool Classifier::rule_matches(const Rule& rule, const PacketInfo& packet) {
    return (rule.protocol == 0 || rule.protocol == packet.protocol) &&
           rule.source.matches(packet.has_ports, packet.source_port) &&
           rule.destination.matches(packet.has_ports, packet.destination_port);
}

void Classifier::add(std::uint32_t rank, const TrafficSelectors& sources,
                     const TrafficSelectors& destinations) {
    for (const TrafficSelector& source : sources) {
        for (const TrafficSelector& destination : destinations) {
            add_pair(rank, source, destination);
        }
    }
}

void Classifier::add_pair(std::uint32_t rank, const TrafficSelector& source,
                          const TrafficSelector& destination) {
    if (source.addresses.family() != destination.addresses.family()) { return; }
    if (source.protocol != 0 && destination.protocol != 0 &&
        source.protocol != destination.protocol) {
        return;
    }
    const auto from = subnets_of(source.addresses);
    const auto to = subnets_of(destination.addresses);
    if (from.size() * to.size() > prefix_pairs_max) {
        listed_.push_back({rank, source, destination});
        return;
    }
    for (const IpSubnet& a : from) {
        for (const IpSubnet& b : to) { add_prefixes(rank, source, a, destination, b); }
    }
}

void Classifier::add_prefixes(std::uint32_t rank, const TrafficSelector& source,
                              const IpSubnet& from, const TrafficSelector& destination,
                              const IpSubnet& to) {
    const std::uint8_t protocol = source.protocol != 0 ? source.protocol : destination.protocol;
    const Shape shape{.family = from.address.family(),
                      .source_prefix = static_cast<std::uint8_t>(from.prefix),
                      .destination_prefix = static_cast<std::uint8_t>(to.prefix),
                      .protocol = protocol != 0,
                      .source_port = exact(source),
                      .destination_port = exact(destination)};
    const auto index = static_cast<std::uint32_t>(rules_.size());
    rules_.push_back({.rank = rank,
                      .source = {source.port_first, source.port_last},
                      .destination = {destination.port_first, destination.port_last},
                      .protocol = protocol});
    const PacketInfo example{.source = from.address,
                             .destination = to.address,
                             .family = shape.family,
                             .protocol = protocol,
                             .has_ports = true,
                             .source_port = source.port_first,
                             .destination_port = destination.port_first};
    Table& table = table_of(shape);
    table.best = std::min(table.best, rank);
    if (table.used * 2 >= table.buckets.size()) { grow(table); }
    const Key key = key_for(shape, example);
    Bucket& bucket = bucket_of(table, key);
    if (bucket.first == 0) {
        bucket = {key, index, index};
        ++table.used;
        return;
    }
    rules_[bucket.last].next = index;
    bucket.last = index;
}

Classifier::Table& Classifier::table_of(const Shape& shape) {
    const auto at = std::ranges::find(tables_, shape, &Table::shape);
    if (at != tables_.end()) { return *at; }
    tables_.push_back({.shape = shape});
    return tables_.back();
}

void Classifier::grow(Table& table) {
    const auto old = std::exchange(
        table.buckets, std::vector<Bucket>(std::max<std::size_t>(4, table.buckets.size() * 2)));
    for (const Bucket& bucket : old) {
        if (bucket.first != 0) { bucket_of(table, bucket.key) = bucket; }
    }
}

Classifier::Bucket& Classifier::bucket_of(Table& table, const Key& key) {
    const std::size_t mask = table.buckets.size() - 1;
    std::size_t at = hash_of(key) & mask;
    while (table.buckets[at].first != 0 && table.buckets[at].key != key) { at = (at + 1) & mask; }
    return table.buckets[at];
}

void Classifier::finish() {
    std::ranges::stable_sort(tables_, {}, &Table::best);
    std::ranges::stable_sort(listed_, {}, &Listed::rank);
}

Classifier::Key Classifier::key_for(const Shape& shape, const PacketInfo& packet) {
    const Words source = words_of(packet.source, shape.source_prefix);
    const Words destination = words_of(packet.destination, shape.destination_prefix);
    Key key{{source.high, source.low, destination.high, destination.low, 0}};
    if (shape.protocol) { key.words[4] = std::uint64_t{packet.protocol} << 32U; }
    if (shape.source_port) { key.words[4] |= std::uint64_t{packet.source_port} << 16U; }
    if (shape.destination_port) { key.words[4] |= packet.destination_port; }
    return key;
}

std::size_t Classifier::hash_of(const Key& key) {
    std::uint64_t hash = 0;
    for (const std::uint64_t word : key.words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 32U;
    }
    return static_cast<std::size_t>(hash);
}

std::uint32_t Classifier::find(const PacketInfo& packet) const {
    std::uint32_t best = no_match;
    for (const Table& table : tables_) {
        if (table.best >= best) { break; }
        if (table.shape.family != packet.family) { continue; }
        const Key key = key_for(table.shape, packet);
        const std::size_t mask = table.buckets.size() - 1;
        std::size_t at = hash_of(key) & mask;
        while (table.buckets[at].first != 0 && table.buckets[at].key != key) {
            at = (at + 1) & mask;
        }
        for (std::uint32_t i = table.buckets[at].first; i != 0; i = rules_[i].next) {
            if (rules_[i].rank >= best) { break; }
            if (rule_matches(rules_[i], packet)) {
                best = rules_[i].rank;
                break;
            }
        }
    }
    for (const Listed& one : listed_) {
        if (one.rank >= best) { break; }
        const std::uint8_t protocol =
            one.source.protocol != 0 ? one.source.protocol : one.destination.protocol;
        const Rule rule{.source = {one.source.port_first, one.source.port_last},
                        .destination = {one.destination.port_first, one.destination.port_last},
                        .protocol = protocol};
        if (in_range(one.source.addresses, packet.source) &&
            in_range(one.destination.addresses, packet.destination) && rule_matches(rule, packet)) {
            return one.rank;
        }
    }
    return best;
}

}  // namespace culvert::ipsec
