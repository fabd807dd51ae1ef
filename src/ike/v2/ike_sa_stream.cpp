// IKE and ESP in TCP (RFC 9329): who began the IKE SA opens the stream, and opens it again when it
// breaks; the other end goes on wherever the next authenticated message comes in.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

void IkeSa::set_out_by_tcp(SaCore& core, const Environment& env) {
    core.local.port = 0;  // not known before it is open
    core.remote.port = core.connection->tcp_port;
    core.nat_t_port = true;
    core.stream = env.new_stream_id();
}

void IkeSa::open_stream(const Environment& env) {
    core_.stream = env.new_stream_id();
    core_.stream_state = StreamState::opening;
    core_.local.port = 0;
    stream_proved_ = false;
    env.touch(core_.local_spi);
    env.emit(OpenStream{.id = core_.stream, .local = core_.local, .remote = core_.remote});
}

void IkeSa::stream_opened(const StreamOpened& opened, const Environment& env) {
    env.touch(core_.local_spi);
    core_.local = opened.local;
    core_.stream_state = StreamState::open;
    auto* const init = std::get_if<InitSent>(&state_);
    if (init != nullptr && !std::exchange(init->left, true)) {
        // Only now it is known where from, as NAT detection tells.
        init->exchange->leave_from(core_, env);
        requests_.restart_ids();
        requests_.send({init->exchange->request()}, env.now);
        return transmit(requests_.message(), env);
    }
    // RFC 9329 7.2: over a new connection what waits for its answer is sent again.
    if (!requests_.idle()) { transmit(requests_.message(), env); }
    // The peer may not know of the successor yet, and has to be told where to ask for it.
    const bool rekeyed = std::holds_alternative<Rekeyed>(state_);
    if (!established() && !rekeyed) { return; }
    for (Child& child : core_.children) { child.udp_encap = true; }
    if (established()) { update_children(env); }
    // RFC 9329 7.1: something that is new tells the peer where we are. A request that it has had
    // before does not.
    if (core_.mobike.on && established()) { return want_update(env); }
    say_something_new(env);
}

void IkeSa::say_something_new(const Environment& env) {
    const bool waits = std::ranges::any_of(queue_, [](const Task& task) {
        const auto* inform = std::get_if<InformTask>(&task.what);
        return inform != nullptr && inform->payloads.empty();
    });
    if (!waits) { queue_.push_front({.what = InformTask{}}); }
    pump(env);
}

void IkeSa::stream_broken(const StreamBroken& broken, std::optional<StreamId>& instead,
                          const Environment& env) {
    env.touch(core_.local_spi);
    const bool was_open = core_.stream_state == StreamState::open;
    // Who takes connections and closes them is not called again and again.
    const bool at_once = was_open && stream_proved_;
    core_.stream_state = StreamState::broken;
    env.hint(core_.remote.address,
             fmt::format("TCP port {}: {}", core_.remote.port, broken.why.received));
    env.event(core_, EventKind::note, was_open ? Severity::info : Severity::debug,
              fmt::format("IKE SA {}[{}]: the TCP connection with {} {}: {}{}", core_.name(),
                          core_.unique_id, core_.remote.to_string(),
                          was_open ? "is broken" : "could not be opened", explain(broken.why),
                          opens_streams() ? "" : "; the peer has to open another"));
    if (!opens_streams()) { return; }
    if (at_once && instead) {
        core_.stream = *instead;
        core_.stream_state = StreamState::opening;
        return;
    }
    if (at_once) {
        open_stream(env);
        instead = core_.stream;
        return;
    }
    // It is tried again each time that a request would be retransmitted over UDP: one has to be
    // under way.
    if (!requests_.idle() || !established()) { return; }
    say_something_new(env);
}

// RFC 9329 7.1: the peer is where its last message came from that is authentic and new.
void IkeSa::follow_to_stream(const Datagram& datagram, const Environment& env) {
    // Between UDP and TCP only MOBIKE moves it.
    const bool stays = datagram.stream == core_.stream || datagram.stream == StreamId{} ||
                       !core_.on_tcp() || core_.began_first;
    if (stays) { return; }
    core_.local = datagram.local;
    core_.remote = datagram.remote;
    core_.came_by(datagram.stream);
    env.touch(core_.local_spi);
    env.emit(KeepStream{core_.stream});
    update_children(env);
    if (!requests_.idle()) { transmit(requests_.message(), env); }
}

// No answer in a connection that has carried some: a NAT on the way may have forgotten it, and TCP
// not have noticed yet. Once, as the next one has to prove itself first.
bool IkeSa::try_another_stream(const Environment& env) {
    if (!opens_streams() || !established() || !stream_proved_) { return false; }
    requests_.begin_again(env.now);
    open_stream(env);
    return true;
}

// RFC 9329 8.1: no path is left over which UDP gets an answer. The stream tells the peer of its
// new place once it is there.
bool IkeSa::go_over_to_tcp(const Environment& env) {
    if (core_.on_tcp() || core_.connection->tcp == TcpUse::no) { return false; }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: no answer from {} over UDP any more, trying TCP port {}",
                          core_.name(), core_.unique_id, core_.remote.address.to_string(),
                          core_.connection->tcp_port));
    core_.remote.port = core_.connection->tcp_port;
    requests_.begin_again(env.now);
    open_stream(env);
    return true;
}

bool IkeSa::may_fall_back() const {
    return connecting() && !core_.on_tcp() && begin_ && !close_wanted_ &&
           core_.connection->tcp == TcpUse::fallback;
}

// RFC 9329 6.1: UDP gets no answer. A new IKE SA, as an answer to the old one may still be on its
// way.
bool IkeSa::fall_back_to_tcp(const Environment& env) {
    if (!may_fall_back()) { return false; }
    env.event(core_, EventKind::note, Severity::info,
              fmt::format("IKE SA {}[{}]: no answer from {} over UDP, trying TCP port {} "
                          "(culvert_tcp = fallback)",
                          core_.name(), core_.unique_id, core_.remote.address.to_string(),
                          core_.connection->tcp_port));
    Begin next = std::move(*std::exchange(begin_, std::nullopt));
    next.tcp = true;
    go_on_with(std::move(next), env);
    forget(env);
    return true;
}

}  // namespace culvert::ike::v2
