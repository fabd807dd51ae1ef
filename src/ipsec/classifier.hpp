#pragma once
// Finds the first of many selector pairs that a packet matches: tuple space search. Not for others
// than the SPD.
//
// Selectors become prefixes; pairs of equal shape (prefix lengths of both sides, protocol or not,
// single ports or not) share a hash table, so that a look-up costs one probe a shape, however many
// entries there are. Shapes are asked in the order of their best entry, and only while they could
// still win. A rule that its key decides lies in the table itself; where several share a key, or a
// packet is to be compared with ranges of ports or addresses, the table says where they are. Ranges
// that would make too many prefixes are filed under the one prefix that covers them.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "ipsec/classifier_rule.hpp"
#include "ipsec/node_pool.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/rule_table.hpp"
#include "ipsec_types/policy.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ipsec {

struct ClassifierShape {
    std::uint8_t source_prefix = 0;
    std::uint8_t destination_prefix = 0;
    bool protocol = false;
    bool source_port = false;
    bool destination_port = false;
    friend auto operator<=>(const ClassifierShape&, const ClassifierShape&) = default;
};

// Words of a key: both addresses, then protocol and ports.
constexpr std::size_t v4_words = 2;
constexpr std::size_t v6_words = 5;

// A snapshot.
class Classifier {
 public:
    Classifier(Classifier&&) noexcept = default;
    Classifier(const Classifier&) = delete;
    // What is in the tables would outlive its pool.
    Classifier& operator=(Classifier&&) = delete;
    Classifier& operator=(const Classifier&) = delete;
    ~Classifier() = default;

    // What the first rule in order that matches says.
    struct Answer {
        bool found = false;
        PolicyAction action = PolicyAction::discard;
        bool trap = false;
        ReqId reqid{};
        std::uint64_t serial = 0;
    };
    Answer find(const PacketInfo& packet) const;
    // Asks memory for what find() will read, and does not wait. Where several packets are at hand,
    // all of them wait but once.
    void approach(const PacketInfo& packet) const;

 private:
    friend class ClassifierBuilder;
    Classifier() = default;
    template <std::size_t Words>
    struct Table {
        RuleKey<Words> mask;  // what its shape leaves of a packet's
        RuleOrder best;
        RuleTable<Words> rules;
    };
    template <std::size_t Words>
    using Tables = std::vector<Table<Words>>;  // in the order of `best`

    template <std::size_t Words>
    static Answer find_in(const Tables<Words>& tables, const PacketInfo& packet);
    template <std::size_t Words>
    static void approach_in(const Tables<Words>& tables, const PacketInfo& packet);

    std::shared_ptr<NodePool> nodes_;  // where the rules are that are in no table: outlives these
    std::tuple<Tables<v4_words>, Tables<v6_words>> tables_;
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
    template <std::size_t Words>
    struct Table {
        explicit Table(std::shared_ptr<typename RuleTable<Words>::Pools> pools)
            : rules(std::move(pools)) {}
        std::map<RuleOrder, std::uint32_t> orders;  // and how many rules of each there are
        RuleTable<Words> rules;
    };
    template <std::size_t Words>
    struct Family {
        std::shared_ptr<typename RuleTable<Words>::Pools> pools;  // of all its tables
        std::map<ClassifierShape, Table<Words>> tables;
    };
    // One pair of prefixes, as it is filed.
    struct Place;

    static std::vector<Place> places_of(const ClassifierRule& rule, const TrafficSelectors& sources,
                                        const TrafficSelectors& destinations);
    template <class Work>
    void in_family_of(const Place& place, Work&& work);
    template <std::size_t Words>
    void put(Family<Words>& family, const Place& place);
    template <std::size_t Words>
    void take(Family<Words>& family, const Place& place);
    template <std::size_t Words>
    void file(RuleTable<Words>& table, const RuleKey<Words>& key,
              std::vector<ClassifierRule> rules);

    std::shared_ptr<NodePool> nodes_;
    std::tuple<Family<v4_words>, Family<v6_words>> families_;
};

}  // namespace culvert::ipsec
