#include "ipsec/classifier.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace culvert::ipsec {
namespace {

// A pair of ranges may become this many pairs of prefixes; beyond that it is filed once.
constexpr std::size_t prefix_pairs_max = 64;

// Eight octets as a number.
std::uint64_t word_at(const std::uint8_t* octets) {
    std::uint64_t out = 0;
    std::memcpy(&out, octets, sizeof out);
    return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
}

// What a look-up asks for, before a shape takes its part: addresses, then protocol and ports. An
// address has room for 16 octets, and zeros where it is of IPv4.
ClassifierKey words_of(const PacketInfo& packet) {
    const std::uint8_t* const source = packet.source.octets().data();
    const std::uint8_t* const destination = packet.destination.octets().data();
    return {{word_at(source), word_at(source + 8), word_at(destination), word_at(destination + 8),
             std::uint64_t{packet.protocol} << 32U | std::uint64_t{packet.source_port} << 16U |
                 packet.destination_port}};
}

ClassifierKey mask_of(const ClassifierShape& shape) {
    const auto first_bits = [](unsigned count) {
        return count == 0 ? 0 : ~std::uint64_t{0} << (64 - std::min(count, 64U));
    };
    const auto behind = [](unsigned prefix) { return prefix < 64 ? 0 : prefix - 64; };
    return {{first_bits(shape.source_prefix), first_bits(behind(shape.source_prefix)),
             first_bits(shape.destination_prefix), first_bits(behind(shape.destination_prefix)),
             (shape.protocol ? std::uint64_t{0xff} << 32U : 0) |
                 (shape.source_port ? std::uint64_t{0xffff} << 16U : 0) |
                 (shape.destination_port ? std::uint64_t{0xffff} : 0)}};
}

ClassifierKey masked(const ClassifierKey& words, const ClassifierKey& mask) {
    ClassifierKey out;
    for (std::size_t i = 0; i < out.words.size(); ++i) {
        out.words[i] = words.words[i] & mask.words[i];
    }
    return out;
}

// A single port. Opaque and ranges are compared.
bool exact(const TrafficSelector& selector) {
    return selector.protocol != 0 && selector.port_first == selector.port_last;
}

bool port_matches(std::uint16_t first, std::uint16_t last, bool has_ports, std::uint16_t port) {
    if (first == 0 && last == 65535) { return true; }
    if (first == 65535 && last == 0) { return !has_ports; }
    return has_ports && first <= port && port <= last;
}

bool matches(const ClassifierRule& rule, const PacketInfo& packet) {
    return (rule.protocol == 0 || rule.protocol == packet.protocol) &&
           port_matches(rule.source_first, rule.source_last, packet.has_ports,
                        packet.source_port) &&
           port_matches(rule.destination_first, rule.destination_last, packet.has_ports,
                        packet.destination_port) &&
           (rule.ranges == nullptr || (rule.ranges->source.contains(packet.source) &&
                                       rule.ranges->destination.contains(packet.destination)));
}

// The longest prefix that covers the whole range.
IpSubnet cover_of(const IpRange& range) {
    const ByteView first = range.first.octets();
    const ByteView last = range.last.octets();
    unsigned same = 0;
    while (same < range.first.bits() &&
           ((first[same / 8] ^ last[same / 8]) >> (7 - same % 8) & 1U) == 0) {
        ++same;
    }
    return {range.first, same};
}

// One pair of prefixes, as it is filed.
struct Place {
    ClassifierShape shape;
    ClassifierKey key;
    ClassifierRule rule;
};

Place place_of(const ClassifierRule& rule, const TrafficSelector& source, const IpSubnet& from,
               const TrafficSelector& destination, const IpSubnet& to) {
    Place out{.shape = {.family = from.address.family(),
                        .source_prefix = static_cast<std::uint8_t>(from.prefix),
                        .destination_prefix = static_cast<std::uint8_t>(to.prefix),
                        .protocol = source.protocol != 0 || destination.protocol != 0,
                        .source_port = exact(source),
                        .destination_port = exact(destination)},
              .key = {},
              .rule = rule};
    out.rule.protocol = source.protocol != 0 ? source.protocol : destination.protocol;
    out.rule.source_first = source.port_first;
    out.rule.source_last = source.port_last;
    out.rule.destination_first = destination.port_first;
    out.rule.destination_last = destination.port_last;
    out.key = masked(words_of({.source = from.address,
                               .destination = to.address,
                               .family = out.shape.family,
                               .protocol = out.rule.protocol,
                               .has_ports = true,
                               .source_port = source.port_first,
                               .destination_port = destination.port_first}),
                     mask_of(out.shape));
    return out;
}

void add_places(const ClassifierRule& rule, const TrafficSelector& source,
                const TrafficSelector& destination, std::vector<Place>& out) {
    if (source.addresses.family() != destination.addresses.family()) { return; }
    if (source.protocol != 0 && destination.protocol != 0 &&
        source.protocol != destination.protocol) {
        return;
    }
    const auto from = subnets_of(source.addresses);
    const auto to = subnets_of(destination.addresses);
    if (from.size() * to.size() > prefix_pairs_max) {
        ClassifierRule compared = rule;
        compared.ranges = std::make_shared<const ClassifierRule::Ranges>(
            ClassifierRule::Ranges{source.addresses, destination.addresses});
        out.push_back(place_of(compared, source, cover_of(source.addresses), destination,
                               cover_of(destination.addresses)));
        return;
    }
    for (const IpSubnet& a : from) {
        for (const IpSubnet& b : to) { out.push_back(place_of(rule, source, a, destination, b)); }
    }
}

std::vector<Place> places_of(const ClassifierRule& rule, const TrafficSelectors& sources,
                             const TrafficSelectors& destinations) {
    std::vector<Place> out;
    for (const TrafficSelector& source : sources) {
        for (const TrafficSelector& destination : destinations) {
            add_places(rule, source, destination, out);
        }
    }
    return out;
}

const ClassifierRule* first_match(const ClassifierRules& rules, const PacketInfo& packet) {
    if (matches(rules.first, packet)) { return &rules.first; }
    const auto at = std::ranges::find_if(
        rules.more, [&packet](const ClassifierRule& rule) { return matches(rule, packet); });
    return at == rules.more.end() ? nullptr : &*at;
}

}  // namespace

std::uint32_t ClassifierTraits::hash(const ClassifierKey& key) {
    // Multilinear: the products do not wait for one another.
    constexpr std::array<std::uint64_t, 5> factors{0x9e3779b97f4a7c15U, 0xbf58476d1ce4e5b9U,
                                                   0x94d049bb133111ebU, 0xd6e8feb86659fd93U,
                                                   0xa0761d6478bd642fU};
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < factors.size(); ++i) { sum += key.words[i] * factors[i]; }
    const std::uint64_t hash = (sum ^ sum >> 32U) * 0xe7037ed1a0b428dbU >> 32U;
    const auto out = static_cast<std::uint32_t>(hash);
    return out == 0 ? 1 : out;
}

ClassifierBuilder::ClassifierBuilder()
    : rules_(std::make_shared<NodePool>(sizeof(ClassifierRules), alignof(ClassifierRules))) {}

void ClassifierBuilder::add(const ClassifierRule& rule, const TrafficSelectors& sources,
                            const TrafficSelectors& destinations) {
    for (const Place& place : places_of(rule, sources, destinations)) {
        Table& table = tables_[place.shape];
        ++table.orders[rule.order];
        put(table, place.key, place.rule);
    }
}

void ClassifierBuilder::file(Table& table, const ClassifierKey& key, ClassifierRule first,
                             std::vector<ClassifierRule> more) {
    table.keys.put(key, NodeRef<ClassifierRules>{make_node<ClassifierRules>(
                            rules_.get(), key, std::move(first), std::move(more))});
}

void ClassifierBuilder::put(Table& table, const ClassifierKey& key, const ClassifierRule& rule) {
    const ClassifierRules* known = table.keys.find(key);
    if (known == nullptr) {
        file(table, key, rule, {});
        return;
    }
    std::vector<ClassifierRule> more = known->more;
    ClassifierRule first = known->first;
    ClassifierRule later = rule;
    if (rule.order < first.order) { std::swap(first, later); }
    more.insert(std::ranges::upper_bound(more, later.order, {}, &ClassifierRule::order), later);
    file(table, key, std::move(first), std::move(more));
}

void ClassifierBuilder::remove(const RuleOrder& order, const TrafficSelectors& sources,
                               const TrafficSelectors& destinations) {
    for (const Place& place : places_of({.order = order}, sources, destinations)) {
        const auto at = tables_.find(place.shape);
        ASSERT(at != tables_.end());
        take(at->second, place.key, order);
        const auto count = at->second.orders.find(order);
        if (--count->second == 0) { at->second.orders.erase(count); }
        if (at->second.orders.empty()) { tables_.erase(at); }
    }
}

// One rule of this order under this key: where one entry put two there, each is taken in its turn.
void ClassifierBuilder::take(Table& table, const ClassifierKey& key, const RuleOrder& order) {
    const ClassifierRules* known = table.keys.find(key);
    ASSERT(known != nullptr);
    std::vector<ClassifierRule> more = known->more;
    ClassifierRule first = known->first;
    if (first.order == order) {
        if (more.empty()) {
            table.keys.erase(key);
            return;
        }
        first = std::move(more.front());
        more.erase(more.begin());
    } else {
        const auto at = std::ranges::find(more, order, &ClassifierRule::order);
        ASSERT(at != more.end());
        more.erase(at);
    }
    file(table, key, std::move(first), std::move(more));
}

Classifier ClassifierBuilder::snapshot() const {
    Classifier out;
    out.rules_ = rules_;
    out.tables_.reserve(tables_.size());
    for (const auto& [shape, table] : tables_) {
        out.tables_.push_back({.family = shape.family,
                               .mask = mask_of(shape),
                               .best = table.orders.begin()->first,
                               .keys = table.keys});
    }
    std::ranges::sort(out.tables_, {}, &Classifier::Table::best);
    return out;
}

const ClassifierRule* Classifier::find(const PacketInfo& packet) const {
    // Tables are asked in groups, memory is fetched for all of a group at a time.
    constexpr std::size_t group_max = 8;
    struct Asked {
        const Table* table;
        SnapshotTable<ClassifierTraits>::Spot spot;
        ClassifierKey key;
    };
    std::array<Asked, group_max> group;
    const ClassifierKey words = words_of(packet);
    const ClassifierRule* best = nullptr;
    const auto worse = [&best](const Table& table) {
        return best != nullptr && best->order < table.best;
    };
    for (std::size_t next = 0; next < tables_.size() && !worse(tables_[next]);) {
        std::size_t count = 0;
        for (; next < tables_.size() && count < group_max; ++next) {
            const Table& table = tables_[next];
            if (table.family != packet.family) { continue; }
            Asked& asked = group[count++];
            asked.table = &table;
            asked.key = masked(words, table.mask);
            table.keys.begin(asked.key, asked.spot);
        }
        for (std::size_t i = 0; i < count; ++i) { group[i].table->keys.approach(group[i].spot); }
        for (std::size_t i = 0; i < count; ++i) { group[i].table->keys.meet(group[i].spot); }
        for (std::size_t i = 0; i < count && !worse(*group[i].table); ++i) {
            const ClassifierRules* found = group[i].table->keys.find(group[i].spot, group[i].key);
            const ClassifierRule* rule = found == nullptr ? nullptr : first_match(*found, packet);
            if (rule != nullptr && (best == nullptr || rule->order < best->order)) { best = rule; }
        }
    }
    return best;
}

}  // namespace culvert::ipsec
