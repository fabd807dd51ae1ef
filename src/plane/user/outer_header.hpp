#pragma once
// What stands in front of ESP on the wire where we write it ourselves: an IP header, and a UDP one
// with encapsulation (RFC 3948 2.1).

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/ip.hpp"
#include "ipsec/esp.hpp"
#include "plane/user/next_hops.hpp"

namespace culvert::plane {

struct UdpPorts {
    std::uint16_t local = 0;
    std::uint16_t remote = 0;
};

class OuterHeader {
 public:
    static constexpr std::size_t size_max = 48;

    // Both addresses are of one family.
    OuterHeader(const IpAddress& local, const IpAddress& remote, const ipsec::OuterFields& outer,
                std::optional<UdpPorts> ports);

    // Octets in front of ESP.
    std::size_t size() const { return size_; }
    bool is_v4() const { return v4_; }
    // Of one packet. `identification` goes on with each that may be fragmented (RFC 6864 4.1). UDP
    // has no checksum over IPv4 (RFC 3948 2.1), and one over IPv6, where it must (RFC 8200 8.1).
    void write(MutableByteView into, ByteView esp, std::uint16_t& identification) const;
    // `packet`: headers and all. What is larger, or must be cut, is left to the kernel's sockets,
    // which know how and know the path.
    bool fits(std::size_t packet, const NextHop& hop) const;

 private:
    std::array<std::uint8_t, size_max> common_{};  // all but lengths, identification and checksums
    std::size_t size_ = 0;
    std::uint32_t udp_sum_ = 0;  // of what does not change from packet to packet
    bool v4_ = true;
    bool udp_ = false;
    bool dont_fragment_ = false;
};

}  // namespace culvert::plane
