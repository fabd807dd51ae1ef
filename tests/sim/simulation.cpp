#include "sim/simulation.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace culvert::sim {
namespace {

// Longer than liveness, its retransmissions, half-open and rekeyed SAs may take with the settings
// of worlds.cpp.
constexpr std::chrono::minutes settle_time{12};
constexpr std::chrono::minutes rest_time_max{10};
constexpr std::chrono::milliseconds rest_step{50};

const InstalledSa* find_inbound(const Peer& peer, EspSpi spi) {
    for (const auto& [id, entry] : peer.installed()) {
        if (entry.sa.inbound_spi == spi) { return &entry; }
    }
    return nullptr;
}

bool same_keys(const IpsecKeys& a, const IpsecKeys& b) {
    return constant_time_equal(a.encryption.reveal(), b.encryption.reveal()) &&
           constant_time_equal(a.integrity.reveal(), b.integrity.reveal());
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, bool verbose)
    : random_(seed), network_(schedule_, random_, tally_), verbose_(verbose) {}

Peer& Simulation::add_peer(std::string name, const IpAddress& address, ike::Config config) {
    const Shared shared{.schedule = schedule_,
                        .random = random_,
                        .network = network_,
                        .tally = tally_,
                        .complaints = complaints_,
                        .verbose = verbose_};
    const unsigned engines = several_engines_ ? 1U << random_.below(3) : 1;
    peers_.push_back(std::make_unique<Peer>(std::move(name), address,
                                            std::make_shared<const ike::Config>(std::move(config)),
                                            engines, random_.u64(), shared));
    return *peers_.back();
}

std::vector<Peer*> Simulation::peers() const {
    std::vector<Peer*> out;
    for (const auto& peer : peers_) { out.push_back(peer.get()); }
    return out;
}

void Simulation::sometime(Duration span, std::function<void()> what) {
    schedule_.after(Duration{static_cast<std::int64_t>(
                        random_.below(static_cast<std::uint64_t>(span.count())))},
                    std::move(what));
}

void Simulation::keep_traffic(Duration interval) {
    traffic_ = true;
    traffic_tick(interval);
}

void Simulation::traffic_tick(Duration interval) {
    if (!traffic_) { return; }
    for (const auto& peer : peers_) { peer->send_traffic(peers()); }
    schedule_.after(interval, [this, interval] { traffic_tick(interval); });
}

void Simulation::settle_and_check() {
    Conditions healed;
    healed.delay_max = healed.delay_min;
    network_.set(healed);
    network_.split({});
    traffic_ = false;  // it would hide from liveness what is half dead
    schedule_.run_until(schedule_.now() + settle_time);
    run_until_at_rest();
    check_peers();
}

bool Simulation::at_rest() const {
    return network_.under_way() == 0 &&
           std::ranges::all_of(peers_, [](const auto& peer) { return peer->at_rest(); });
}

void Simulation::run_until_at_rest() {
    const Instant end = schedule_.now() + rest_time_max;
    while (!at_rest() && schedule_.now() < end) {
        schedule_.run_until(schedule_.now() + rest_step);
    }
}

void Simulation::check_peers() {
    Statuses statuses;
    for (const auto& peer : peers_) {
        peer->complain_of_open_commands();
        peer->complain_of_orphans();
        statuses.push_back(peer->engine().status(schedule_.now()));
    }
    for (std::size_t a = 0; a < peers_.size(); ++a) {
        for (std::size_t b = 0; b < peers_.size(); ++b) {
            if (a != b) { check_agreement(*peers_[a], statuses[a], *peers_[b], statuses[b]); }
        }
    }
}

void Simulation::check_agreement(const Peer& a, const std::vector<ike::IkeSaStatus>& of_a,
                                 const Peer& b, const std::vector<ike::IkeSaStatus>& theirs) {
    for (const auto& ours : of_a) {
        const bool meant_for_b = ours.remote_id.to_string() == b.name();
        if (!meant_for_b) { continue; }
        const auto match = std::ranges::find_if(theirs, [&](const ike::IkeSaStatus& other) {
            return other.initiator_spi == ours.initiator_spi &&
                   other.responder_spi == ours.responder_spi;
        });
        if (match == theirs.end()) {
            complain(fmt::format("{} holds an IKE SA that {} does not know: {}[{}]", a.name(),
                                 b.name(), ours.connection, ours.unique_id));
            continue;
        }
        ++tally_["agreed_ike_ends"];
        if (match->suite != ours.suite) { complain("the ends run different IKE suites"); }
        if (match->initiator == ours.initiator) { complain("both ends think that they began"); }
        if (std::set(ours.local_vips.begin(), ours.local_vips.end()) !=
            std::set(match->remote_vips.begin(), match->remote_vips.end())) {
            complain("the ends differ on virtual addresses");
        }
        check_children(a, ours, b, *match);
    }
}

void Simulation::check_children(const Peer& a, const ike::IkeSaStatus& ours, const Peer& b,
                                const ike::IkeSaStatus& theirs) {
    if (ours.children.size() != theirs.children.size()) {
        complain(fmt::format("{} has {} Child SAs, {} has {}", a.name(), ours.children.size(),
                             b.name(), theirs.children.size()));
    }
    for (const auto& child : ours.children) {
        const auto mine = a.installed().find(child.id);
        if (mine == a.installed().end()) { continue; }  // complain_of_orphans() says so
        const ChildSa& sa = mine->second.sa;
        const InstalledSa* const other = find_inbound(b, sa.outbound_spi);
        if (other == nullptr) {
            complain(
                fmt::format("{} sends under an SPI that {} does not have", a.name(), b.name()));
            continue;
        }
        ++tally_["agreed_child_ends"];
        if (sa.mode == IpsecMode::transport) { ++tally_["agreed_transport_ends"]; }
        if (other->sa.outbound_spi != sa.inbound_spi) { complain("a pair with two answers"); }
        if (!same_keys(sa.outbound, other->sa.inbound) ||
            !same_keys(sa.inbound, other->sa.outbound)) {
            complain("the ends have different keys");
        }
        if (sa.suite != other->sa.suite) { complain("the ends run different ESP suites"); }
        if (sa.mode != other->sa.mode || sa.udp_encap != other->sa.udp_encap) {
            complain("the ends differ on mode or encapsulation");
        }
        if (sa.local_ts != other->sa.remote_ts || sa.remote_ts != other->sa.local_ts) {
            complain(fmt::format("selectors differ: {} === {} against {} === {}",
                                 to_string(sa.local_ts), to_string(sa.remote_ts),
                                 to_string(other->sa.remote_ts), to_string(other->sa.local_ts)));
        }
    }
}

const World* find_world(std::string_view name) {
    for (const auto& world : worlds()) {
        if (world.name == name) { return &world; }
    }
    return nullptr;
}

Outcome play(const World& world, std::uint64_t seed, bool verbose) {
    Simulation simulation{seed, verbose};
    world.play(simulation);
    return {.tally = simulation.tally(), .complaints = simulation.complaints()};
}

}  // namespace culvert::sim
