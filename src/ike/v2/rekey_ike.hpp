#pragma once
// CREATE_CHILD_SA for the successor of the IKE SA itself (RFC 7296 1.3.2, 2.8, 2.8.2, 2.18,
// 2.25.2), both sides.

#include <optional>
#include <variant>

#include "crypto/key_exchange.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/follow_up.hpp"

namespace culvert::ike::v2 {

class RekeyIke {
 public:
    // `group` none: the first of the proposals.
    static Result<RekeyIke> begin(const SaCore& sa, crypto::KeMethod group, const Environment& env);

    // The next request: of CREATE_CHILD_SA, then of the IKE_FOLLOWUP_KE exchanges.
    wire::Payloads request(const SaCore& sa) const;
    bool follows_up() const { return answered_.has_value(); }
    // The peer has rekeyed the same IKE SA meanwhile; its successor is here under this SPI.
    void collided(IkeSpi made_by_peer, Bytes lowest_nonce);
    std::optional<IkeSpi> made_by_peer() const {
        return collision_ ? std::optional{collision_->made_by_peer} : std::nullopt;
    }

    struct Done {
        SaCore successor;
        // Of a collision: our successor is one too many.
        bool redundant = false;
    };
    struct OtherGroup {
        crypto::KeMethod group{};
    };
    struct Later {
        Error error;
    };
    struct Failed {
        Error error;
        bool we_refused = false;
        // It has agreed, and has handed its Child SAs over to an IKE SA that we do not have.
        bool peer_went_over = false;
    };
    struct FollowUp {};  // request() has the next one
    using Outcome = std::variant<Done, OtherGroup, Later, Failed, FollowUp>;
    Outcome handle(const wire::Payloads& response, const SaCore& sa, const Environment& env);

 private:
    RekeyIke(IkeSpi spi, crypto::KeyExchange ke, Bytes nonce, bool other_group)
        : spi_(spi), ke_(std::move(ke)), nonce_(std::move(nonce)), other_group_(other_group) {}
    Outcome refused(const wire::Notify& error, const SaCore& sa) const;
    Outcome handle_answer(const wire::Payloads& response, const SaCore& sa, const Environment& env);
    Outcome handle_follow_up(const wire::Payloads& response, const SaCore& sa,
                             const Environment& env);
    Done succeed(const Secret* further, const SaCore& sa, const Environment& env);

    IkeSpi spi_;
    crypto::KeyExchange ke_;
    Bytes nonce_;
    bool other_group_;
    struct Collision {
        IkeSpi made_by_peer{};
        Bytes lowest_nonce;
    };
    std::optional<Collision> collision_;
    // The peer has agreed.
    struct Answered {
        IkeSpi remote_spi{};
        ChosenIkeSuite suite;
        Bytes nr;
        Secret shared;
        std::optional<FollowUpInitiator> follow_up;
    };
    std::optional<Answered> answered_;
};

struct RekeyedIke {
    wire::Payloads response;
    SaCore successor;
    Bytes lowest_nonce;
};
// Agreed on, but for the additional key exchanges.
struct StartedIkeRekey {
    wire::Payloads response;
    IkeSpi local_spi{};
    IkeSpi remote_spi{};
    ChosenIkeSuite suite;
    Secret shared;
    Bytes ni;
    Bytes nr;
    FollowUpResponder follow_up;
};
struct IkeRekeyRefusal {
    Error error;
    crypto::KeMethod group = crypto::KeMethod::none;  // of INVALID_KE_PAYLOAD
};
std::variant<RekeyedIke, StartedIkeRekey, IkeRekeyRefusal> answer_rekey_ike(
    const wire::Payloads& request, const SaCore& sa, const Environment& env);
// The last of its key exchanges is done. `response` is that of the last one.
RekeyedIke finish_rekey(StartedIkeRekey& started, wire::Payloads response, const SaCore& sa,
                        const Environment& env);

}  // namespace culvert::ike::v2
