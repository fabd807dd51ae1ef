#pragma once
// Everything that was installed: SAs and policies, and what follows from them for the workers, the
// routes and the packet filter. Changed by one thread at a time.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/instant.hpp"
#include "base/random.hpp"
#include "ipsec/sad.hpp"
#include "ipsec/spd.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/policy.hpp"
#include "plane/user/route_plan.hpp"

namespace culvert::plane {

class SaBook {
 public:
    SaBook() { publish_spd(); }

    // Fails as OutboundSa::create(), or already_exists (the id).
    Status add(const ChildSa& sa, std::uint32_t path_mtu, Random& random, Instant now);
    void stop_sending(ChildSaId id);
    // With the last SA of its reqid the retired ones go as well.
    void remove(ChildSaId id);
    // Sends no more, and goes at remove_retired() after `until`.
    void retire(ChildSaId id, Instant until);
    bool remove_retired(Instant now);  // true if any went
    // Fails with child_sa_not_found.
    Status update_endpoints(ChildSaId id, const ipsec::SaEndpoints& endpoints,
                            std::uint32_t path_mtu);

    void add(const Policy& policy);
    void remove(const std::string& connection, const std::string& name);
    // What leaves in clear where no policy of anybody's names it; nothing: nothing does.
    void leave_alone(std::optional<ipsec::SpdEntry> entry);

    // The SPD; a new one after each change of entries, so that its address tells whether it
    // changed.
    const std::shared_ptr<const ipsec::Spd>& spd() const { return spd_; }
    std::vector<ipsec::SpdEntry> spd_entries() const { return entries_.entries(); }
    const ipsec::Sad& sad() const { return sad_; }
    std::vector<RoutedPolicy> routed() const;
    // What this SA brings; nothing if it has no policies.
    std::optional<RoutedPolicy> routed(ChildSaId id) const;
    std::optional<RoutedPolicy> routed(const std::string& connection,
                                       const std::string& name) const;
    // The largest inner packet that any SA carries; 0 without SAs.
    std::uint32_t inner_mtu_max() const;

    std::optional<ChildSaCounters> counters(ChildSaId id, Instant now) const;
    bool has(ChildSaId id) const { return sas_.contains(id); }
    std::size_t size() const { return sas_.size(); }
    std::size_t policies() const { return policies_.size(); }

    // Whom we send to, each once.
    std::vector<IpAddress> remotes() const;
    // The path to this address; true if it changed any SA.
    bool set_path_mtu(const IpAddress& remote, std::uint32_t path_mtu);
    // The network says that a packet of ours was too big, and quotes it from behind its IP and UDP
    // header on. Believed of a live SA of that SPI and peer only, and never to widen a path (RFC
    // 4301 8.2.1): then of all SAs to this peer. True if it changed any.
    bool believe_path_mtu(const IpAddress& remote, ByteView quoted, std::uint32_t path_mtu);
    // The path to this address is at least this wide again (RFC 1191 6.3).
    bool widen_path_mtu(const IpAddress& remote, std::uint32_t path_mtu);
    // What the SAs to this address know of the path; 0: there are none, or nothing is known.
    std::uint32_t path_mtu_to(const IpAddress& remote) const;
    // Of the SAs whose lifetime in time has come to an edge; what they carry counts where it is
    // carried.
    std::vector<std::pair<ChildSaId, ipsec::LifetimeEvent>> take_lifetime_events(Instant now);

 private:
    // SAs that follow one another bring equal entries: in the SPD it is there once.
    struct SharedEntry {
        ipsec::SpdEntryId id{};
        std::optional<ipsec::SpdEntryId> rest{};
        std::size_t users = 0;
    };
    using SharedEntries = std::multimap<ReqId, SharedEntry>;
    struct Installed {
        std::shared_ptr<ipsec::InboundSa> inbound;
        std::shared_ptr<ipsec::OutboundSa> outbound;
        std::optional<SharedEntries::iterator> entry{};
        bool sending = true;  // until stop_sending()
        std::optional<Instant> retired_until{};
    };
    struct Configured {
        Policy policy;
        ipsec::SpdEntryId entry{};
        std::optional<ipsec::SpdEntryId> rest{};
    };
    using Sas = std::map<ChildSaId, Installed>;
    void erase(Sas::iterator at);
    std::optional<RoutedPolicy> routed(const Installed& installed) const;
    RoutedPolicy routed(const Configured& configured) const;
    SharedEntries::iterator hold(const ipsec::SpdEntry& entry, bool leaves_rest);
    std::optional<ipsec::SpdEntryId> add_rest(const ipsec::SpdEntry& entry);
    void take_out(const Configured& configured);
    void let_go(SharedEntries::iterator at);
    void publish_spd();
    void watch_deadline(ChildSaId id, const Installed& installed);

    Sas sas_;
    // The same SAs by what they are asked for.
    std::set<std::pair<ReqId, ChildSaId>> of_reqid_;
    std::set<std::pair<IpAddress, ChildSaId>> to_;
    std::set<ChildSaId> retired_;
    // One of each SA that has any; and of SAs that are gone.
    std::multimap<Instant, ChildSaId> deadlines_;
    std::map<std::pair<std::string, std::string>, Configured> policies_;
    SharedEntries shared_entries_;
    std::optional<ipsec::SpdEntry> left_alone_;
    std::optional<ipsec::SpdEntryId> left_alone_id_;
    ipsec::SpdBuilder entries_;
    ipsec::Sad sad_;
    std::shared_ptr<const ipsec::Spd> spd_;
};

}  // namespace culvert::plane
