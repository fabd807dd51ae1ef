#pragma once
// Security associations as the packet path sees them (RFC 4301 4.4.2), and the table that finds
// them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/packet.hpp"
#include "ipsec/snapshot_table.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::ipsec {

enum class LifetimeEvent : std::uint8_t { none, soft, hard };

// What one direction of a pair has done. Read from any thread.
struct SaCounters {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;  // of inner packets
    std::optional<Instant> last_use{};
};

// Outer addresses; the ports matter with udp_encap only.
struct SaEndpoints {
    Endpoint local;
    Endpoint remote;
    bool udp_encap = false;
    StreamId stream{};  // instead of UDP, if it is not zero
};

class OutboundSa {
 public:
    // For vectors only: a fixed IV under a real key gives the plaintext away.
    struct TestOptions {
        std::uint64_t first_sequence = 1;
        std::optional<Bytes> iv{};
    };

    // Expands the keys. `random` gives the key under which CBC IVs are drawn. Fails with
    // unsupported (a suite that the engine has not, or that encrypts without authenticating: RFC
    // 4303 3.2 calls that optional, we refuse it) or bad_key_material.
    static Result<std::shared_ptr<OutboundSa>> create(const ChildSa& sa, Random& random,
                                                      Instant now);
    static Result<std::shared_ptr<OutboundSa>> create(const ChildSa& sa, Random& random,
                                                      Instant now, TestOptions options);
    // The same SA (keys, sequence numbers and counters are shared) under other outer addresses; for
    // MOBIKE and NAT mappings that change. Publish it in place of this one.
    std::shared_ptr<OutboundSa> with_endpoints(SaEndpoints endpoints) const;

    OutboundSa(const OutboundSa&) = delete;
    OutboundSa& operator=(const OutboundSa&) = delete;
    OutboundSa(OutboundSa&&) = delete;
    OutboundSa& operator=(OutboundSa&&) = delete;
    ~OutboundSa();

    ChildSaId id() const;
    ReqId reqid() const;
    EspSpi spi() const;
    IpsecMode mode() const;
    const IpsecSuite& suite() const;
    const SaEndpoints& endpoints() const { return endpoints_; }
    const HeaderRules& header_rules() const;
    const TrafficSelectors& local_ts() const;
    const TrafficSelectors& remote_ts() const;
    // ChildSa::resource.
    std::optional<std::uint16_t> resource() const;

    SaCounters counters() const;
    // Soft, then hard, each told once (a second call gives none). Looks at time, bytes and packets;
    // call it after a batch (`now` of the batch) and from a timer.
    LifetimeEvent take_lifetime_event(Instant now);
    // When time alone will cause the next event.
    std::optional<Instant> next_deadline() const;

    // Octets from the SPI on for an inner packet (tunnel) or a payload (transport) of this size,
    // padding and ICV included, TFC padding not.
    std::size_t esp_size(std::size_t inner_size) const;
    // Octets before the text: SPI, sequence number, IV.
    std::size_t text_offset() const;
    // Packets of one size leave as packets of one size: ESP in tunnel mode, and esp_size() is the
    // whole truth (no TFC padding). Such packets may be put into the send buffer as a train.
    bool carries_trains() const;
    // How many packets of `size` octets each are best taken through all steps together: few enough
    // to stay in the nearest cache, or as many as a multi-buffer cipher likes.
    std::size_t batch_of(std::size_t size) const;
    // The cipher reads its text where it lies and writes it where it goes, in one step: a train may
    // be put together in memory that stays in the nearest cache, with EncapJob::tail_room.
    bool reads_elsewhere() const;
    // The largest inner packet (tunnel: the IP packet; transport: IP header included) whose outer
    // packet, IP and UDP header included, is at most `path_mtu` octets.
    std::uint32_t inner_mtu(std::uint32_t path_mtu) const;
    // What the network has told about the path; 0: nothing yet. Values under the floor of the
    // family (limits.hpp) are raised to it.
    std::uint32_t path_mtu() const;
    void set_path_mtu(std::uint32_t path_mtu);

    // The engine's own.
    struct Core;
    Core& core() const { return *core_; }

 private:
    OutboundSa(std::shared_ptr<Core> core, SaEndpoints endpoints);
    std::shared_ptr<Core> core_;
    SaEndpoints endpoints_;
};

class InboundSa {
 public:
    // For vectors only: as if this number had been received already.
    struct TestOptions {
        std::uint64_t highest_sequence = 0;
    };

    // As for OutboundSa.
    static Result<std::shared_ptr<InboundSa>> create(const ChildSa& sa, Instant now);
    static Result<std::shared_ptr<InboundSa>> create(const ChildSa& sa, Instant now,
                                                     TestOptions options);
    std::shared_ptr<InboundSa> with_endpoints(SaEndpoints endpoints) const;

    InboundSa(const InboundSa&) = delete;
    InboundSa& operator=(const InboundSa&) = delete;
    InboundSa(InboundSa&&) = delete;
    InboundSa& operator=(InboundSa&&) = delete;
    ~InboundSa();

    ChildSaId id() const;
    ReqId reqid() const;
    EspSpi spi() const;
    IpsecMode mode() const;
    const IpsecSuite& suite() const;
    // local: ours; remote: where we expect it from. decapsulate() does not insist on the remote
    // (NAT may change it): compare for PlaneEvents::mapping_changed.
    const SaEndpoints& endpoints() const { return endpoints_; }
    const HeaderRules& header_rules() const;
    const TrafficSelectors& local_ts() const;
    const TrafficSelectors& remote_ts() const;

    SaCounters counters() const;
    LifetimeEvent take_lifetime_event(Instant now);
    std::optional<Instant> next_deadline() const;
    // As OutboundSa's.
    std::size_t batch_of(std::size_t size) const;
    // Packets that the window took, and the largest inner one that was whole; from any thread.
    std::uint64_t arrived() const;
    std::uint32_t largest_arrived() const;
    // The highest sequence number that was authenticated, high word included (RFC 4303 A2.1 "T").
    std::uint64_t highest_sequence() const;

    struct Core;
    Core& core() const { return *core_; }

 private:
    InboundSa(std::shared_ptr<Core> core, SaEndpoints endpoints);
    std::shared_ptr<Core> core_;
    SaEndpoints endpoints_;
};

// Finds SAs. A value: one owner changes it; copies of it are the snapshots that workers read. A
// change costs the same, and a copy next to nothing, however many SAs there are.
class Sad {
 public:
    // Replaces an SA of the same SPI.
    void add(std::shared_ptr<InboundSa> sa);
    void remove_inbound(EspSpi spi);
    // The newest SA of a reqid is preferred. An SA of the same id is replaced.
    void add(std::shared_ptr<OutboundSa> sa);
    // As if it were the oldest: used when the others of the reqid are gone.
    void add_behind(std::shared_ptr<OutboundSa> sa);
    void remove_outbound(ReqId reqid, ChildSaId id);

    // Null when there is none.
    InboundSa* find(EspSpi spi) const;
    // The batch form hides the memory's latency: found[i] for spis[i]; equal sizes.
    void find(std::span<const EspSpi> spis, std::span<InboundSa*> found) const;
    // The newest SA that serves this reqid and whose selectors cover the packet; of several alike
    // (RFC 9611) that of this worker, so that each has sequence numbers of its own.
    OutboundSa* outbound(ReqId reqid, const PacketInfo& packet, unsigned worker = 0) const;
    // The newest SA of this reqid, whatever it covers; null when there is none.
    OutboundSa* newest_outbound(ReqId reqid) const;
    // Any SA that serves this reqid is there.
    bool has_outbound(ReqId reqid) const;

    std::size_t inbound_count() const { return inbound_.size(); }

 private:
    using OfReqId = std::vector<std::shared_ptr<OutboundSa>>;  // newest last
    struct InboundTraits {
        using Key = EspSpi;
        using Item = InboundSa;
        using Owner = std::shared_ptr<InboundSa>;
        static constexpr std::size_t lines = 32;
        static std::uint32_t hash(EspSpi spi);
        // hash() takes no two SPIs to one number.
        static bool is(const Item&, EspSpi) { return true; }
    };
    struct Served {
        ReqId reqid{};
        OfReqId sas;
    };
    struct OutboundTraits {
        using Key = ReqId;
        using Item = const Served;
        using Owner = std::shared_ptr<const Served>;
        static constexpr std::size_t lines = 8;
        static std::uint32_t hash(ReqId reqid);
        static bool is(const Served& served, ReqId reqid) { return served.reqid == reqid; }
    };
    const OfReqId& of(ReqId reqid) const;
    void put(ReqId reqid, OfReqId sas);

    SnapshotTable<InboundTraits> inbound_;
    SnapshotTable<OutboundTraits> outbound_;
};

// The SPI of an ESP packet (its first four octets), or nothing when it is too short.
inline std::optional<EspSpi> peek_spi(ByteView esp) {
    if (esp.size() < 4) { return std::nullopt; }
    return EspSpi{std::uint32_t{esp[0]} << 24U | std::uint32_t{esp[1]} << 16U |
                  std::uint32_t{esp[2]} << 8U | esp[3]};
}

}  // namespace culvert::ipsec
