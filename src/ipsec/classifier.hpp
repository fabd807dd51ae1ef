#pragma once
// Finds the first of many selector pairs that a packet matches: tuple space search. Not for others
// than the SPD.
//
// Selectors become prefixes; pairs of equal shape (prefix lengths of both sides, protocol or not,
// single ports or not) share a hash table, so that a look-up costs one probe a shape, however many
// entries there are. Shapes are asked in the order of their best entry, and only while they could
// still win. Ranges that would make too many prefixes are filed under the one prefix that covers
// them, and compared where that is found.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "ipsec/node_pool.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/snapshot_table.hpp"
#include "ipsec_types/policy.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ipsec {

// The lower one is asked first.
struct RuleOrder {
    std::uint32_t priority = 0;
    std::uint64_t serial = 0;
    friend auto operator<=>(const RuleOrder&, const RuleOrder&) = default;
};

// What is found. The rest is the classifier's own.
struct ClassifierRule {
    RuleOrder order{};
    PolicyAction action = PolicyAction::discard;
    bool trap = false;
    std::uint8_t protocol = 0;
    ReqId reqid{};
    std::uint16_t source_first = 0;
    std::uint16_t source_last = 65535;
    std::uint16_t destination_first = 0;
    std::uint16_t destination_last = 65535;
    // Where the prefixes say more than the selectors.
    struct Ranges {
        IpRange source;
        IpRange destination;
    };
    std::shared_ptr<const Ranges> ranges{};
};

struct ClassifierShape {
    IpFamily family = IpFamily::v4;
    std::uint8_t source_prefix = 0;
    std::uint8_t destination_prefix = 0;
    bool protocol = false;
    bool source_port = false;
    bool destination_port = false;
    friend auto operator<=>(const ClassifierShape&, const ClassifierShape&) = default;
};

struct ClassifierKey {
    std::array<std::uint64_t, 5> words{};
    bool operator==(const ClassifierKey&) const = default;
};

// All rules under one key.
struct alignas(64) ClassifierRules : PooledNode {
    ClassifierRules(NodePool* from, const ClassifierKey& of, ClassifierRule best,
                    std::vector<ClassifierRule> others)
        : PooledNode(from), key(of), first(std::move(best)), more(std::move(others)) {}
    ClassifierKey key;
    ClassifierRule first;
    std::vector<ClassifierRule> more;  // in their order
};

struct ClassifierTraits {
    using Key = ClassifierKey;
    using Item = ClassifierRules;
    using Owner = NodeRef<ClassifierRules>;
    static constexpr std::size_t lines = 32;
    static std::uint32_t hash(const ClassifierKey& key);
    static bool is(const ClassifierRules& rules, const ClassifierKey& key) {
        return rules.key == key;
    }
};

// A snapshot.
class Classifier {
 public:
    // The first rule in order that matches; null: none does.
    const ClassifierRule* find(const PacketInfo& packet) const;

 private:
    friend class ClassifierBuilder;
    struct Table {
        IpFamily family;
        ClassifierKey mask;  // what its shape leaves of a packet's
        RuleOrder best;
        SnapshotTable<ClassifierTraits> keys;
    };
    std::shared_ptr<NodePool> rules_;  // where they are: outlives the tables
    std::vector<Table> tables_;        // in the order of `best`
};

class ClassifierBuilder {
 public:
    ClassifierBuilder();
    // Of one order once only.
    void add(const ClassifierRule& rule, const TrafficSelectors& sources,
             const TrafficSelectors& destinations);
    // With what add() had.
    void remove(const RuleOrder& order, const TrafficSelectors& sources,
                const TrafficSelectors& destinations);
    Classifier snapshot() const;

 private:
    struct Table {
        std::map<RuleOrder, std::uint32_t> orders;  // and how many rules of each there are
        SnapshotTable<ClassifierTraits> keys;
    };
    void put(Table& table, const ClassifierKey& key, const ClassifierRule& rule);
    void take(Table& table, const ClassifierKey& key, const RuleOrder& order);
    void file(Table& table, const ClassifierKey& key, ClassifierRule first,
              std::vector<ClassifierRule> more);

    std::shared_ptr<NodePool> rules_;
    std::map<ClassifierShape, Table> tables_;
};

}  // namespace culvert::ipsec
