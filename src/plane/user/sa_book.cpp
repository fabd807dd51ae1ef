#include "plane/user/sa_book.hpp"

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include <fmt/format.h>

#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

bool same(const ipsec::SpdEntry& a, const ipsec::SpdEntry& b) {
    return a.action == b.action && a.reqid == b.reqid && a.priority == b.priority &&
           a.direction == b.direction && a.trap == b.trap && a.local == b.local &&
           a.remote == b.remote;
}

Error unknown_sa(ChildSaId id) {
    return {.code = ErrorCode::child_sa_not_found,
            .wanted = fmt::format("the Child SA with id {}", id.value()),
            .received = "it is not installed"};
}

std::uint32_t inner_mtu_of(const ipsec::OutboundSa& sa) {
    const std::uint32_t path_mtu = sa.path_mtu();
    return path_mtu == 0 ? 0 : sa.inner_mtu(path_mtu);
}

// What an index has for this key.
template <class Key>
auto of(const std::set<std::pair<Key, ChildSaId>>& index, const Key& key) {
    constexpr ChildSaId last{std::numeric_limits<decltype(ChildSaId{}.value())>::max()};
    return std::ranges::subrange(index.lower_bound({key, ChildSaId{}}),
                                 index.upper_bound({key, last}));
}

std::int64_t idle_s(const std::optional<Instant>& last_use, Instant now) {
    if (!last_use) { return -1; }
    return std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::seconds>(now - *last_use).count());
}

}  // namespace

Status SaBook::add(const ChildSa& sa, std::uint32_t path_mtu, Random& random, Instant now) {
    if (sas_.contains(sa.id)) {
        return std::unexpected(
            Error{.code = ErrorCode::already_exists,
                  .wanted = fmt::format("to install the Child SA with id {}", sa.id.value()),
                  .received = "one of this id is installed"});
    }
    auto inbound = ipsec::InboundSa::create(sa, now);
    if (!inbound) { return std::unexpected(std::move(inbound).error()); }
    auto outbound = ipsec::OutboundSa::create(sa, random, now);
    if (!outbound) { return std::unexpected(std::move(outbound).error()); }
    if (path_mtu != 0) { (*outbound)->set_path_mtu(path_mtu); }
    Installed installed{.inbound = std::move(*inbound), .outbound = std::move(*outbound)};
    if (sa.install_policies) { installed.entry = hold(ipsec::entry_of(sa), sa.leaves_rest); }
    sad_.add(installed.inbound);
    if (sa.behind_older) {
        sad_.add_behind(installed.outbound);
    } else {
        sad_.add(installed.outbound);
    }
    of_reqid_.emplace(sa.reqid, sa.id);
    to_.emplace(sa.remote.address, sa.id);
    watch_deadline(sa.id, installed);
    sas_.emplace(sa.id, std::move(installed));
    return {};
}

void SaBook::watch_deadline(ChildSaId id, const Installed& installed) {
    constexpr Instant never = Instant::max();
    const Instant due = std::min(installed.inbound->next_deadline().value_or(never),
                                 installed.outbound->next_deadline().value_or(never));
    if (due != never) { deadlines_.emplace(due, id); }
}

std::optional<ipsec::SpdEntryId> SaBook::add_rest(const ipsec::SpdEntry& entry) {
    auto rest = ipsec::rest_of(entry);
    if (!rest) { return std::nullopt; }
    return entries_.add(std::move(*rest));
}

SaBook::SharedEntries::iterator SaBook::hold(const ipsec::SpdEntry& entry, bool leaves_rest) {
    const auto [first, last] = shared_entries_.equal_range(entry.reqid);
    auto at = std::find_if(first, last, [&](const auto& other) {
        return same(entries_.entry(other.second.id), entry);
    });
    if (at == last) {
        const ipsec::SpdEntryId id = entries_.add(entry);
        at = shared_entries_.emplace(entry.reqid, SharedEntry{.id = id});
        if (leaves_rest) { at->second.rest = add_rest(entry); }
        publish_spd();
    }
    ++at->second.users;
    return at;
}

void SaBook::let_go(SharedEntries::iterator at) {
    if (--at->second.users != 0) { return; }
    entries_.remove(at->second.id);
    if (at->second.rest) { entries_.remove(*at->second.rest); }
    shared_entries_.erase(at);
    publish_spd();
}

void SaBook::publish_spd() { spd_ = std::make_shared<const ipsec::Spd>(entries_.snapshot()); }

void SaBook::stop_sending(ChildSaId id) {
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return; }
    at->second.sending = false;
    sad_.remove_outbound(at->second.outbound->reqid(), id);
}

void SaBook::remove(ChildSaId id) {
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return; }
    const ReqId reqid = at->second.outbound->reqid();
    erase(at);
    const auto left = of(of_reqid_, reqid);
    if (std::ranges::any_of(
            left, [this](const auto& other) { return !sas_.at(other.second).retired_until; })) {
        return;
    }
    const std::vector<std::pair<ReqId, ChildSaId>> all{left.begin(), left.end()};
    for (const auto& [same_reqid, other] : all) { erase(sas_.find(other)); }
}

void SaBook::retire(ChildSaId id, Instant until) {
    stop_sending(id);
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return; }
    at->second.retired_until = until;
    retired_.insert(id);
}

bool SaBook::remove_retired(Instant now) {
    bool any = false;
    for (auto next = retired_.begin(); next != retired_.end();) {
        const auto at = sas_.find(*next++);
        if (*at->second.retired_until > now) { continue; }
        erase(at);
        any = true;
    }
    return any;
}

void SaBook::erase(Sas::iterator at) {
    const ChildSaId id = at->first;
    const Installed gone = std::move(at->second);
    sas_.erase(at);
    of_reqid_.erase({gone.outbound->reqid(), id});
    to_.erase({gone.outbound->endpoints().remote.address, id});
    retired_.erase(id);
    sad_.remove_outbound(gone.outbound->reqid(), id);
    // A newer SA may have taken over the SPI.
    if (sad_.find(gone.inbound->spi()) == gone.inbound.get()) {
        sad_.remove_inbound(gone.inbound->spi());
    }
    if (gone.entry) { let_go(*gone.entry); }
}

Status SaBook::update_endpoints(ChildSaId id, const ipsec::SaEndpoints& endpoints,
                                std::uint32_t path_mtu) {
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return std::unexpected(unknown_sa(id)); }
    Installed& installed = at->second;
    const bool receives = sad_.find(installed.inbound->spi()) == installed.inbound.get();
    to_.erase({installed.outbound->endpoints().remote.address, id});
    to_.emplace(endpoints.remote.address, id);
    installed.inbound = installed.inbound->with_endpoints(endpoints);
    installed.outbound = installed.outbound->with_endpoints(endpoints);
    if (path_mtu != 0) { installed.outbound->set_path_mtu(path_mtu); }
    if (receives) { sad_.add(installed.inbound); }
    if (installed.sending) { sad_.add(installed.outbound); }
    return {};
}

void SaBook::add(const Policy& policy) {
    const auto [at, is_new] = policies_.try_emplace({policy.connection, policy.name});
    if (!is_new) { take_out(at->second); }
    const ipsec::SpdEntry entry = ipsec::entry_of(policy);
    at->second = {.policy = policy, .entry = entries_.add(entry), .rest = add_rest(entry)};
    publish_spd();
}

void SaBook::remove(const std::string& connection, const std::string& name) {
    const auto at = policies_.find({connection, name});
    if (at == policies_.end()) { return; }
    take_out(at->second);
    policies_.erase(at);
    publish_spd();
}

void SaBook::take_out(const Configured& configured) {
    entries_.remove(configured.entry);
    if (configured.rest) { entries_.remove(*configured.rest); }
}

void SaBook::leave_alone(std::optional<ipsec::SpdEntry> entry) {
    const bool alike = entry ? left_alone_ && same(*entry, *left_alone_) : !left_alone_;
    if (alike) { return; }
    if (left_alone_id_) { entries_.remove(*left_alone_id_); }
    left_alone_ = std::move(entry);
    left_alone_id_ = left_alone_ ? std::optional{entries_.add(*left_alone_)} : std::nullopt;
    publish_spd();
}

std::optional<RoutedPolicy> SaBook::routed(const Installed& installed) const {
    if (!installed.entry) { return std::nullopt; }
    const std::uint32_t path_mtu = installed.outbound->path_mtu();
    const ipsec::SpdEntry& entry = entries_.entry((*installed.entry)->second.id);
    return RoutedPolicy{.action = PolicyAction::protect,
                        .local = entry.local,
                        .remote = entry.remote,
                        .priority = entry.priority,
                        .mtu = path_mtu == 0 ? 0 : installed.outbound->inner_mtu(path_mtu)};
}

std::optional<RoutedPolicy> SaBook::routed(ChildSaId id) const {
    const auto at = sas_.find(id);
    return at == sas_.end() ? std::nullopt : routed(at->second);
}

std::optional<RoutedPolicy> SaBook::routed(const std::string& connection,
                                           const std::string& name) const {
    const auto at = policies_.find({connection, name});
    return at == policies_.end() ? std::nullopt : std::optional{routed(at->second)};
}

RoutedPolicy SaBook::routed(const Configured& configured) const {
    return {.action = configured.policy.action,
            .local = configured.policy.local_ts,
            .remote = configured.policy.remote_ts,
            .priority = entries_.entry(configured.entry).priority};
}

std::vector<RoutedPolicy> SaBook::routed() const {
    std::vector<RoutedPolicy> out;
    for (const auto& [id, installed] : sas_) {
        if (auto one = routed(installed)) { out.push_back(std::move(*one)); }
    }
    for (const auto& [name, configured] : policies_) { out.push_back(routed(configured)); }
    return out;
}

std::uint32_t SaBook::inner_mtu_max() const {
    std::uint32_t out = 0;
    for (const auto& [id, installed] : sas_) {
        const std::uint32_t path_mtu = installed.outbound->path_mtu();
        if (path_mtu != 0) { out = std::max(out, installed.outbound->inner_mtu(path_mtu)); }
    }
    return out;
}

std::optional<ChildSaCounters> SaBook::counters(ChildSaId id, Instant now) const {
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return std::nullopt; }
    const ipsec::SaCounters in = at->second.inbound->counters();
    const ipsec::SaCounters out = at->second.outbound->counters();
    return ChildSaCounters{.inbound_packets = in.packets,
                           .inbound_bytes = in.bytes,
                           .outbound_packets = out.packets,
                           .outbound_bytes = out.bytes,
                           .inbound_arrived = at->second.inbound->arrived(),
                           .inbound_sent = at->second.inbound->highest_sequence(),
                           .inbound_largest = at->second.inbound->largest_arrived(),
                           .inner_mtu = inner_mtu_of(*at->second.outbound),
                           .inbound_idle_s = idle_s(in.last_use, now),
                           .outbound_idle_s = idle_s(out.last_use, now)};
}

std::vector<IpAddress> SaBook::remotes() const {
    std::vector<IpAddress> out;
    for (const auto& [remote, id] : to_) {
        if (out.empty() || out.back() != remote) { out.push_back(remote); }
    }
    return out;
}

bool SaBook::set_path_mtu(const IpAddress& remote, std::uint32_t path_mtu) {
    bool changed = false;
    for (const auto& [address, id] : of(to_, remote)) {
        ipsec::OutboundSa& sa = *sas_.at(id).outbound;
        const std::uint32_t before = sa.path_mtu();
        sa.set_path_mtu(path_mtu);
        changed |= sa.path_mtu() != before;
    }
    return changed;
}

std::uint32_t SaBook::path_mtu_to(const IpAddress& remote) const {
    std::uint32_t out = 0;
    // They know the same but for moments; with many to one peer the newest speak for all.
    for (const auto& [address, id] :
         of(to_, remote) | std::views::reverse | std::views::take(path_mtu_asked_max)) {
        const std::uint32_t one = sas_.at(id).outbound->path_mtu();
        if (one != 0) { out = out == 0 ? one : std::min(out, one); }
    }
    return out;
}

bool SaBook::believe_path_mtu(const IpAddress& remote, ByteView quoted, std::uint32_t path_mtu) {
    const bool names_an_sa = std::ranges::any_of(of(to_, remote), [&](const auto& one) {
        const ipsec::OutboundSa& sa = *sas_.at(one.second).outbound;
        const bool ah = sa.suite().protocol == IpsecProtocol::ah;
        const std::size_t at = ah ? 4 : 0;
        return quoted.size() >= at + 4 && ipsec::peek_spi(quoted.subspan(at)) == sa.spi();
    });
    const std::uint32_t before = path_mtu_to(remote);
    if (!names_an_sa || path_mtu == 0 || (before != 0 && path_mtu >= before)) { return false; }
    return set_path_mtu(remote, path_mtu);
}

bool SaBook::widen_path_mtu(const IpAddress& remote, std::uint32_t path_mtu) {
    return path_mtu > path_mtu_to(remote) && set_path_mtu(remote, path_mtu);
}

std::vector<std::pair<ChildSaId, ipsec::LifetimeEvent>> SaBook::take_lifetime_events(Instant now) {
    std::vector<std::pair<ChildSaId, ipsec::LifetimeEvent>> out;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const ChildSaId id = deadlines_.begin()->second;
        deadlines_.erase(deadlines_.begin());
        const auto at = sas_.find(id);
        if (at == sas_.end()) { continue; }
        const Installed& installed = at->second;
        for (const auto event : {installed.inbound->take_lifetime_event(now),
                                 installed.outbound->take_lifetime_event(now)}) {
            if (event != ipsec::LifetimeEvent::none) { out.emplace_back(id, event); }
        }
        // Whoever was told of this edge, now or by a worker before: what comes next is another.
        watch_deadline(id, installed);
    }
    return out;
}

}  // namespace culvert::plane
