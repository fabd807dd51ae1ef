#pragma once
// One direction of the user plane: clear packets from the TUN to the network (RFC 4301 5.1). Runs
// in one thread.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ipsec/esp.hpp"
#include "ipsec/flow_cache.hpp"
#include "ipsec/segment.hpp"
#include "plane/limits.hpp"
#include "plane/user/ah_sender.hpp"
#include "plane/user/esp_run.hpp"
#include "plane/user/fast_paths.hpp"
#include "plane/user/icmp_error.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/trap_queue.hpp"
#include "plane/user/whole_packets.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

class Egress {
 public:
    // Of this worker's queues.
    Egress(const Shared& shared, unsigned worker, const FastPaths& wanted);
    Egress(const Egress&) = delete;
    Egress& operator=(const Egress&) = delete;
    Egress(Egress&&) = delete;
    Egress& operator=(Egress&&) = delete;
    ~Egress() = default;

    // Carries what this queue has, up to a wake-up's share; false if it had nothing.
    bool tun_ready(const TunQueue& lane);
    // An SA came: sends what waited for it.
    void flush_waiting();
    // Once a second: lets go what waited too long, and SAs that are gone.
    void tick();

    const WorkerCounters& counters() const { return counters_; }

 private:
    // Reads into burst_: small packets, and one large one at the end.
    void read_burst(const TunQueue& lane, std::size_t count_max);
    // Asks memory for the policies of new flows.
    void approach_burst();
    void take(const TunPacket& packet, Instant now);
    void carry(MutableByteView packet, const ipsec::PacketInfo& info,
               const ipsec::FlowCache::Entry& entry, Instant now);
    // A fragment, of which policies may want more than it shows.
    void carry_fragment(MutableByteView packet, const ipsec::PacketInfo& info, Instant now);
    void bypass(ByteView packet, const ipsec::PacketInfo& info);
    // The packets of segments_, whose super-packet `info` describes.
    void carry_train(const ipsec::PacketInfo& info, Instant now);
    ipsec::FlowCache::Entry decide(const ipsec::PacketInfo& info);
    void protect(ipsec::OutboundSa& sa, MutableByteView packet, const ipsec::PacketInfo& info,
                 Instant now);
    // In fragments, as no router may cut it outside.
    void protect_pieces(ipsec::OutboundSa& sa, ByteView packet, const ipsec::PacketInfo& info,
                        Instant now);
    void protect_train(ipsec::OutboundSa& sa, Instant now);
    // Those of segments_ from `first` on, which the run has room for.
    void protect_segments(ipsec::OutboundSa& sa, std::size_t first, std::size_t count, Instant now);
    void settle(ipsec::OutboundSa& sa, std::span<const ipsec::EncapJob> jobs);
    void look_at_lifetime(ipsec::OutboundSa& sa, Instant now);
    // Under an outer header that is ours to write.
    void send_whole(ipsec::OutboundSa& sa, const ipsec::EncapJob& job);
    void trap(const ipsec::FlowCache::Entry& entry, ByteView packet, const ipsec::PacketInfo& info,
              Instant now);
    void too_big(ipsec::OutboundSa& sa, ByteView inner, const ipsec::PacketInfo& info);
    void answer(IcmpReason reason, ByteView packet, const ipsec::PacketInfo& info,
                std::uint32_t mtu);

    const Shared& shared_;
    unsigned worker_;
    const TunQueue& tun_;  // for what we say ourselves
    PublishedTables::View view_;
    const Tables* tables_ = nullptr;  // of the batch at hand
    ipsec::FlowCache flows_;
    ipsec::CryptoContext crypto_;
    AhSender ah_;
    TrapQueue waiting_;
    WorkerCounters counters_;
    WholePackets whole_packets_{counters_};
    std::unique_ptr<std::uint8_t[]> packets_;  // those of burst_
    std::array<TunPacket, tun_burst_max> burst_;
    std::size_t burst_count_ = 0;
    Bytes piece_;                             // one of an inner packet that is cut
    std::unique_ptr<std::uint8_t[]> single_;  // packets of a train that are not yet protected
    ipsec::Segments segments_;
    std::array<ipsec::EncapJob, ipsec::batch_max> jobs_;
    EspRun run_;
    Instant last_read_{};
    Instant answers_since_{};
    unsigned answers_ = 0;
};

}  // namespace culvert::plane
