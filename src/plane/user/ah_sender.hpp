#pragma once
// AH on its way out. The ICV covers the outer IP header, so the packet leaves under the very header
// that was covered: whole, and cut here where no socket cuts it for us. Used by one thread.

#include <cstdint>

#include "base/bytes.hpp"
#include "ipsec/esp.hpp"
#include "plane/user/shared.hpp"

namespace culvert::plane {

class AhSender {
 public:
    explicit AhSender(const Shared& shared) : shared_(shared) {}

    // Before encapsulate(): numbers the outer header. The kernel would number an IPv4 packet
    // without DF whose identification is 0, behind the ICV's back, so that one gets a number now;
    // `packet` is that of `info`.
    void number(ipsec::EncapJob& job, MutableByteView packet, const ipsec::PacketInfo& info);
    // 0 or errno.
    int send(const ipsec::OutboundSa& sa, const ipsec::EncapJob& job);

 private:
    std::uint32_t next_number() const;
    int send_in_fragments(const IpAddress& remote, std::uint32_t mtu);

    const Shared& shared_;
    std::uint16_t identification_ = 0;
    Bytes packet_;
};

}  // namespace culvert::plane
