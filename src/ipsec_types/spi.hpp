#pragma once

#include <cstdint>

#include "base/strong.hpp"

namespace culvert {

// RFC 4303 2.1, RFC 4302 2.4. 0..255 are reserved and never ours. Host order.
using EspSpi = Strong<struct EspSpiTag, std::uint32_t>;
constexpr EspSpi esp_spi_min{256};

// Names one pair of SAs inside this process for as long as it lives; never reused, never on the
// wire.
using ChildSaId = Strong<struct ChildSaIdTag, std::uint32_t>;

// Ties policies to the SAs that serve them; stays the same over rekeys of one Child SA.
using ReqId = Strong<struct ReqIdTag, std::uint32_t>;

// Names a TCP connection that carries IKE and ESP (RFC 9329) inside this process, never reused;
// zero: none, datagrams. The key exchange names those that it has opened, with the highest bit set;
// the plane those that it has accepted.
using StreamId = Strong<struct StreamIdTag, std::uint64_t>;
constexpr std::uint64_t opened_streams_from = std::uint64_t{1} << 63U;

}  // namespace culvert
