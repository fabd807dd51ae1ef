#include "plane/user/trap_queue.hpp"

#include <utility>

#include "plane/limits.hpp"

namespace culvert::plane {

TrapQueue::Kept TrapQueue::keep(ReqId reqid, ByteView packet, Instant now) {
    Line& line = lines_[reqid];
    Kept out;
    if (!line.asked || now - *line.asked >= acquire_again_after) {
        line.asked = now;
        out.ask_for_sa = true;
    }
    if (line.packets.size() < trapped_packets_each_max && packets_ < trapped_packets_max) {
        line.packets.push_back({to_bytes(packet), now});
        ++packets_;
        out.kept = true;
    }
    return out;
}

std::deque<Bytes> TrapQueue::take(ReqId reqid) {
    std::deque<Bytes> out;
    const auto line = lines_.find(reqid);
    if (line == lines_.end()) { return out; }
    for (Packet& packet : line->second.packets) { out.push_back(std::move(packet.octets)); }
    packets_ -= out.size();
    lines_.erase(line);
    return out;
}

std::vector<ReqId> TrapQueue::waiting() const {
    std::vector<ReqId> out;
    for (const auto& [reqid, line] : lines_) {
        if (!line.packets.empty()) { out.push_back(reqid); }
    }
    return out;
}

std::size_t TrapQueue::expire(Instant now) {
    std::size_t gone = 0;
    for (auto at = lines_.begin(); at != lines_.end();) {
        Line& line = at->second;
        while (!line.packets.empty() &&
               now - line.packets.front().since >= trapped_packet_age_max) {
            line.packets.pop_front();
            ++gone;
        }
        const bool asked_lately = line.asked && now - *line.asked < acquire_again_after;
        at = line.packets.empty() && !asked_lately ? lines_.erase(at) : std::next(at);
    }
    packets_ -= gone;
    return gone;
}

}  // namespace culvert::plane
