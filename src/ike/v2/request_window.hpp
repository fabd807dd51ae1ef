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
#include "base/random.hpp"
#include "ike/connection.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

constexpr std::uint64_t message_id_max = 0xffffffff;
constexpr std::uint64_t message_ids_rekeyed_at = 0x80000000;

// One message: one datagram, or its fragments (RFC 7383).
using MessageBytes = std::vector<Bytes>;

// Our requests: at most one waits for its answer.
class RequestWindow {
 public:
    // `random` must outlive it; it is asked where there is a jitter. `first`: other than 0 in
    // tests.
    RequestWindow(const RetransmitConfig& config, Random& random, MessageId first = MessageId{0})
        : config_(config), random_(&random), next_(first.value()) {}

    bool idle() const { return std::holds_alternative<Idle>(state_); }
    // Only while there are ids left.
    MessageId next_id() const { return MessageId{static_cast<std::uint32_t>(next_)}; }
    // RFC 7296 2.2: ids never come again; before that the IKE SA has to be rekeyed, or to end.
    bool used_up() const { return next_ > message_id_max; }
    bool nearly_used_up() const { return next_ >= message_ids_rekeyed_at; }
    // The request in flight; only while not idle.
    const MessageBytes& message() const { return std::get<Waiting>(state_).message; }
    unsigned tries() const;

    // The message must carry next_id().
    void send(MessageBytes message, Instant now);
    // True, and idle again, if a response of this id is the one that is waited for.
    bool answered(MessageId id);
    bool waits_for(MessageId id) const;
    // The same message in other pieces, from now on.
    void recut(MessageBytes message) { std::get<Waiting>(state_).message = std::move(message); }
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
    Random* random_;
    std::uint64_t next_;
    std::variant<Idle, Waiting> state_;
};

// The peer's requests.
class ResponseWindow {
 public:
    enum class Kind : std::uint8_t { fresh, retransmitted, out_of_window };
    Kind judge(MessageId id) const;
    void answered(MessageId id, MessageBytes response);
    bool nearly_used_up() const { return expected_ >= message_ids_rekeyed_at; }
    const MessageBytes& last_response() const { return last_; }
    // The last request came once more. How often it has by now.
    unsigned repeated() { return ++repetitions_; }
    // The same answer in other pieces, from now on.
    void recut(MessageBytes response) { last_ = std::move(response); }

 private:
    std::uint64_t expected_ = 0;  // beyond message_id_max: no request is fresh any more
    MessageBytes last_;
    unsigned repetitions_ = 0;
};

}  // namespace culvert::ike::v2
