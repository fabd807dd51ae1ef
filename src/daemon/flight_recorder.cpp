#include "daemon/flight_recorder.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "daemon/events.hpp"
#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

bool is_failure(const ike::Event& event) {
    return event.error &&
           (event.kind == ike::EventKind::refused || event.kind == ike::EventKind::was_refused);
}

std::string line_before(Instant at, const std::string& text, Instant failure) {
    const auto before = std::chrono::duration_cast<std::chrono::milliseconds>(failure - at).count();
    return fmt::format("{}.{:03} s before: {}", before / 1000, before % 1000, text);
}

}  // namespace

FlightRecorder::Tape& FlightRecorder::tape_of(const IpAddress& peer, bool known) {
    const auto [found, fresh] = tapes_.try_emplace(peer);
    Tape& tape = found->second;
    if (fresh) { tape.used = strangers_.insert(strangers_.begin(), peer); }
    std::list<IpAddress>& before = tape.known ? known_ : strangers_;
    tape.known = tape.known || known;
    std::list<IpAddress>& order = tape.known ? known_ : strangers_;
    order.splice(order.begin(), before, tape.used);
    keep_at_most(known_, recorded_peers_max);
    keep_at_most(strangers_, recorded_strangers_max);
    return tape;
}

void FlightRecorder::keep_at_most(std::list<IpAddress>& order, std::size_t most) {
    while (order.size() > most) {
        tapes_.erase(order.back());
        order.pop_back();
    }
}

// In the place of the oldest one, of a stranger where there is one.
void FlightRecorder::keep(const Story& story) {
    if (stories_.size() == stories_max) {
        const auto oldest = std::find_if(stories_.rbegin(), stories_.rend(),
                                         [](const Story& one) { return one.of_stranger; });
        stories_.erase(oldest == stories_.rend() ? std::prev(stories_.end())
                                                 : std::prev(oldest.base()));
    }
    stories_.push_front(story);
}

std::optional<FlightRecorder::Story> FlightRecorder::add(const ike::Event& event, Instant now) {
    if (!event.remote) { return std::nullopt; }
    Tape& tape = tape_of(event.remote->address, !by_stranger(event));
    if (!is_failure(event)) {
        if (tape.lines.size() == recorded_lines_max) { tape.lines.pop_front(); }
        tape.lines.push_back({now, printable(event.text, recorded_text_max)});
        return std::nullopt;
    }
    Story story{.at = now,
                .remote = *event.remote,
                .failure = explain(*event.error),
                .lines = {},
                .of_stranger = !tape.known};
    for (const Line& line : std::exchange(tape.lines, {})) {
        story.lines.push_back(line_before(line.at, line.text, now));
    }
    keep(story);
    return story;
}

const FlightRecorder::Story* FlightRecorder::story_of(const ike::Failure& failure) const {
    // The engine's time of a failure is that of the input which caused it; we hear of it after
    // that.
    const auto told = std::ranges::find_if(stories_, [&](const Story& story) {
        return story.remote == failure.remote && story.at >= failure.at &&
               story.at - failure.at < story_delay_max && story.failure == explain(failure.error);
    });
    return told == stories_.end() ? nullptr : &*told;
}

}  // namespace culvert::daemon
