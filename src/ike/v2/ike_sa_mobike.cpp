// MOBIKE (RFC 4555) in an IKE SA: the original initiator picks the path, the other end follows.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"
#include "ike/v2/mobike.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

constexpr std::size_t cookie2_size = 16;  // RFC 4555 4.2.5: 8 to 64 octets

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::ranges::find(list, address) != list.end();
}

// Where a peer listens whose port for NAT-T is not IKE's own, or is mapped to another one.
std::uint16_t nat_t_port_of_peer(const Connection& connection) {
    return connection.remote_port == ike_port ? nat_t_port : connection.remote_port;
}

Error cookie2_is_wrong(const SaCore& sa) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = fmt::format("our COOKIE2 back from {}", sa.remote.to_string()),
            .received = "an answer with another one, or none",
            .remedy =
                "this is a fault of the peer's MOBIKE, or an attack; set mobike = no for the "
                "connection if it goes on"};
}

Error address_was_refused(const SaCore& sa, NotifyType notify) {
    return {.code = ErrorCode::peer_refused,
            .wanted = fmt::format("the peer to follow us to {}", sa.local.to_string()),
            .received = wire::to_string(notify),
            .remedy = notify == NotifyType::unexpected_nat_detected
                          ? "there is a NAT on the new path, and one side forbids that"
                          : "the peer does not take that address: see its configuration"};
}

}  // namespace

void IkeSa::update_children(const Environment& env) {
    for (const Child& child : core_.children) {
        env.emit(UpdateEndpoints{.id = child.id,
                                 .local = core_.local,
                                 .remote = core_.remote,
                                 .udp_encap = child.udp_encap,
                                 .stream = core_.stream});
    }
    env.updated_event(
        core_, fmt::format("IKE SA {}[{}] is now between {} and {}{}", core_.name(),
                           core_.unique_id, core_.local.to_string(), core_.remote.to_string(),
                           core_.on_tcp() ? ", in TCP" : ""));
    replace_what_was_for_the_old_ends(env);
}

// `dynamic` selectors are the two ends: a Child SA for where they were carries nothing any more.
// Whoever moved begins; the other one does if that has not happened.
void IkeSa::replace_what_was_for_the_old_ends(const Environment& env) {
    const Instant when = env.now + (core_.began_first ? seconds{0} : moved_selectors_wait);
    for (Child& child : core_.children) {
        if (!child.live() || fits_the_ends(child, core_)) { continue; }
        child.rekey_at = child.rekey_at ? std::min(*child.rekey_at, when) : when;
    }
    env.touch(core_.local_spi);
}

// What routing would take; where local_addrs does not have that, what is in use, or another one
// that it has, as long as one of these is there.
std::optional<IpAddress> IkeSa::source_towards(const IpAddress& remote,
                                               const Environment& env) const {
    const auto routed = env.state.source_for ? env.state.source_for(remote) : std::nullopt;
    const auto& wanted = core_.connection->local_addrs;
    if (!routed || fits(wanted, *routed)) { return routed; }
    const auto& here = env.state.host_addresses;
    const auto is_one = [&](const IpAddress& address) {
        return address.family() == remote.family() && fits(wanted, address);
    };
    const bool stays = here.empty() || contains(here, core_.local.address);
    if (stays && is_one(core_.local.address)) { return core_.local.address; }
    const auto other = std::ranges::find_if(here, is_one);
    return other == here.end() ? routed : std::optional{*other};
}

// The addresses of this host, or the way to the peer, have changed.
void IkeSa::addresses_changed(const Environment& env) {
    const bool local_is_there =
        env.state.host_addresses.empty() || contains(env.state.host_addresses, core_.local.address);
    if (!established()) {
        // What is on its way out with an address that is no more gets no answer.
        if (local_is_there || core_.local.address.is_any() || !begin_ || close_wanted_) { return; }
        begin_anew(std::move(*std::exchange(begin_, std::nullopt)), env);
        return forget(env);
    }
    if (!core_.mobike.on) {
        if (local_is_there || !core_.began_first || replaced_by_another_) { return; }
        // Without MOBIKE a new IKE SA is the only way on (RFC 4555 1).
        const auto source = source_towards(core_.remote.address, env);
        if (!source) { return; }
        env.event(core_, EventKind::note, Severity::info,
                  fmt::format("IKE SA {}[{}]: {} is gone from this host", core_.name(),
                              core_.unique_id, core_.local.address.to_string()));
        return begin_elsewhere(*source, env);
    }
    if (core_.began_first) {
        if (const auto path = best_path(false, env); path && *path != path_in_use()) {
            return move_to(*path, true, env);
        }
    } else if (!local_is_there) {
        // RFC 4555 3.6: the responder only says what it has; the initiator moves.
        const auto source = source_towards(core_.remote.address, env);
        if (!source) { return; }
        core_.local.address = *source;
        update_children(env);
        return tell_addresses(true, env);
    }
    tell_addresses(false, env);
}

// Where we are is what the message comes from; `moved`, that is another address now.
void IkeSa::tell_addresses(bool moved, const Environment& env) {
    std::vector<IpAddress> additional = additional_addresses(core_, env.state.host_addresses);
    if (!moved && additional == core_.mobike.told) { return; }
    core_.mobike.told = additional;
    wire::Payloads payloads;
    add_additional_addresses(payloads, additional);
    (void)add({.what = InformTask{std::move(payloads)}}, env);
}

// RFC 4555 3.6: the list is complete together with the address that it came from.
void IkeSa::peer_tells_addresses(std::vector<IpAddress> others, const Datagram& datagram,
                                 const Environment& env) {
    const IpAddress& from = datagram.remote.address;
    if (!contains(others, from)) { others.insert(others.begin(), from); }
    const bool still_there = contains(others, core_.remote.address);
    core_.mobike.peer_addresses = std::move(others);
    if (!core_.began_first || still_there || !established() || core_.on_tcp()) { return; }
    if (const auto local = source_towards(from, env)) { move_to({*local, from}, true, env); }
}

bool IkeSa::is_inside(const IpAddress& address) const {
    return std::ranges::any_of(core_.children, [&](const Child& child) {
        return std::ranges::any_of(child.remote_ts, [&](const TrafficSelector& one) {
            return !is_everything(one.addresses) && one.addresses.contains(address);
        });
    });
}

// The first pair of addresses that routing has a way for, the peer's present address before its
// other ones. `another`: none that was tried since the last answer.
std::optional<IkeSa::Path> IkeSa::best_path(bool another, const Environment& env) {
    std::vector<IpAddress> remotes{core_.remote.address};
    for (const IpAddress& address : core_.mobike.peer_addresses) {
        if (!contains(remotes, address)) { remotes.push_back(address); }
    }
    for (const IpAddress& remote : remotes) {
        const auto local = source_towards(remote, env);
        if (!local || contains(core_.local_vips, *local)) { continue; }
        // What is behind the tunnel is no way to its end.
        if (remote != core_.remote.address && is_inside(remote)) { continue; }
        const Path path{*local, remote};
        const bool tried = std::ranges::find(core_.mobike.tried, path) != core_.mobike.tried.end();
        if (another && (tried || path == path_in_use())) { continue; }
        return path;
    }
    return std::nullopt;
}

// RFC 4555 3.5: the SAs follow at once, if `for_sure` the way before is no more; the peer is told,
// and what waits for an answer goes out again from the new address.
void IkeSa::move_to(const Path& path, bool for_sure, const Environment& env) {
    core_.mobike.tried.push_back(path_in_use());
    auto& others = core_.mobike.peer_addresses;
    // It may be the way back.
    const bool known = contains(others, core_.remote.address);
    if (!known && others.size() < additional_addresses_max) {
        others.push_back(core_.remote.address);
    }
    core_.local.address = path.first;
    if (core_.on_tcp()) {  // the SAs follow when the stream is there
        core_.remote.address = path.second;
        if (!requests_.idle()) { requests_.begin_again(env.now); }
        return open_stream(env);
    }
    if (core_.remote.address != path.second) {
        core_.remote = {path.second, core_.nat_t_port ? nat_t_port_of_peer(*core_.connection)
                                                      : core_.remote.port};
    }
    core_.mobike.unproved = !for_sure;
    if (for_sure) { update_children(env); }
    if (!requests_.idle()) {
        requests_.begin_again(env.now);
        transmit(requests_.message(), env);
    }
    want_update(env);
}

void IkeSa::want_update(const Environment& env) {
    const bool waits = std::ranges::any_of(queue_, [](const Task& task) {
        return std::holds_alternative<UpdateAddressesTask>(task.what);
    });
    if (!waits) { queue_.push_front({.what = UpdateAddressesTask{}}); }
    pump(env);
}

// RFC 4555 3.7: traffic follows only after the peer has shown that it is there, so that nobody has
// us flood a third party. One probe is enough, of where it is then.
void IkeSa::want_probe(const Environment& env) {
    std::erase_if(
        queue_, [](const Task& task) { return std::holds_alternative<ProbePathTask>(task.what); });
    queue_.push_front({.what = ProbePathTask{env.random().bytes(cookie2_size)}});
    env.touch(core_.local_spi);
}

// Before the peer is given up: another pair of addresses may still work (RFC 4555 3.12).
bool IkeSa::try_another_path(const Environment& env) {
    if (!core_.mobike.on || !established() || requests_.idle()) { return false; }
    if (!core_.began_first) { return follow_last_message(env); }
    const auto path = best_path(true, env);
    if (!path) { return go_over_to_tcp(env); }
    // It may be that the peer is not there at all: some messages by each way must do, and ESP stays
    // where it was until one is answered.
    move_to(*path, false, env);
    if (!requests_.idle()) { requests_.begin_again(env.now, tries_another_path); }
    return true;
}

// A NAT between us has forgotten the peer, which has sent from another port since: what we have to
// say goes there, and the Child SAs follow when it is answered. And from where the peer's update
// seemed to come nobody may answer: somebody else has sent it on (RFC 4555 5.4).
bool IkeSa::follow_last_message(const Environment& env) {
    if (core_.on_tcp()) { return false; }
    const auto from = std::exchange(core_.mobike.last_from, std::nullopt);
    if (from && *from != core_.remote && (core_.nat.remote || core_.mobike.proved)) {
        core_.remote = *from;
    } else if (const auto back = std::exchange(core_.mobike.proved, std::nullopt)) {
        core_.local = back->local;
        core_.remote = back->remote;
        core_.nat_t_port = back->nat_t_port;
        core_.nat = back->nat;
    } else {
        return false;
    }
    requests_.begin_again(env.now);
    transmit(requests_.message(), env);
    want_probe(env);
    return true;
}

bool IkeSa::begin_update(Task task, const Environment& env) {
    wire::Payloads payloads;
    payloads.emplace_back(wire::Notify{.type = NotifyType::update_sa_addresses});
    add_nat_detection(payloads, core_.initiator_spi(), core_.responder_spi(), core_.local,
                      core_.remote, forces_udp(*core_.connection), env.random());
    std::vector<IpAddress> additional = additional_addresses(core_, env.state.host_addresses);
    add_additional_addresses(payloads, additional);
    core_.mobike.told = std::move(additional);
    if (!send_request(wire::ExchangeType::informational, payloads, env)) {
        finish(task, std::unexpected(cancelled("a message that cannot be sealed")), env);
        forget(env);
        return false;
    }
    active_ =
        ActiveExchange{.what = UpdatingAddresses{.local = core_.local, .remote = core_.remote},
                       .task = std::move(task)};
    return true;
}

void IkeSa::update_answered(const UpdatingAddresses& sent, const wire::Payloads& response,
                            const Environment& env) {
    if (const auto* error = wire::find_error_notify(response)) {
        env.failure(core_, {}, "INFORMATIONAL", false, address_was_refused(core_, error->type));
        // Where we came from is no worse than before.
        if (!core_.mobike.tried.empty()) { core_.mobike.tried.pop_back(); }
        if (const auto path = best_path(true, env)) { move_to(*path, true, env); }
        return;
    }
    // Moved on meanwhile: the next update waits already, and this answer is of another path.
    if (sent.local != core_.local || sent.remote != core_.remote) { return; }
    core_.mobike.tried.clear();
    if (const auto* seen = wire::find_notify(response, NotifyType::nat_detection_destination_ip)) {
        core_.mobike.seen_as = seen->data;
    }
    if (std::exchange(core_.mobike.unproved, false)) { update_children(env); }
    NatSituation nat = detect_nat(response, core_.initiator_spi(), core_.responder_spi(),
                                  core_.local, core_.remote);
    if (!nat.supported) { return; }
    follow_nat(nat, env);
}

// A NAT more or less on the new path: ESP in UDP or not.
void IkeSa::follow_nat(NatSituation nat, const Environment& env) {
    core_.nat = settled(nat, *core_.connection, core_.nat.preferred);
    bool changed = false;
    for (Child& child : core_.children) {
        changed = changed || child.udp_encap != core_.encapsulates();
        child.udp_encap = core_.encapsulates();
    }
    if (changed) { update_children(env); }
}

// ---- the other end

void IkeSa::follow_update(const wire::Payloads& request, const Datagram& datagram,
                          wire::Payloads& response, const Environment& env) {
    // RFC 4555 3.5: only the original initiator's word counts.
    if (!core_.mobike.on || core_.began_first ||
        wire::find_notify(request, NotifyType::update_sa_addresses) == nullptr) {
        return;
    }
    if (nat_forbidden_and_there(request, datagram.local, datagram.remote)) {  // S-12
        response.emplace_back(wire::Notify{.type = NotifyType::unexpected_nat_detected});
        return;
    }
    const bool moved = core_.local != datagram.local || core_.remote != datagram.remote ||
                       core_.stream != datagram.stream;
    if (moved && !core_.mobike.proved && !core_.on_tcp()) {
        core_.mobike.proved = {.local = core_.local,
                               .remote = core_.remote,
                               .nat_t_port = core_.nat_t_port,
                               .nat = core_.nat};
    }
    core_.local = datagram.local;
    core_.remote = datagram.remote;
    core_.nat_t_port = datagram.non_esp_marker;
    core_.came_by(datagram.stream);
    const NatSituation nat = detect_nat(request, core_.initiator_spi(), core_.responder_spi(),
                                        core_.local, core_.remote);
    if (nat.supported) { core_.nat = settled(nat, *core_.connection, core_.nat.preferred); }
    add_nat_detection(response, core_.initiator_spi(), core_.responder_spi(), core_.local,
                      core_.remote, forces_udp(*core_.connection), env.random());
    if (!moved) { return; }
    if (core_.on_tcp()) {  // its connection has shown that it is there
        core_.mobike.proved.reset();
        for (Child& child : core_.children) { child.udp_encap = true; }
        env.emit(KeepStream{core_.stream});
        return update_children(env);
    }
    // The peer had sent it before it knew that the IKE SA was rekeyed.
    if (IkeSa* const holder = holder_of_children(env); holder != this) {
        holder->core_.local = core_.local;
        holder->core_.remote = core_.remote;
        holder->core_.nat_t_port = core_.nat_t_port;
        holder->core_.nat = core_.nat;
        holder->core_.mobike.proved = core_.mobike.proved;
        holder->want_probe(env);
        return holder->pump(env);
    }
    want_probe(env);
}

void IkeSa::probe_answered(const ProbingPath& sent, const wire::Payloads& response,
                           const Environment& env) {
    const auto* cookie = wire::find_notify(response, NotifyType::cookie2);
    if (cookie == nullptr || cookie->data != sent.cookie) {
        env.failure(core_, {}, "INFORMATIONAL", true, cookie2_is_wrong(core_));
        return close({}, env);  // RFC 4555 3.7: MUST be closed
    }
    if (sent.local != core_.local || sent.remote != core_.remote) { return; }  // another one waits
    core_.mobike.proved.reset();
    for (Child& child : core_.children) { child.udp_encap = core_.encapsulates(); }
    update_children(env);
}

// Something to compare later answers with: the hash covers the SPIs, so that each IKE SA needs its
// own.
void IkeSa::want_mapping(const Environment& env) {
    if (!looks_at_mapping()) { return; }
    queue_.push_back({.what = InformTask{}});
    env.touch(core_.local_spi);
}

bool IkeSa::looks_at_mapping() const {
    return core_.mobike.on && core_.began_first && core_.nat.local && !core_.nat.fake &&
           !core_.on_tcp();
}

// Behind a NAT the initiator looks whether its mapping is what it was (RFC 4555 3.8).
void IkeSa::add_mapping_probe(wire::Payloads& payloads, const Environment& env) const {
    if (!looks_at_mapping()) { return; }
    add_nat_detection(payloads, core_.initiator_spi(), core_.responder_spi(), core_.local,
                      core_.remote, false, env.random());
}

void IkeSa::look_at_mapping(const wire::Payloads& response, const Environment& env) {
    if (!core_.mobike.on || !core_.began_first || core_.on_tcp()) { return; }
    const auto* seen = wire::find_notify(response, NotifyType::nat_detection_destination_ip);
    if (seen == nullptr) { return; }
    const bool changed = !core_.mobike.seen_as.empty() && core_.mobike.seen_as != seen->data;
    core_.mobike.seen_as = seen->data;
    if (changed) { want_update(env); }
}

}  // namespace culvert::ike::v2
