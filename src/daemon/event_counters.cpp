#include "daemon/event_counters.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

std::string number(std::uint64_t value) { return fmt::format("{}", value); }

}  // namespace

void EventCounters::on_event(const ike::Event& event) {
    switch (event.kind) {
        case ike::EventKind::ike_up:
            if (event.ike && event.ike->handshake) { established(*event.ike->handshake); }
            break;
        case ike::EventKind::refused:
        case ike::EventKind::was_refused: failed(event); break;
        case ike::EventKind::retransmit: ++retransmissions_; break;
        case ike::EventKind::peer_dead:
            ++dead_peers_;
            dead_ike_id_ = event.ike_unique_id;
            break;
        case ike::EventKind::ike_state_changed:
        case ike::EventKind::ike_down:
        case ike::EventKind::ike_rekeyed:
        case ike::EventKind::ike_updated:
        case ike::EventKind::child_state_changed:
        case ike::EventKind::child_up:
        case ike::EventKind::child_down:
        case ike::EventKind::child_rekeyed:
        case ike::EventKind::exchange:
        case ike::EventKind::note: break;
    }
}

void EventCounters::established(Duration took) {
    const auto us =
        static_cast<std::uint64_t>(std::chrono::floor<std::chrono::microseconds>(took).count());
    ++handshakes_["established"];
    ++count_;
    sum_us_ += us;
    for (std::size_t i = 0; i < bounds_us.size(); ++i) {
        if (us <= bounds_us.at(i)) { ++within_.at(i); }
    }
}

// A failure of a child leaves its IKE SA alone; one without a child ends a handshake. That of a
// peer which died is no handshake's.
void EventCounters::failed(const ike::Event& event) {
    if (!event.error) { return; }
    if (!event.child.empty()) {
        ++child_failures_[name(event.error->code)];
        return;
    }
    if (dead_ike_id_ && event.ike_unique_id == *std::exchange(dead_ike_id_, std::nullopt)) {
        return;
    }
    ++handshakes_[name(event.error->code)];
}

vici::Section EventCounters::to_section() const {
    const auto section_of = [](const ByOutcome& counts) {
        vici::Section out;
        for (const auto& [outcome, count] : counts) { out.set(outcome, number(count)); }
        return out;
    };
    vici::Section latency;
    for (std::size_t i = 0; i < bounds_us.size(); ++i) {
        latency.set(number(bounds_us.at(i)), number(within_.at(i)));
    }
    latency.set("inf", number(count_)).set("sum", number(sum_us_));
    vici::Section out;
    out.set("handshakes", section_of(handshakes_));
    out.set("handshake-us", std::move(latency));
    out.set("child-failures", section_of(child_failures_));
    out.set("retransmissions", number(retransmissions_));
    out.set("dead-peers", number(dead_peers_));
    return out;
}

}  // namespace culvert::daemon
