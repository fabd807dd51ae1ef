#pragma once
// Packets that wait for an SA, and when their SA was asked for. Owned by one thread.

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "ipsec_types/spi.hpp"

namespace culvert::plane {

class TrapQueue {
 public:
    struct Kept {
        bool kept = false;        // false: no room
        bool ask_for_sa = false;  // nobody asked for this reqid within the last second
    };
    Kept keep(ReqId reqid, ByteView packet, Instant now);

    // The packets of this reqid, oldest first; they leave the queue.
    std::deque<Bytes> take(ReqId reqid);
    // Reqids with packets.
    std::vector<ReqId> waiting() const;
    // Lets go what waited too long; how many that were.
    std::size_t expire(Instant now);

 private:
    struct Packet {
        Bytes octets;
        Instant since;
    };
    struct Line {
        std::deque<Packet> packets;
        std::optional<Instant> asked{};
    };
    std::map<ReqId, Line> lines_;
    std::size_t packets_ = 0;
};

}  // namespace culvert::plane
