#include "plane/user/sa_book.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace culvert::plane {
namespace {

bool same(const ipsec::SpdEntry& a, const ipsec::SpdEntry& b) {
    return a.action == b.action && a.reqid == b.reqid && a.priority == b.priority &&
           a.direction == b.direction && a.trap == b.trap && a.local == b.local &&
           a.remote == b.remote;
}

bool has(const std::vector<ipsec::SpdEntry>& entries, const ipsec::SpdEntry& entry) {
    return std::ranges::any_of(entries, [&](const auto& other) { return same(entry, other); });
}

Error unknown_sa(ChildSaId id) {
    return {.code = ErrorCode::child_sa_not_found,
            .wanted = fmt::format("the Child SA with id {}", id.value()),
            .received = "it is not installed"};
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
    if (sa.install_policies) { installed.entry = ipsec::entry_of(sa); }
    sad_.add(installed.inbound);
    if (sa.behind_older) {
        sad_.add_behind(installed.outbound);
    } else {
        sad_.add(installed.outbound);
    }
    const bool known = !installed.entry || has(spd_->entries(), *installed.entry);
    sas_.emplace(sa.id, std::move(installed));
    if (!known) { compile(); }
    return {};
}

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
    const auto of_reqid = [reqid](const auto& entry) {
        return entry.second.outbound->reqid() == reqid;
    };
    const bool served = std::ranges::any_of(
        sas_, [&](const auto& entry) { return of_reqid(entry) && !entry.second.retired_until; });
    while (!served) {
        const auto retired = std::ranges::find_if(sas_, of_reqid);
        if (retired == sas_.end()) { return; }
        erase(retired);
    }
}

void SaBook::retire(ChildSaId id, Instant until) {
    stop_sending(id);
    const auto at = sas_.find(id);
    if (at != sas_.end()) { at->second.retired_until = until; }
}

bool SaBook::remove_retired(Instant now) {
    bool any = false;
    for (auto at = sas_.begin(); at != sas_.end();) {
        const auto it = at++;
        if (!it->second.retired_until || *it->second.retired_until > now) { continue; }
        erase(it);
        any = true;
    }
    return any;
}

void SaBook::erase(Sas::iterator at) {
    const ChildSaId id = at->first;
    const Installed gone = std::move(at->second);
    sas_.erase(at);
    sad_.remove_outbound(gone.outbound->reqid(), id);
    // A newer SA may have taken over the SPI.
    if (sad_.find(gone.inbound->spi()) == gone.inbound.get()) {
        sad_.remove_inbound(gone.inbound->spi());
    }
    const bool still_there = !gone.entry || std::ranges::any_of(sas_, [&](const auto& other) {
        return other.second.entry && same(*other.second.entry, *gone.entry);
    });
    if (!still_there) { compile(); }
}

Status SaBook::update_endpoints(ChildSaId id, const ipsec::SaEndpoints& endpoints,
                                std::uint32_t path_mtu) {
    const auto at = sas_.find(id);
    if (at == sas_.end()) { return std::unexpected(unknown_sa(id)); }
    Installed& installed = at->second;
    const bool receives = sad_.find(installed.inbound->spi()) == installed.inbound.get();
    installed.inbound = installed.inbound->with_endpoints(endpoints);
    installed.outbound = installed.outbound->with_endpoints(endpoints);
    if (path_mtu != 0) { installed.outbound->set_path_mtu(path_mtu); }
    if (receives) { sad_.add(installed.inbound); }
    if (installed.sending) { sad_.add(installed.outbound); }
    return {};
}

void SaBook::add(const Policy& policy) {
    policies_.insert_or_assign({policy.connection, policy.name}, policy);
    compile();
}

void SaBook::remove(const std::string& connection, const std::string& name) {
    if (policies_.erase({connection, name}) != 0) { compile(); }
}

void SaBook::compile() {
    std::vector<ipsec::SpdEntry> entries;
    for (const auto& [name, policy] : policies_) { entries.push_back(ipsec::entry_of(policy)); }
    // Equal entries are those of one reqid: looking among them only keeps this from growing with
    // the square of the tunnels.
    std::multimap<ReqId, std::size_t> of_reqid;
    for (std::size_t i = 0; i < entries.size(); ++i) { of_reqid.emplace(entries[i].reqid, i); }
    for (const auto& [id, installed] : sas_) {
        if (!installed.entry) { continue; }
        const auto [first, last] = of_reqid.equal_range(installed.entry->reqid);
        const bool known = std::any_of(first, last, [&](const auto& other) {
            return same(entries[other.second], *installed.entry);
        });
        if (known) { continue; }
        of_reqid.emplace(installed.entry->reqid, entries.size());
        entries.push_back(*installed.entry);
    }
    spd_ = std::make_shared<const ipsec::Spd>(std::move(entries));
}

std::vector<RoutedPolicy> SaBook::routed() const {
    std::vector<RoutedPolicy> out;
    for (const auto& [id, installed] : sas_) {
        if (!installed.entry) { continue; }
        const std::uint32_t path_mtu = installed.outbound->path_mtu();
        out.push_back({.action = PolicyAction::protect,
                       .local = installed.entry->local,
                       .remote = installed.entry->remote,
                       .mtu = path_mtu == 0 ? 0 : installed.outbound->inner_mtu(path_mtu)});
    }
    for (const auto& [name, policy] : policies_) {
        out.push_back(
            {.action = policy.action, .local = policy.local_ts, .remote = policy.remote_ts});
    }
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
                           .inbound_idle_s = idle_s(in.last_use, now),
                           .outbound_idle_s = idle_s(out.last_use, now)};
}

std::vector<IpAddress> SaBook::remotes() const {
    std::set<IpAddress> out;
    for (const auto& [id, installed] : sas_) {
        out.insert(installed.outbound->endpoints().remote.address);
    }
    return {out.begin(), out.end()};
}

bool SaBook::set_path_mtu(const IpAddress& remote, std::uint32_t path_mtu) {
    bool changed = false;
    for (const auto& [id, installed] : sas_) {
        ipsec::OutboundSa& sa = *installed.outbound;
        if (sa.endpoints().remote.address != remote) { continue; }
        const std::uint32_t before = sa.path_mtu();
        sa.set_path_mtu(path_mtu);
        changed |= sa.path_mtu() != before;
    }
    return changed;
}

std::uint32_t SaBook::path_mtu_to(const IpAddress& remote) const {
    std::uint32_t out = 0;
    for (const auto& [id, installed] : sas_) {
        if (installed.outbound->endpoints().remote.address != remote) { continue; }
        const std::uint32_t one = installed.outbound->path_mtu();
        if (one != 0) { out = out == 0 ? one : std::min(out, one); }
    }
    return out;
}

bool SaBook::believe_path_mtu(const IpAddress& remote, ByteView quoted, std::uint32_t path_mtu) {
    const bool names_an_sa = std::ranges::any_of(sas_, [&](const auto& entry) {
        const ipsec::OutboundSa& sa = *entry.second.outbound;
        const bool ah = sa.suite().protocol == IpsecProtocol::ah;
        const std::size_t at = ah ? 4 : 0;
        return sa.endpoints().remote.address == remote && quoted.size() >= at + 4 &&
               ipsec::peek_spi(quoted.subspan(at)) == sa.spi();
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
    for (const auto& [id, installed] : sas_) {
        for (const auto event : {installed.inbound->take_lifetime_event(now),
                                 installed.outbound->take_lifetime_event(now)}) {
            if (event != ipsec::LifetimeEvent::none) { out.emplace_back(id, event); }
        }
    }
    return out;
}

}  // namespace culvert::plane
