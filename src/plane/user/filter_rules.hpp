#pragma once
// The nftables rules that keep clear packets out which a policy wants protected (RFC 4301 5.2;
// abuse I-02). Pure: policies in, text for `nft -f -` out. Nothing in the text comes from a
// stranger: numbers and addresses, and names that were checked.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.hpp"
#include "ipsec/spd.hpp"

namespace culvert::plane {

struct FilterSettings {
    std::string table = "culvert";  // of family inet
    std::string tun;
    std::uint16_t port = 500;
    std::uint16_t port_nat_t = 4500;
    std::uint32_t mark = 0;
    std::uint16_t port_tcp = 4500;
    bool sockets = true;  // whether the kernel can be asked whose socket a packet is for
};

// A table name for this TUN: "culvert" for culvert0, else one of its own.
std::string filter_table_name(std::string_view tun);

constexpr std::string_view clear_counter = "clear_dropped";
constexpr std::string_view discard_counter = "clear_discarded";

// Makes the table anew, without policies.
std::string filter_table(const FilterSettings& settings);
// What the chain consists of. Policies of many tunnels, one like the other, are elements of sets,
// which the kernel looks up at once however many they are.
struct FilterPlan {
    struct Pair {
        IpRange source;
        IpRange destination;
        friend auto operator<=>(const Pair&, const Pair&) = default;
        friend bool operator==(const Pair&, const Pair&) = default;
    };
    std::vector<std::string> rules;  // in their order
    // By name, ordered, no two of one set overlapping.
    std::map<std::string, std::vector<Pair>> sets;
};
FilterPlan plan_filter(const FilterSettings& settings, std::vector<ipsec::SpdEntry> entries,
                       bool with_sets = true);
// Puts `after` in the place of `before`, what is there now; the counters go on. Empty: nothing is
// to be done. As long as the rules stay the same it costs no more than what changed.
std::string filter_change(const FilterSettings& settings, const FilterPlan& before,
                          const FilterPlan& after);
// Makes the table anew with all of this in it, whatever is there.
std::string filter_whole(const FilterSettings& settings, const FilterPlan& plan);
std::string filter_removal(const FilterSettings& settings);

}  // namespace culvert::plane
