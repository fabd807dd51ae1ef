#pragma once
// The security policy database (RFC 4301 4.4.1). Spd is a snapshot, read by any number of workers
// without a lock; SpdBuilder holds the entries, and makes a snapshot after each change at a cost
// that hardly grows with their number.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "base/strong.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/packet.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::ipsec {

// Both: `local` is the source of what leaves and the destination of what arrives.
enum class SpdDirection : std::uint8_t { both, outbound, inbound };

struct SpdEntry {
    PolicyAction action = PolicyAction::discard;
    ReqId reqid{};  // with protect
    TrafficSelectors local;
    TrafficSelectors remote;
    std::uint32_t priority = 0;  // lower wins; equal: the earlier entry
    SpdDirection direction = SpdDirection::both;
    // Of a configured policy without an SA yet: who asks for an SA is told this trap's selectors.
    bool trap = false;
};

// A configured policy, and the policy that an SA pair brings along, as entries. Priority 0 is
// replaced by computed_priority(): an SA's entry wins over the trap that caused it, narrower
// selectors over wider ones, bypass and discard over both.
SpdEntry entry_of(const Policy& policy);
SpdEntry entry_of(const ChildSa& sa);
// Where selectors name protocols or ports: all else that leaves between their addresses, in clear,
// behind every other entry. Nothing for what names none, and for a bypass.
std::optional<SpdEntry> rest_of(const SpdEntry& entry);
std::uint32_t computed_priority(PolicyAction action, bool trap, const TrafficSelectors& local,
                                const TrafficSelectors& remote);

// Does this packet, leaving (or arriving), match one of local x remote? Opaque and any ports, ICMP
// type and code as RFC 4301 4.4.1.1 has them.
bool matches_outbound(const PacketInfo& packet, const TrafficSelectors& local,
                      const TrafficSelectors& remote);
bool matches_inbound(const PacketInfo& packet, const TrafficSelectors& local,
                     const TrafficSelectors& remote);

// Names an entry for as long as it is there; later ones are greater.
using SpdEntryId = Strong<struct SpdEntryIdTag, std::uint64_t>;

// As std::optional, in the room of an id: a flow cache has many decisions.
class MaybeSpdEntryId {
 public:
    constexpr MaybeSpdEntryId() = default;
    constexpr MaybeSpdEntryId(SpdEntryId id) : id_(id) {}
    constexpr bool has_value() const { return id_ != none; }
    constexpr explicit operator bool() const { return has_value(); }
    constexpr SpdEntryId operator*() const { return id_; }
    friend constexpr bool operator==(MaybeSpdEntryId, MaybeSpdEntryId) = default;

 private:
    // Ids count from 0: nobody comes to the last one.
    static constexpr SpdEntryId none{std::numeric_limits<std::uint64_t>::max()};
    SpdEntryId id_ = none;
};

struct SpdDecision {
    PolicyAction action = PolicyAction::discard;
    bool trap = false;  // of the entry
    ReqId reqid{};
    // The entry that matched; nothing: the default action.
    MaybeSpdEntryId entry{};
};

struct SpdDefaults {
    PolicyAction outbound = PolicyAction::discard;  // what comes out of the TUN device
    PolicyAction inbound = PolicyAction::bypass;    // clear packets on real interfaces
};

class Spd {
 public:
    // Of entries that never change; their ids count from 0.
    explicit Spd(const std::vector<SpdEntry>& entries, SpdDefaults defaults = {});
    Spd(const Spd&) = default;
    Spd(Spd&&) noexcept = default;
    Spd& operator=(const Spd&) = default;
    Spd& operator=(Spd&&) noexcept = default;
    ~Spd();

    SpdDecision lookup_outbound(const PacketInfo& packet) const;
    // Asks memory for what lookup_outbound() will read, and does not wait for it: worth its while
    // where several packets of new flows are at hand.
    void approach_outbound(const PacketInfo& packet) const;
    SpdDecision lookup_inbound(const PacketInfo& packet) const;
    // A clear packet that arrived: none (let it in), inbound_must_be_protected or inbound_discard
    // (RFC 4301 5.2).
    DropReason check_inbound_clear(const PacketInfo& packet) const;

 private:
    friend class SpdBuilder;
    struct Impl;
    explicit Spd(std::shared_ptr<const Impl> impl);
    std::shared_ptr<const Impl> impl_;
};

class SpdBuilder {
 public:
    explicit SpdBuilder(SpdDefaults defaults = {});
    SpdBuilder(SpdBuilder&&) noexcept;
    SpdBuilder& operator=(SpdBuilder&&) noexcept;
    SpdBuilder(const SpdBuilder&) = delete;
    SpdBuilder& operator=(const SpdBuilder&) = delete;
    ~SpdBuilder();

    SpdEntryId add(SpdEntry entry);
    void remove(SpdEntryId id);  // of add(), once
    Spd snapshot() const;
    const SpdEntry& entry(SpdEntryId id) const;  // of add(), until remove()

    // In the order in which they came.
    std::vector<SpdEntry> entries() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::ipsec
