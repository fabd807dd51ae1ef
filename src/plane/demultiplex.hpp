#pragma once
// What a datagram on the NAT-T port is (RFC 3948 2, 3; RFC 7296 2.23).

#include <cstdint>

#include "base/bytes.hpp"

namespace culvert::plane {

enum class NatTKind : std::uint8_t {
    keep_alive,  // the one octet 0xff (RFC 3948 2.3)
    ike,         // begins with the non-ESP marker, four zero octets (RFC 3948 2.2)
    esp,         // begins with an SPI that is not zero
    junk,        // too short to be either: 0xff runs, an empty datagram
};

constexpr std::size_t non_esp_marker_octets = 4;

constexpr NatTKind kind_of_nat_t(ByteView datagram) {
    if (datagram.size() == 1 && datagram[0] == 0xff) { return NatTKind::keep_alive; }
    // SPI and sequence number of ESP are 8 octets (RFC 4303 2); an IKE header has 28 behind the
    // marker. What is shorter is nobody's.
    if (datagram.size() < 2 * non_esp_marker_octets) { return NatTKind::junk; }
    const bool marker =
        datagram[0] == 0 && datagram[1] == 0 && datagram[2] == 0 && datagram[3] == 0;
    return marker ? NatTKind::ike : NatTKind::esp;
}

}  // namespace culvert::plane
