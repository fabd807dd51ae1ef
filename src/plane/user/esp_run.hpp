#pragma once
// ESP packets on their way out: a run of packets of one SA that lie one behind the other, all of
// one size but for a shorter last one, and leave in one call. Used by one thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.hpp"
#include "ipsec/esp.hpp"
#include "plane/user/fast_paths.hpp"
#include "plane/user/link_sender.hpp"
#include "plane/user/next_hops.hpp"
#include "plane/user/outer_header.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

class EspRun {
 public:
    // Told when the path is smaller than the run's packets: the first inner packet of the run, cut
    // to what an ICMP error quotes.
    using TooBig =
        std::function<void(ipsec::OutboundSa&, ByteView inner, const ipsec::PacketInfo&)>;

    EspRun(const Shared& shared, unsigned worker, WorkerCounters& counters, const FastPaths& wanted,
           TooBig too_big);

    // Makes room for packets of `size` octets each, ESP header to ICV; what does not go with them
    // leaves first. Returns how many may follow, at least 1. `train`: they are many, and none is
    // put behind the packets of another size as their last.
    std::size_t begin(ipsec::OutboundSa& sa, const ipsec::OuterFields& outer, std::size_t size,
                      bool train);
    // Where the next packet goes; of begin()'s many, all, one behind the other.
    MutableByteView room() const;
    // The next packet, of at most begin()'s size. `inner` is what it carries, for TooBig, and asked
    // for when the run is empty.
    void add(std::size_t size);
    void remember(ByteView inner, const ipsec::PacketInfo& info);
    bool empty() const { return count_ == 0; }

    // Everything leaves. Before the SA may go, at the latest.
    void flush();
    // Before a sequence number of this SA is taken that no begin() was for: until flush() nobody
    // else takes one.
    void take_turn(const ipsec::OutboundSa& sa);
    // Sequence numbers for as many packets as begin() was for; others may take theirs from then on,
    // but send behind us.
    ipsec::SequenceNumbers number(ipsec::OutboundSa& sa, std::size_t count);
    void tick();

 private:
    void send();
    void send_by_stream();
    int send_in_one(const SendOptions& options) const;
    const UdpSocket* sender() const;
    int send_each(const SendOptions& options, const NextHop* hop, std::size_t& sent);
    int send_each_native(const SendOptions& options, const NextHop* hop, std::size_t& sent);
    const NextHop* next_hop();
    OuterHeader header() const;
    bool send_by_xdp(const NextHop& hop);
    void failed(int error, std::size_t sent);

    const Shared& shared_;
    unsigned worker_;
    WorkerCounters& counters_;
    TooBig too_big_;
    std::optional<NextHops> next_hops_;  // where the kernel lets us
    std::optional<LinkSender> link_;
    std::uint16_t identification_ = 0;
    bool gso_;
    unsigned gso_off_ticks_ = 0;

    ipsec::OutboundSa* sa_ = nullptr;
    ipsec::OuterFields outer_;
    std::size_t stride_ = 0;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
    bool closed_ = false;
    SendTurn turn_;
    std::unique_ptr<std::uint8_t[]> octets_;
    Bytes inner_;
    ipsec::PacketInfo inner_info_;
};

}  // namespace culvert::plane
