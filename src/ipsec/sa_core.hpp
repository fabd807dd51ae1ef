#pragma once
// The inside of the SAs: what encapsulation and decapsulation work on. Not for others.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/instant.hpp"
#include "crypto/packet_cipher.hpp"
#include "crypto/packet_mac.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/nat_repair.hpp"
#include "ipsec/replay_window.hpp"
#include "ipsec/sad.hpp"

namespace culvert::ipsec {

struct CryptoContext::Impl {
    crypto::CipherLanes lanes;
    std::array<crypto::CipherJob, batch_max> jobs;
    // Which job of the caller's each of those is.
    std::array<std::uint8_t, batch_max> owner;
    // AH: what the ICV covers of an IP header.
    std::array<std::uint8_t, ah_outer_header_max> header;
};

// What a direction has carried, and when that is enough. All of it may be touched by many threads.
class Usage {
 public:
    Usage(const IpsecLifetime& lifetime, Instant now);

    // Packets that may still go under the hard limits, at most `wanted`.
    std::uint64_t allowed(std::uint64_t wanted, Instant now) const;
    void add(std::uint64_t packets, std::uint64_t bytes, Instant now);
    SaCounters counters() const;
    // `nearly_out`: sequence numbers come to their end.
    LifetimeEvent take_event(Instant now, bool nearly_out);
    std::optional<Instant> next_deadline() const;

 private:
    bool soft_due(Instant now) const;
    bool hard_due(Instant now) const;

    IpsecLifetime lifetime_;
    Instant soft_deadline_;
    Instant hard_deadline_;
    std::atomic<std::uint64_t> packets_{0};
    std::atomic<std::uint64_t> bytes_{0};
    std::atomic<Instant::rep> last_use_{never};
    std::atomic<bool> soft_told_{false};
    std::atomic<bool> hard_told_{false};
    static constexpr Instant::rep never = INT64_MIN;
};

// Numbers that go up once and never come round (RFC 4303 3.3.3).
class SequenceCounter {
 public:
    SequenceCounter(bool esn, std::uint64_t first)
        : last_(first - 1), limit_(esn ? UINT64_MAX : UINT32_MAX) {}

    struct Block {
        std::uint64_t first = 0;
        std::uint64_t count = 0;
    };
    // At most `wanted` numbers in a row; fewer, and at last none, at the end.
    Block reserve(std::uint64_t wanted);
    // Three quarters are gone: time for another SA.
    bool nearly_out() const;

 private:
    std::atomic<std::uint64_t> last_;
    std::uint64_t limit_;
};

// ESP's cipher, or AH's MAC; then the cipher is absent.
struct SaTransform {
    crypto::PacketCipher cipher;
    std::optional<crypto::PacketMac> mac{};
};

// Selectors that are one range of IPv4 addresses, of any protocol and port, as most SAs' are:
// compared as numbers.
struct PlainRange {
    // Nothing where they are more than that.
    static std::optional<PlainRange> of(const TrafficSelectors& selectors);
    bool holds(std::uint32_t address) const { return first <= address && address <= last; }

    std::uint32_t first = 0;
    std::uint32_t last = 0;
};

// What both directions share.
struct SaCommon : SaTransform {
    SaCommon(const ChildSa& sa, SaTransform transform, EspSpi which, Instant now);

    ChildSaId id;
    ReqId reqid;
    EspSpi spi;
    IpsecSuite suite;
    IpsecMode mode;
    HeaderRules rules;
    std::optional<std::uint16_t> resource;
    TrafficSelectors local_ts;
    TrafficSelectors remote_ts;
    std::size_t align = 4;  // text, trailer included, is a multiple of this power of two
    Usage usage;
};

struct OutboundSa::Core : SaCommon {
    Core(const ChildSa& sa, SaTransform transform, Instant now, std::uint64_t first_sequence);

    SequenceCounter sequence;
    std::optional<crypto::BlockGenerator> iv_generator{};  // CBC
    std::optional<Bytes> fixed_iv{};                       // vectors
    std::optional<std::uint16_t> tfc_padding{};
    std::atomic<std::uint32_t> path_mtu{0};
};

struct InboundSa::Core : SaCommon {
    Core(const ChildSa& sa, SaTransform transform, Instant now, std::uint64_t highest_sequence);

    ReplayWindow window;
    // Transport mode through NAT: what the peer's checksums cover.
    std::optional<SentAddresses> nat_sent{};
    // Of local_ts and remote_ts, where both are so plain.
    std::optional<PlainRange> local_plain{};
    std::optional<PlainRange> remote_plain{};
    // Held for the few instructions that move the window, once a batch; workers that share an SA
    // meet here only.
    std::atomic_flag window_busy{};
    // Of what the window took: how many, and the largest inner packet.
    std::atomic<std::uint64_t> arrived{0};
    std::atomic<std::uint32_t> largest{0};

    void note_arrived(std::uint64_t packets, std::size_t largest_inner);
};

}  // namespace culvert::ipsec
