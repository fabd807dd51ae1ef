#include "daemon/engine_host.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "daemon/limits.hpp"
#include "plane/host_addresses.hpp"

namespace culvert::daemon {
namespace {

ChildWatch::About about(const std::vector<ike::IkeSaStatus>& sas, ChildSaId id) {
    for (const ike::IkeSaStatus& sa : sas) {
        const auto child = std::ranges::find(sa.children, id, &ike::ChildSaStatus::id);
        if (child == sa.children.end()) { continue; }
        ChildWatch::About out{.connection = sa.connection,
                              .child = child->name,
                              .remote = sa.remote,
                              .udp_encap = child->udp_encap,
                              .tcp = sa.tcp,
                              .more_to_do = {}};
        // A NAT in between would be the end of it.
        if (!sa.nat_traversal) {
            out.more_to_do =
                "; the peer does not offer NAT traversal (no NAT_DETECTION in its IKE_SA_INIT): "
                "with a NAT in between nothing can pass, turn it on there or set encap = yes here";
        }
        return out;
    }
    return {};
}

}  // namespace

EngineHost::EngineHost(Loop& loop, plane::Plane& plane, const ike::ConfigSnapshot& config,
                       unsigned engines, Listeners listeners)
    : loop_(loop),
      plane_(plane),
      listeners_(std::move(listeners)),
      mailbox_([this] { loop_.post([this] { drain(); }); }),
      deadline_(loop, [this] { tick(); }),
      liveness_timer_(loop, [this] { poll_liveness(); }),
      address_timer_(loop, [this] { look_at_addresses(); }),
      engines_(
          config, engines,
          {.said = [this] { loop_.post([this] { hear(); }); },
           .broken =
               [this](const char* why) {
                   loop_.post([this, text = std::string{why}] { listeners_.broken(text.c_str()); });
               }}) {
    engines_.each([this](ike::Engine& engine) {
        engine.use_source_lookup(
            [this](const IpAddress& remote) { return plane_.source_for(remote); });
        engine.use_calendar([](Instant) {
            return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        });
        if (listeners_.fetch) { engine.use_fetches(); }
    });
    use_leases(std::make_unique<ike::LeaseBook>());
}

void EngineHost::use_leases(std::unique_ptr<ike::LeaseBook> leases) {
    leases_ = std::make_shared<SharedLeases>(std::move(leases));
    engines_.each([this](ike::Engine& engine) { engine.use_leases(leases_); });
}

void EngineHost::use_crash_secret(const Secret& secret) {
    engines_.each(
        [&](ike::Engine& engine) { engine.use_crash_secret(Secret::copy_of(secret.reveal())); });
}

template <class Work>
void EngineHost::wholly(Work work) {
    try {
        work();
    } catch (const std::exception& why) { listeners_.broken(why.what()); }
}

void EngineHost::drain() {
    wholly([this] {
        Mailbox::Mail mail = mailbox_.take();
        if (mail.lost) { listeners_.lost(*mail.lost); }
        const Instant now = Loop::now();
        // Before the rest: what waits may have arrived at the new addresses.
        if (mail.addresses_changed) { hear_of_addresses(); }
        for (Error& what : mail.warnings) {
            std::string text = "the plane goes on, but weaker than asked";
            tell({.kind = ike::EventKind::note,
                  .severity = ike::Severity::warn,
                  .error = std::move(what),
                  .text = std::move(text)});
        }
        for (ike::Input& input : mail.inputs) { dispatch(std::move(input), now); }
        set_timer();
    });
}

void EngineHost::dispatch(ike::Input input, Instant now) {
    if (ike::Engine* const engine = engines_.only()) {
        return carry_out(engine->handle(std::move(input), now), 0, now);
    }
    const auto command =
        std::visit(Overloaded{[](const ike::Terminate& one) { return std::optional{one.id}; },
                              [](const ike::Rekey& one) { return std::optional{one.id}; },
                              [](const ike::Redirect& one) { return std::optional{one.id}; },
                              [](const auto&) { return std::optional<ike::CommandId>{}; }},
                   input);
    const unsigned engines = engines_.give(std::move(input));
    if (command) { parts_.expect(*command, engines); }
}

void EngineHost::hear() {
    wholly([this] {
        const Instant now = Loop::now();
        for (Engines::Said& said : engines_.take()) {
            carry_out(std::move(said.actions), said.share, now);
        }
    });
}

void EngineHost::hear_of_addresses() {
    const Instant now = Loop::now();
    if (!looked_at_addresses_ || now - *looked_at_addresses_ >= addresses_every) {
        return look_at_addresses();
    }
    if (std::exchange(addresses_wait_, true)) { return; }
    address_timer_.set(*looked_at_addresses_ + addresses_every);
}

void EngineHost::look_at_addresses() {
    looked_at_addresses_ = Loop::now();
    addresses_wait_ = false;
    ike::AddressesChanged changed;
    for (const plane::HostAddress& one : plane::host_addresses()) {
        const IpAddress& address = one.address.address;
        if (address.is_loopback() || address.is_link_local()) { continue; }
        changed.addresses.push_back(address);
    }
    handle(std::move(changed));
    if (listeners_.addresses) { listeners_.addresses(); }
}

void EngineHost::handle(ike::Input input) {
    wholly([&] {
        dispatch(std::move(input), Loop::now());
        set_timer();
    });
}

void EngineHost::configure(const ike::ConfigSnapshot& config) {
    wholly([&] {
        const Instant now = Loop::now();
        for (Engines::Said& said : engines_.configure(config, now)) {
            carry_out(std::move(said.actions), said.share, now);
        }
        set_timer();
    });
}

void EngineHost::tick() {
    wholly([this] {
        armed_.reset();
        const Instant now = Loop::now();
        carry_out(engines_.only()->tick(now), 0, now);
        set_timer();
    });
}

// Only forward: to be woken early costs less than to set the timer anew with each message. What is
// due within the same moment is done together: thousands of peers are watched, and each wake-up
// costs more than the message it sends.
void EngineHost::set_timer() {
    ike::Engine* const engine = engines_.only();
    const auto wanted = engine != nullptr ? engine->next_deadline() : std::nullopt;
    if (!wanted || (armed_ && *armed_ <= *wanted)) { return; }
    armed_ = end_of_moment(*wanted);
    deadline_.set(armed_);
}

ike::CommandId EngineHost::new_command(OnDone done) {
    const ike::CommandId id{++last_command_};
    commands_.emplace(id, std::move(done));
    return id;
}

void EngineHost::finish(const ike::CommandDone& done) {
    auto found = commands_.extract(done.id);
    if (!found.empty()) { found.mapped()(done); }
}

void EngineHost::carry_out(ike::Actions actions, unsigned share, Instant now) {
    std::deque<ike::Input> more;
    for (ike::Action& action : actions) { carry_out(action, share, more); }
    while (!more.empty()) {
        ike::Input input = std::move(more.front());
        more.pop_front();
        ike::Engine* const engine = engines_.only();
        if (engine == nullptr) {
            engines_.give_to(share, std::move(input));
            continue;
        }
        for (ike::Action& action : engine->handle(std::move(input), now)) {
            carry_out(action, share, more);
        }
    }
}

void EngineHost::carry_out(ike::Action& action, unsigned share, std::deque<ike::Input>& more) {
    std::visit(Overloaded{
                   [&](ike::Transmit& a) { transmit(std::move(a.datagram)); },
                   [&](ike::SendKeepAlive& a) {
                       // RFC 3948 2.3: a single octet 0xff, without marker in front.
                       plane_.send_ike({a.local, a.remote, false, Bytes{0xff}, 0, StreamId{}});
                   },
                   [&](const ike::OpenStream& a) { plane_.open_stream(a.id, a.local, a.remote); },
                   [&](const ike::KeepStream& a) { plane_.keep_stream(a.id); },
                   [&](const ike::CloseStream& a) { plane_.close_stream(a.id); },
                   [&](ike::InstallChild& a) {
                       const ChildSaId id = a.sa.id;
                       const Duration inactivity = a.sa.lifetime.inactivity;
                       if (Status done = plane_.install(std::move(a.sa)); !done) {
                           more.emplace_back(ike::InstallFailed{id, std::move(done).error()});
                           return;
                       }
                       installed_.try_emplace(
                           id, Liveness{.installed_at = Loop::now(), .inactivity = inactivity});
                       if (installed_.size() == 1) { liveness_timer_.set_in(liveness_poll); }
                   },
                   [&](const ike::StopSending& a) { plane_.stop_sending(a.id); },
                   [&](const ike::RemoveChild& a) {
                       installed_.erase(a.id);
                       if (a.replaced) {
                           plane_.retire(a.id);
                       } else {
                           plane_.remove(a.id);
                       }
                   },
                   [&](const ike::UpdateEndpoints& a) {
                       Status done =
                           plane_.update_endpoints(a.id, a.local, a.remote, a.udp_encap, a.stream);
                       if (!done) {
                           more.emplace_back(ike::InstallFailed{a.id, std::move(done).error()});
                       }
                   },
                   [&](const ike::InstallVirtualAddress& a) {
                       if (!virtual_addresses_) { return; }
                       if (Status done = plane_.add_address(a.address); !done) {
                           listeners_.event(
                               {.kind = ike::EventKind::note,
                                .severity = ike::Severity::error,
                                .connection = a.connection,
                                .error = done.error(),
                                .text = fmt::format(
                                    "the virtual address {} of connection {} was not "
                                    "installed: {}",
                                    a.address.to_string(), a.connection, explain(done.error()))});
                       }
                   },
                   [&](const ike::RemoveVirtualAddress& a) { plane_.remove_address(a.address); },
                   [&](const ike::InstallTrap& a) {
                       if (listeners_.trap) { listeners_.trap(a.connection, a.child); }
                   },
                   [&](const ike::UseNameServers& a) {
                       if (listeners_.name_servers) { listeners_.name_servers(a.what, true); }
                   },
                   [&](const ike::ForgetNameServers& a) {
                       if (listeners_.name_servers) { listeners_.name_servers(a.what, false); }
                   },
                   [&](ike::FetchRevocation& a) { listeners_.fetch(std::move(a)); },
                   [&](const ike::ResolveGateway& a) { listeners_.resolve(a); },
                   [&](const ike::TellNeighbours& a) { engines_.give_to_others(share, a.what); },
                   [&](const ike::CommandDone& a) {
                       if (const auto done = parts_.done(a)) { finish(*done); }
                   },
                   [&](const ike::KeyLog& a) { listeners_.key_log(a.line); },
                   [&](const ike::Event& a) { listeners_.event(a); },
               },
               action);
}

void EngineHost::report(const Finding& found) {
    engines_.keep(found.failure);
    tell({.kind = ike::EventKind::note,
          .severity = ike::Severity::warn,
          .connection = found.failure.connection,
          .child = found.failure.child,
          .remote = found.failure.remote,
          .error = found.failure.error,
          .text = found.text});
}

void EngineHost::transmit(ike::Datagram datagram) {
    if (datagram.local.address.is_any()) {
        if (const auto source = plane_.source_for(datagram.remote.address)) {
            datagram.local.address = *source;
        }
    }
    plane_.send_ike({datagram.local, datagram.remote, datagram.non_esp_marker,
                     std::move(datagram.bytes), datagram.dscp, datagram.stream});
}

bool EngineHost::is_unused(const Liveness& known, const ChildSaCounters& counters, Instant now) {
    if (known.inactivity == Duration{0} || now - known.installed_at < known.inactivity) {
        return false;
    }
    const auto is_long = [&](std::int64_t idle_s) {
        return idle_s < 0 || std::chrono::seconds{idle_s} >= known.inactivity;
    };
    return is_long(counters.inbound_idle_s) && is_long(counters.outbound_idle_s);
}

// RFC 7296 2.4: protected packets that arrive are as good a proof of life as an answer. Asked for
// in slices, so that many SAs never hold up the loop.
void EngineHost::poll_liveness() {
    liveness_timer_.set_in(liveness_poll);  // first: what follows may lack memory
    const Instant now = Loop::now();
    std::size_t asked = 0;
    auto at = installed_.upper_bound(liveness_next_);
    std::vector<ike::Input> seen;
    std::vector<Finding> found;
    for (; at != installed_.end() && asked < liveness_batch_max; ++at, ++asked) {
        auto& [id, known] = *at;
        liveness_next_ = id;
        const auto counters = plane_.counters(id);
        if (!counters) { continue; }
        const auto what = [&, child = id] { return about(engines_.status(now), child); };
        for (const Finding& one : known.watch.look(*counters, now, what)) { found.push_back(one); }
        if (is_unused(known, *counters, now)) {
            seen.emplace_back(ike::Expire{.id = id, .idle = true});
        }
        if (counters->inbound_packets == known.inbound_packets) { continue; }
        known.inbound_packets = counters->inbound_packets;
        const auto idle = std::chrono::seconds{std::max<std::int64_t>(counters->inbound_idle_s, 0)};
        seen.emplace_back(ike::InboundSeen{id, now - idle});
    }
    const bool wrapped = at == installed_.end();
    if (wrapped) { liveness_next_ = ChildSaId{}; }
    for (const Finding& one : found) { report(one); }
    wholly([&] {
        for (ike::Input& one : seen) { dispatch(std::move(one), now); }
        if (!seen.empty()) { set_timer(); }
    });
    if (installed_.empty()) { return liveness_timer_.set({}); }
    if (!wrapped) { liveness_timer_.set_in(liveness_batch_every); }
}

}  // namespace culvert::daemon
