#pragma once
// Message ids of both directions, window size 1 (RFC 7296 2.1 to 2.3): our request in flight with
// its retransmissions, and the answer to the peer's last request, kept bit for bit.

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "ike/connection.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

// One message: one datagram, or its fragments (RFC 7383).
using MessageBytes = std::vector<Bytes>;

// Our requests: at most one waits for its answer.
class RequestWindow {
 public:
    explicit RequestWindow(const RetransmitConfig& config) : config_(config) {}

    bool idle() const { return std::holds_alternative<Idle>(state_); }
    MessageId next_id() const { return MessageId{next_}; }
    // The request in flight; only while not idle.
    const MessageBytes& message() const { return std::get<Waiting>(state_).message; }
    unsigned tries() const;

    // The message must carry next_id().
    void send(MessageBytes message, Instant now);
    // True, and idle again, if a response of this id is the one that is waited for.
    bool answered(MessageId id);
    bool waits_for(MessageId id) const;
    void abandon() { state_ = Idle{}; }
    // The next tick() gives up.
    bool exhausted(Instant now) const;
    // The same message with all its retransmissions once more, on another path (RFC 4555 3.5).
    // `tries_max`: with at most so many.
    void begin_again(Instant now, std::optional<unsigned> tries_max = std::nullopt);
    // IKE_SA_INIT repeated with a cookie or another group keeps the id 0 (RFC 7296 2.6, 2.7).
    void restart_ids() {
        state_ = Idle{};
        next_ = 0;
    }

    struct Retransmit {};
    struct GiveUp {};
    struct Wait {};
    using Due = std::variant<Wait, Retransmit, GiveUp>;
    Due tick(Instant now);
    std::optional<Instant> next_deadline() const;

 private:
    struct Idle {};
    struct Waiting {
        std::uint32_t id = 0;
        MessageBytes message;
        unsigned tries = 0;                   // retransmissions so far
        std::optional<unsigned> tries_max{};  // else as configured
        Instant deadline;
    };
    unsigned tries_max(const Waiting& waiting) const;
    Duration wait_after(unsigned tries) const;

    RetransmitConfig config_;
    std::uint32_t next_ = 0;
    std::variant<Idle, Waiting> state_;
};

// The peer's requests.
class ResponseWindow {
 public:
    enum class Kind : std::uint8_t { fresh, retransmitted, out_of_window };
    Kind judge(MessageId id) const;
    void answered(MessageId id, MessageBytes response);
    MessageId expected() const { return MessageId{expected_}; }
    const MessageBytes& last_response() const { return last_; }

 private:
    std::uint32_t expected_ = 0;
    MessageBytes last_;
};

}  // namespace culvert::ike::v2
