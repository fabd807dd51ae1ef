#pragma once
// One IPsec packet of the shared vectors, and the SA that it belongs to.

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "ipsec_types/child_sa.hpp"
#include "support/vectors.hpp"

namespace culvert::test {

struct PacketCase {
    std::string id;
    std::string expect;  // accept, reject, ...
    std::string note;
    ChildSa sa;  // the same keys and SPI both ways; selectors take everything
    Bytes iv;
    std::uint64_t sequence = 0;  // high word included
    Bytes inner;
    Bytes outer;
};

// Nothing: a suite that we do not have (DES).
std::optional<PacketCase> packet_case(const Json& json);

// Where ESP or AH begins in a whole packet.
std::size_t ipsec_offset(const PacketCase& one);

// The suite by the vectors' names: "AES-GCM-16-128", or "AES-GCM" with sizes of key and ICV.
std::optional<IpsecSuite> suite_of(const Json& json);
// Adds the keys, both ways.
void set_keys(ChildSa& sa, const Json& json);
// Any packet of both families.
TrafficSelectors everything();

}  // namespace culvert::test
