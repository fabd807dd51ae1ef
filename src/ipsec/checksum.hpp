#pragma once
// Internet checksums (RFC 1071) for whole packets, with the processor's vectors where it has them.
// A sum here is the ones' complement sum of 16-bit words in network order, folded to 16 bits and
// not complemented; a last odd octet counts as the high half of a word.

#include <cstdint>

#include "base/bytes.hpp"

namespace culvert::ipsec {

std::uint16_t internet_sum(ByteView octets);

// The same while copying them to `to`, which has room for them and does not overlap.
std::uint16_t copy_and_sum(ByteView octets, std::uint8_t* to);

// Many sums, or words, added up to one. The total must stay below 2^32.
constexpr std::uint16_t fold(std::uint32_t sum) {
    sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>((sum & 0xffffU) + (sum >> 16U));
}

// What a sum becomes when this word is taken out of it.
constexpr std::uint16_t without(std::uint16_t sum, std::uint16_t word) {
    return fold(std::uint32_t{sum} + static_cast<std::uint16_t>(~word));
}

}  // namespace culvert::ipsec
