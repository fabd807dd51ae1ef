#pragma once
// Workers that send under one SA take turns, a run of packets each: numbers leave in order, and a
// peer with a narrow replay window (RFC 4303 3.4.3: 32 packets) loses nothing. Only the taking of
// numbers and the sending are one worker's at a time; what lies between, the cipher, is not.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "ipsec_types/child_sa.hpp"

namespace culvert::plane {

class SendTurns {
 public:
    // SAs may share a line: a turn in one must be over before one in another is taken.
    struct alignas(64) Line {
        std::mutex numbering;
        std::uint32_t next = 0;                             // the turn that comes; with `numbering`
        alignas(64) std::atomic<std::uint32_t> sending{0};  // whose turn it is to send
    };
    Line& of(ChildSaId id) { return lines_[id.value() % lines_.size()]; }

 private:
    std::array<Line, 64> lines_;
};

// One worker's turn, over and over.
class SendTurn {
 public:
    // Null: there is nobody to wait for.
    explicit SendTurn(SendTurns* turns) : turns_(turns) {}
    SendTurn(const SendTurn&) = delete;
    SendTurn& operator=(const SendTurn&) = delete;
    SendTurn(SendTurn&&) = delete;
    SendTurn& operator=(SendTurn&&) = delete;
    ~SendTurn() { end(); }

    // Waits until numbers of this SA may be taken. None may be had already.
    void take(ChildSaId id);
    // Numbers may be taken: of this SA, by this worker, and by no other.
    bool numbers(ChildSaId id) const {
        return turns_ == nullptr || (numbering_.owns_lock() && line_ == &turns_->of(id));
    }
    // All are taken that will be needed: the next worker may take his.
    void numbered() {
        if (numbering_.owns_lock()) { numbering_.unlock(); }
    }
    // Takes more under this turn. False: others have come, and it must end first.
    bool number_more(ChildSaId id);
    // Waits until all who took their numbers before have sent.
    void wait() const;
    void end();

 private:
    SendTurns* turns_;
    SendTurns::Line* line_ = nullptr;
    std::uint32_t ticket_ = 0;
    std::unique_lock<std::mutex> numbering_;
};

}  // namespace culvert::plane
