#include "plane/user/send_turns.hpp"

namespace culvert::plane {

void SendTurn::take(ChildSaId id) {
    if (turns_ == nullptr) { return; }
    line_ = &turns_->of(id);
    numbering_ = std::unique_lock{line_->numbering};
    ticket_ = line_->next++;
}

bool SendTurn::number_more(ChildSaId id) {
    if (numbers(id)) { return true; }
    if (line_ != &turns_->of(id)) { return false; }
    // Not waited for: whoever holds it may be waiting for us to send.
    std::unique_lock again{line_->numbering, std::try_to_lock};
    if (!again || line_->next != ticket_ + 1) { return false; }
    numbering_ = std::move(again);
    return true;
}

void SendTurn::wait() const {
    if (line_ == nullptr) { return; }
    for (std::uint32_t now = line_->sending.load(std::memory_order_acquire); now != ticket_;
         now = line_->sending.load(std::memory_order_acquire)) {
        line_->sending.wait(now, std::memory_order_acquire);
    }
}

void SendTurn::end() {
    if (line_ == nullptr) { return; }
    wait();
    line_->sending.store(ticket_ + 1, std::memory_order_release);
    line_->sending.notify_all();
    numbered();
    line_ = nullptr;
}

}  // namespace culvert::plane
