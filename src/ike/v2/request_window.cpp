#include "ike/v2/request_window.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace culvert::ike::v2 {

unsigned RequestWindow::tries() const {
    const auto* waiting = std::get_if<Waiting>(&state_);
    return waiting == nullptr ? 0 : waiting->tries;
}

void RequestWindow::send(MessageBytes message, Instant now) {
    ASSERT(idle() && !used_up());
    state_ = Waiting{
        .id = next_id().value(), .message = std::move(message), .deadline = now + wait_after(0)};
    ++next_;
}

bool RequestWindow::waits_for(MessageId id) const {
    const auto* waiting = std::get_if<Waiting>(&state_);
    return waiting != nullptr && waiting->id == id.value();
}

bool RequestWindow::answered(MessageId id) {
    if (!waits_for(id)) { return false; }  // answers an earlier request
    state_ = Idle{};
    return true;
}

RequestWindow::Due RequestWindow::tick(Instant now) {
    auto* waiting = std::get_if<Waiting>(&state_);
    if (waiting == nullptr || now < waiting->deadline) { return Wait{}; }
    if (waiting->tries >= tries_max(*waiting)) {
        state_ = Idle{};
        return GiveUp{};
    }
    ++waiting->tries;
    waiting->deadline = now + wait_after(waiting->tries);
    return Retransmit{};
}

bool RequestWindow::exhausted(Instant now) const {
    const auto* waiting = std::get_if<Waiting>(&state_);
    return waiting != nullptr && now >= waiting->deadline && waiting->tries >= tries_max(*waiting);
}

unsigned RequestWindow::tries_max(const Waiting& waiting) const {
    return std::min(waiting.tries_max.value_or(config_.tries), config_.tries);
}

void RequestWindow::begin_again(Instant now, std::optional<unsigned> tries_max) {
    auto& waiting = std::get<Waiting>(state_);
    waiting.tries = 0;
    waiting.tries_max = tries_max;
    waiting.deadline = now + wait_after(0);
}

std::optional<Instant> RequestWindow::next_deadline() const {
    const auto* waiting = std::get_if<Waiting>(&state_);
    if (waiting == nullptr) { return std::nullopt; }
    return waiting->deadline;
}

Duration RequestWindow::wait_after(unsigned tries) const {
    // An hour is beyond any use; it keeps a strange base from overflowing.
    constexpr double longest_s = 3600;
    const std::chrono::duration<double> first = config_.timeout;
    double wait_s = std::min(first.count() * std::pow(config_.base, tries), longest_s);
    if (config_.limit.count() > 0) {
        wait_s = std::min(wait_s, std::chrono::duration<double>(config_.limit).count());
    }
    const auto wait = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(wait_s));
    if (config_.jitter_percent == 0) { return wait; }
    // So that many who lost one gateway at once do not come back to it at once.
    const auto most = static_cast<std::uint64_t>(wait.count()) * config_.jitter_percent / 100;
    return wait - Duration{static_cast<Duration::rep>(random_->below(most + 1))};
}

ResponseWindow::Kind ResponseWindow::judge(MessageId id) const {
    if (id.value() == expected_) { return Kind::fresh; }
    if (expected_ > 0 && id.value() == expected_ - 1 && !last_.empty()) {
        return Kind::retransmitted;
    }
    return Kind::out_of_window;
}

void ResponseWindow::answered(MessageId id, MessageBytes response) {
    expected_ = std::uint64_t{id.value()} + 1;
    last_ = std::move(response);
    repetitions_ = 0;
}

}  // namespace culvert::ike::v2
