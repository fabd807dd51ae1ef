#include "daemon/flight_recorder.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

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

FlightRecorder::Tape& FlightRecorder::tape_of(const IpAddress& peer) {
    const auto found = tapes_.find(peer);
    if (found != tapes_.end()) {
        order_.splice(order_.begin(), order_, found->second.used);
        return found->second;
    }
    if (tapes_.size() == recorded_peers_max) {
        tapes_.erase(order_.back());
        order_.pop_back();
    }
    order_.push_front(peer);
    Tape& fresh = tapes_[peer];
    fresh.used = order_.begin();
    return fresh;
}

std::optional<FlightRecorder::Story> FlightRecorder::add(const ike::Event& event, Instant now) {
    if (!event.remote) { return std::nullopt; }
    Tape& tape = tape_of(event.remote->address);
    if (!is_failure(event)) {
        if (tape.lines.size() == recorded_lines_max) { tape.lines.pop_front(); }
        tape.lines.push_back({now, printable(event.text, recorded_text_max)});
        return std::nullopt;
    }
    Story story{.at = now, .remote = *event.remote, .failure = explain(*event.error), .lines = {}};
    for (const Line& line : std::exchange(tape.lines, {})) {
        story.lines.push_back(line_before(line.at, line.text, now));
    }
    if (stories_.size() == stories_max) { stories_.pop_back(); }
    stories_.push_front(story);
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
