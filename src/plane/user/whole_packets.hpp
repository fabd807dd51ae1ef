#pragma once
// Transport mode protects whole packets only (RFC 4303 3.1.1, RFC 4302 3.3.4), and the host hands
// the TUN device fragments of what is larger than its MTU. Here they are put together again; what
// comes of them may be cut after encapsulation. Used by one thread.

#include <cstddef>

#include "ipsec/reassembly.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

class WholePackets {
 public:
    explicit WholePackets(WorkerCounters& counters) : counters_(counters) {}

    // `packet` is a fragment, and `info` says so. Empty: the packet is not complete yet, or was
    // refused and counted. Else it is whole, `info` is about it, trailer_size_max octets behind it
    // are writable, and it stays until the next call.
    MutableByteView take(ByteView packet, ipsec::PacketInfo& info, Instant now);
    // Lets go what waited too long.
    void tick(Instant now);

 private:
    WorkerCounters& counters_;
    ipsec::Reassembler pieces_;
    Bytes whole_;
};

}  // namespace culvert::plane
