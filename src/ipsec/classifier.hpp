#pragma once
// Finds the first of many selector pairs that a packet matches: tuple space search. Not for others
// than the SPD.
//
// Selectors become prefixes; pairs of equal shape (prefix lengths of both sides, protocol or not,
// single ports or not) share a hash table, so that a look-up costs one probe a shape, however many
// entries there are. Shapes are asked in the order of their best entry, and only while they could
// still win. Ranges that make too many prefixes are kept in a list that is compared one by one.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "ipsec/packet.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ipsec {

class Classifier {
 public:
    static constexpr std::uint32_t no_match = std::numeric_limits<std::uint32_t>::max();

    // Ranks are added in ascending order, all of one rank together; then finish(), once.
    void add(std::uint32_t rank, const TrafficSelectors& sources,
             const TrafficSelectors& destinations);
    void finish();
    // The lowest rank that matches.
    std::uint32_t find(const PacketInfo& packet) const;

 private:
    struct PortRule {
        std::uint16_t first = 0;
        std::uint16_t last = 65535;
        bool matches(bool has_ports, std::uint16_t port) const;
    };
    struct Rule {
        std::uint32_t rank = 0;
        std::uint32_t next = 0;  // of the same key, ascending ranks; 0: the last
        PortRule source;
        PortRule destination;
        std::uint8_t protocol = 0;
    };
    struct Shape {
        IpFamily family = IpFamily::v4;
        std::uint8_t source_prefix = 0;
        std::uint8_t destination_prefix = 0;
        bool protocol = false;
        bool source_port = false;
        bool destination_port = false;
        bool operator==(const Shape&) const = default;
    };
    struct Key {
        std::uint64_t words[5] = {};
        bool operator==(const Key&) const = default;
    };
    struct Bucket {
        Key key;
        std::uint32_t first = 0;  // rule; 0: the bucket is free
        std::uint32_t last = 0;
    };
    struct Table {
        Shape shape;
        std::uint32_t best = no_match;
        std::size_t used = 0;
        std::vector<Bucket> buckets;
    };
    struct Listed {
        std::uint32_t rank = 0;
        TrafficSelector source;
        TrafficSelector destination;
    };

    static bool rule_matches(const Rule& rule, const PacketInfo& packet);
    static Key key_for(const Shape& shape, const PacketInfo& packet);
    static std::size_t hash_of(const Key& key);
    void add_pair(std::uint32_t rank, const TrafficSelector& source,
                  const TrafficSelector& destination);
    void add_prefixes(std::uint32_t rank, const TrafficSelector& source, const IpSubnet& from,
                      const TrafficSelector& destination, const IpSubnet& to);
    Table& table_of(const Shape& shape);
    static void grow(Table& table);
    static Bucket& bucket_of(Table& table, const Key& key);

    std::vector<Rule> rules_{1};  // 0 is no rule
    std::vector<Table> tables_;
    std::vector<Listed> listed_;
};

}  // namespace culvert::ipsec
