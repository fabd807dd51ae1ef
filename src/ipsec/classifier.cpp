#include "ipsec/classifier.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

// A pair of ranges may become this many pairs of prefixes; beyond that it is filed once.
constexpr std::size_t prefix_pairs_max = 64;
// A rule may have so many pairs of selectors; beyond that they are compared as two lists (T-02).
constexpr std::size_t selector_pairs_max = 256;

template <class Number>
Number number_at(const std::uint8_t* octets) {
    Number out = 0;
    std::memcpy(&out, octets, sizeof out);
    return std::endian::native == std::endian::little ? std::byteswap(out) : out;
}

// What a look-up asks for, before a shape takes its part.
template <std::size_t Words>
RuleKey<Words> words_of(const PacketInfo& packet) {
    const std::uint8_t* const source = packet.source.octets().data();
    const std::uint8_t* const destination = packet.destination.octets().data();
    const std::uint64_t rest = std::uint64_t{packet.has_ports ? 1U : 0U} << 40U |
                               std::uint64_t{packet.protocol} << 32U |
                               std::uint64_t{packet.source_port} << 16U | packet.destination_port;
    if constexpr (Words == v4_words) {
        return {std::uint64_t{number_at<std::uint32_t>(source)} << 32U |
                    number_at<std::uint32_t>(destination),
                rest};
    } else {
        return {number_at<std::uint64_t>(source), number_at<std::uint64_t>(source + 8),
                number_at<std::uint64_t>(destination), number_at<std::uint64_t>(destination + 8),
                rest};
    }
}

template <std::size_t Words>
RuleKey<Words> mask_of(const ClassifierShape& shape) {
    const auto first_bits = [](unsigned count, unsigned of) {
        return count == 0 ? 0
                          : ~std::uint64_t{0} << (of - std::min(count, of)) &
                                ~std::uint64_t{0} >> (64 - of);
    };
    const auto behind = [](unsigned prefix) { return prefix < 64 ? 0 : prefix - 64; };
    const std::uint64_t rest =
        (shape.protocol ? std::uint64_t{0xff} << 32U : 0) |
        (shape.source_port ? std::uint64_t{0xffff} << 16U : 0) |
        (shape.destination_port ? std::uint64_t{0xffff} : 0) |
        // Port 0 is a port, and not "no port".
        (shape.source_port || shape.destination_port ? std::uint64_t{1} << 40U : 0);
    if constexpr (Words == v4_words) {
        return {
            first_bits(shape.source_prefix, 32) << 32U | first_bits(shape.destination_prefix, 32),
            rest};
    } else {
        return {first_bits(shape.source_prefix, 64), first_bits(behind(shape.source_prefix), 64),
                first_bits(shape.destination_prefix, 64),
                first_bits(behind(shape.destination_prefix), 64), rest};
    }
}

template <std::size_t Words>
RuleKey<Words> masked(const RuleKey<Words>& words, const RuleKey<Words>& mask) {
    RuleKey<Words> out;
    for (std::size_t i = 0; i < Words; ++i) { out[i] = words[i] & mask[i]; }
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

// One whose key the packet has.
bool matches(const ClassifierRule& rule, const PacketInfo& packet) {
    return port_matches(rule.source_first, rule.source_last, packet.has_ports,
                        packet.source_port) &&
           port_matches(rule.destination_first, rule.destination_last, packet.has_ports,
                        packet.destination_port) &&
           (rule.ranges == nullptr ||
            (rule.ranges->source.contains(packet.source) &&
             rule.ranges->destination.contains(packet.destination) &&
             (rule.ranges->sources.empty() ||
              matches_outbound(packet, rule.ranges->sources, rule.ranges->destinations))));
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

}  // namespace

struct ClassifierBuilder::Place {
    ClassifierShape shape;
    PacketInfo example;  // of its key
    ClassifierRule rule;
};

namespace {

template <class Place>
Place place_of(const ClassifierRule& rule, const TrafficSelector& source, const IpSubnet& from,
               const TrafficSelector& destination, const IpSubnet& to) {
    const std::uint8_t protocol = source.protocol != 0 ? source.protocol : destination.protocol;
    Place out{.shape = {.source_prefix = static_cast<std::uint8_t>(from.prefix),
                        .destination_prefix = static_cast<std::uint8_t>(to.prefix),
                        .protocol = protocol != 0,
                        .source_port = exact(source),
                        .destination_port = exact(destination)},
              .example = {.source = from.address,
                          .destination = to.address,
                          .family = from.address.family(),
                          .protocol = protocol,
                          .has_ports = true,
                          .source_port = source.port_first,
                          .destination_port = destination.port_first},
              .rule = rule};
    if (!out.shape.source_port) {
        out.rule.source_first = source.port_first;
        out.rule.source_last = source.port_last;
    }
    if (!out.shape.destination_port) {
        out.rule.destination_first = destination.port_first;
        out.rule.destination_last = destination.port_last;
    }
    return out;
}

template <class Place>
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
        out.push_back(place_of<Place>(compared, source, cover_of(source.addresses), destination,
                                      cover_of(destination.addresses)));
        return;
    }
    for (const IpSubnet& a : from) {
        for (const IpSubnet& b : to) {
            out.push_back(place_of<Place>(rule, source, a, destination, b));
        }
    }
}

// From the lowest to the highest address of a family.
std::optional<IpRange> span_of(const TrafficSelectors& selectors, IpFamily family) {
    std::optional<IpRange> out;
    for (const TrafficSelector& one : selectors) {
        if (one.addresses.family() != family) { continue; }
        if (!out) { out = one.addresses; }
        out->first = std::min(out->first, one.addresses.first);
        out->last = std::max(out->last, one.addresses.last);
    }
    return out;
}

template <class Place>
void add_lists(const ClassifierRule& rule, const TrafficSelectors& sources,
               const TrafficSelectors& destinations, std::vector<Place>& out) {
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
        const auto from = span_of(sources, family);
        const auto to = span_of(destinations, family);
        if (!from || !to) { continue; }
        ClassifierRule compared = rule;
        compared.ranges = std::make_shared<const ClassifierRule::Ranges>(
            ClassifierRule::Ranges{*from, *to, sources, destinations});
        out.push_back(place_of<Place>(compared, TrafficSelector::of(*from), cover_of(*from),
                                      TrafficSelector::of(*to), cover_of(*to)));
    }
}

}  // namespace

std::vector<ClassifierBuilder::Place> ClassifierBuilder::places_of(
    const ClassifierRule& rule, const TrafficSelectors& sources,
    const TrafficSelectors& destinations) {
    std::vector<Place> out;
    if (sources.size() * destinations.size() > selector_pairs_max) {
        add_lists(rule, sources, destinations, out);
        return out;
    }
    for (const TrafficSelector& source : sources) {
        for (const TrafficSelector& destination : destinations) {
            add_places(rule, source, destination, out);
        }
    }
    return out;
}

ClassifierBuilder::ClassifierBuilder()
    : nodes_(std::make_shared<NodePool>(sizeof(ClassifierRules), alignof(ClassifierRules))) {
    std::apply(
        [](auto&... family) {
            ((family.pools = std::make_shared<typename decltype(family.pools)::element_type>()),
             ...);
        },
        families_);
}

template <class Work>
void ClassifierBuilder::in_family_of(const Place& place, Work&& work) {
    if (place.example.family == IpFamily::v4) {
        work(std::get<Family<v4_words>>(families_));
    } else {
        work(std::get<Family<v6_words>>(families_));
    }
}

void ClassifierBuilder::add(const ClassifierRule& rule, const TrafficSelectors& sources,
                            const TrafficSelectors& destinations) {
    for (const Place& place : places_of(rule, sources, destinations)) {
        in_family_of(place, [&](auto& family) { put(family, place); });
    }
}

void ClassifierBuilder::remove(const RuleOrder& order, const TrafficSelectors& sources,
                               const TrafficSelectors& destinations) {
    for (const Place& place : places_of({.order = order}, sources, destinations)) {
        in_family_of(place, [&](auto& family) { take(family, place); });
    }
}

template <std::size_t Words>
void ClassifierBuilder::file(RuleTable<Words>& table, const RuleKey<Words>& key,
                             std::vector<ClassifierRule> rules) {
    if (rules.size() == 1 && rules.front().plain()) {
        table.put({key, rules.front()});
    } else {
        table.put({key, NodeRef<ClassifierRules>{
                            make_node<ClassifierRules>(nodes_.get(), std::move(rules))}});
    }
}

namespace {

template <std::size_t Words>
std::vector<ClassifierRule> rules_of(const RuleSlot<Words>* slot) {
    if (slot == nullptr) { return {}; }
    if (slot->many()) { return slot->rules().in_order; }
    return {slot->rule()};
}

}  // namespace

template <std::size_t Words>
void ClassifierBuilder::put(Family<Words>& family, const Place& place) {
    Table<Words>& table = family.tables.try_emplace(place.shape, family.pools).first->second;
    ++table.orders[place.rule.order];
    const auto key = masked(words_of<Words>(place.example), mask_of<Words>(place.shape));
    std::vector<ClassifierRule> rules = rules_of(table.rules.find(key));
    rules.insert(std::ranges::upper_bound(rules, place.rule.order, {}, &ClassifierRule::order),
                 place.rule);
    file(table.rules, key, std::move(rules));
}

// One rule of this order under this key: where one entry put two there, each is taken in its turn.
template <std::size_t Words>
void ClassifierBuilder::take(Family<Words>& family, const Place& place) {
    const auto of_shape = family.tables.find(place.shape);
    ASSERT(of_shape != family.tables.end());
    Table<Words>& table = of_shape->second;
    const auto key = masked(words_of<Words>(place.example), mask_of<Words>(place.shape));
    std::vector<ClassifierRule> rules = rules_of(table.rules.find(key));
    const auto at = std::ranges::find(rules, place.rule.order, &ClassifierRule::order);
    ASSERT(at != rules.end());
    rules.erase(at);
    if (rules.empty()) {
        table.rules.erase(key);
    } else {
        file(table.rules, key, std::move(rules));
    }
    const auto count = table.orders.find(place.rule.order);
    if (--count->second == 0) { table.orders.erase(count); }
    if (table.orders.empty()) { family.tables.erase(of_shape); }
}

Classifier ClassifierBuilder::snapshot() const {
    Classifier out;
    out.nodes_ = nodes_;
    const auto add = [&out]<std::size_t Words>(const Family<Words>& family) {
        auto& tables = std::get<Classifier::Tables<Words>>(out.tables_);
        tables.reserve(family.tables.size());
        for (const auto& [shape, table] : family.tables) {
            tables.push_back({.mask = mask_of<Words>(shape),
                              .best = table.orders.begin()->first,
                              .rules = table.rules});
        }
        std::ranges::sort(tables, {}, &Classifier::Table<Words>::best);
    };
    std::apply([&add](const auto&... family) { (add(family), ...); }, families_);
    return out;
}

namespace {

// The first rule that a packet matches, as slots are looked at.
template <std::size_t Words>
class Best {
 public:
    using Slot = RuleSlot<Words>;

    explicit Best(const PacketInfo& packet) : packet_(packet) {}
    // One whose key the packet has.
    void consider(const Slot& slot) {
        if (slot.many()) [[unlikely]] {
            compare(slot.rules());
        } else if (slot_ == nullptr || slot.order() < slot_->order()) {
            slot_ = &slot;
        }
    }
    bool before(const RuleOrder& order) const {
        return (slot_ != nullptr && slot_->order() < order) ||
               (rule_ != nullptr && rule_->order < order);
    }
    Classifier::Answer answer() const {
        if (rule_ != nullptr && (slot_ == nullptr || rule_->order < slot_->order())) {
            return {true, rule_->action, rule_->trap, rule_->reqid, rule_->order.serial};
        }
        if (slot_ == nullptr) { return {}; }
        return {true, slot_->action(), slot_->trap(), slot_->reqid(), slot_->order().serial};
    }

 private:
    void compare(const ClassifierRules& rules) {
        for (const ClassifierRule& rule : rules.in_order) {
            if (rule_ != nullptr && rule_->order < rule.order) { return; }
            if (!matches(rule, packet_)) { continue; }
            rule_ = &rule;
            return;
        }
    }

    const PacketInfo& packet_;
    const Slot* slot_ = nullptr;            // of those that a key decides
    const ClassifierRule* rule_ = nullptr;  // of the others
};

// Tables are asked in groups of so many.
constexpr std::size_t group_max = 8;

}  // namespace

template <std::size_t Words>
Classifier::Answer Classifier::find_in(const Tables<Words>& tables, const PacketInfo& packet) {
    // Which tables may have something cannot be guessed: that is put together in one number,
    // without a jump. On one that is guessed wrong all would be lost that is computed while memory
    // is waited for, of the next packet as well.
    std::array<std::uint64_t, group_max> hashes;

    const RuleKey<Words> words = words_of<Words>(packet);
    Best<Words> best{packet};
    for (std::size_t next = 0; next < tables.size() && !best.before(tables[next].best);
         next += group_max) {
        const Table<Words>* const group = &tables[next];
        const std::size_t count = std::min(tables.size() - next, group_max);
        unsigned having = 0;
        for (std::size_t i = 0; i < count; ++i) {
            hashes[i] = RuleTable<Words>::hash_of(masked(words, group[i].mask));
            having |= group[i].rules.may_have(hashes[i]) << i;
        }
        // Mostly one: it is read at once, and nothing of the others.
        for (unsigned rest = having & (having - 1); rest != 0; rest &= rest - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(rest));
            group[i].rules.approach(hashes[i]);
        }
        for (; having != 0; having &= having - 1) {
            const auto i = static_cast<std::size_t>(std::countr_zero(having));
            const auto* slot = group[i].rules.find(masked(words, group[i].mask), hashes[i]);
            if (slot != nullptr) { best.consider(*slot); }
        }
    }
    return best.answer();
}

// Of the first group: most gateways have no other.
template <std::size_t Words>
void Classifier::approach_in(const Tables<Words>& tables, const PacketInfo& packet) {
    const RuleKey<Words> words = words_of<Words>(packet);
    for (const Table<Words>& table : std::span{tables}.first(std::min(tables.size(), group_max))) {
        const std::uint64_t hash = RuleTable<Words>::hash_of(masked(words, table.mask));
        if (table.rules.may_have(hash) != 0) { table.rules.approach(hash); }
    }
}

void Classifier::approach(const PacketInfo& packet) const {
    if (packet.family == IpFamily::v4) {
        approach_in(std::get<Tables<v4_words>>(tables_), packet);
    } else {
        approach_in(std::get<Tables<v6_words>>(tables_), packet);
    }
}

Classifier::Answer Classifier::find(const PacketInfo& packet) const {
    return packet.family == IpFamily::v4 ? find_in(std::get<Tables<v4_words>>(tables_), packet)
                                         : find_in(std::get<Tables<v6_words>>(tables_), packet);
}

}  // namespace culvert::ipsec
