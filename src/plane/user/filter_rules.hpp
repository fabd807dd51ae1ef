#pragma once
// The nftables rules that keep clear packets out which a policy wants protected (RFC 4301 5.2;
// abuse I-02). Pure: policies in, text for `nft -f -` out. Nothing in the text comes from a
// stranger: numbers and addresses, and names that were checked.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ipsec/spd.hpp"

namespace culvert::plane {

struct FilterSettings {
    std::string table = "culvert";  // of family inet
    std::string tun;
    std::uint16_t port = 500;
    std::uint16_t port_nat_t = 4500;
    std::uint32_t mark = 0;
};

// A table name for this TUN: "culvert" for culvert0, else one of its own.
std::string filter_table_name(std::string_view tun);

constexpr std::string_view clear_counter = "clear_dropped";
constexpr std::string_view discard_counter = "clear_discarded";

// Makes the table anew, without policies.
std::string filter_table(const FilterSettings& settings);
// Replaces the policies' rules; the counters go on.
std::string filter_policies(const FilterSettings& settings, std::vector<ipsec::SpdEntry> entries);
std::string filter_removal(const FilterSettings& settings);

}  // namespace culvert::plane
