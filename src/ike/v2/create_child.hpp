#pragma once
// CREATE_CHILD_SA for a Child SA, a further one or the successor of one (RFC 7296 1.3.1, 1.3.3,
// 2.8, 2.17, 2.25.1), both sides.

#include <optional>
#include <variant>
#include <vector>

#include "crypto/key_exchange.hpp"
#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/follow_up.hpp"

namespace culvert::ike::v2 {

// The lower of an exchange's two nonces decides a collision (RFC 7296 2.8.1).
Bytes lower_nonce(ByteView ni, ByteView nr);

class CreateChild {
 public:
    struct Wanted {
        ChildRef child;
        std::optional<PacketSelectors> packet{};
        std::optional<ChildSaId> rekeyed{};  // one of the SA's children
        bool further = false;                // beside one of the same kind that stands (RFC 9611)
        crypto::KeMethod group = crypto::KeMethod::none;  // none: the first of the proposals
    };
    static Result<CreateChild> begin(SaCore& sa, Wanted wanted, const Environment& env);

    // The next request: of CREATE_CHILD_SA, then of the IKE_FOLLOWUP_KE exchanges.
    wire::Payloads request(SaCore& sa) const;
    bool follows_up() const { return answered_.has_value(); }
    const std::string& child_name() const { return wanted_.child->name; }
    const ChildRef& child() const { return wanted_.child; }
    std::optional<ChildSaId> rekeyed() const { return wanted_.rekeyed; }
    bool further() const { return wanted_.further; }
    // The peer has rekeyed the same Child SA meanwhile.
    void collided(ChildSaId made_by_peer, Bytes lowest_nonce);

    struct Done {
        ChildSaId fresh{};
        // Of the old one and the one too many, what is ours to delete.
        std::optional<ChildSaId> to_delete;
    };
    struct OtherGroup {  // INVALID_KE_PAYLOAD: once more, with this group
        Wanted wanted;
    };
    struct Later {  // TEMPORARY_FAILURE
        Error error;
    };
    struct Failed {
        Error error;
        bool we_refused = false;
        std::optional<EspSpi> refused_spi{};  // the peer has a Child SA that we do not want
        IpsecProtocol refused_protocol = IpsecProtocol::esp;
    };
    struct FollowUp {};  // request() has the next one
    using Outcome = std::variant<Done, OtherGroup, Later, Failed, FollowUp>;
    Outcome handle(const wire::Payloads& response, SaCore& sa, const Environment& env);
    // In a collision: the peer's replacement for the Child SA that this rekeys.
    std::optional<ChildSaId> made_by_peer() const {
        return collision_ ? std::optional{collision_->made_by_peer} : std::nullopt;
    }
    // The exchange ends without an answer, or with a refusal.
    void abandon(SaCore& sa, const Environment& env);

 private:
    CreateChild(Wanted wanted, ChildOffer offer, Bytes nonce)
        : wanted_(std::move(wanted)), offer_(std::move(offer)), nonce_(std::move(nonce)) {}
    Outcome refused(const wire::Notify& error, SaCore& sa, const Environment& env);
    Outcome fail(Error error, std::optional<EspSpi> spi, SaCore& sa, const Environment& env);
    Outcome handle_answer(const wire::Payloads& response, SaCore& sa, const Environment& env);
    Outcome handle_follow_up(const wire::Payloads& response, SaCore& sa, const Environment& env);
    Outcome install(const Secret* further, SaCore& sa, const Environment& env);
    Done settle(ChildSaId fresh, ByteView peer_nonce, SaCore& sa, const Environment& env) const;

    Wanted wanted_;
    ChildOffer offer_;
    Bytes nonce_;
    std::optional<crypto::KeyExchange> ke_;
    struct Collision {
        ChildSaId made_by_peer{};
        Bytes lowest_nonce;
    };
    std::optional<Collision> collision_;
    // The peer has agreed.
    struct Answered {
        AgreedChild agreed;
        Bytes nr;
        std::optional<Secret> shared;
        std::optional<FollowUpInitiator> follow_up;
    };
    std::optional<Answered> answered_;
};

// The responder's side.
struct CreatedChild {
    wire::Payloads response;
    ChildSaId fresh{};
    std::optional<ChildSaId> rekeyed{};
    Bytes lowest_nonce;
};
// Agreed on, but for the additional key exchanges: of response and child the first is there.
struct StartedChild {
    wire::Payloads response;
    AgreedChild agreed;
    std::optional<Secret> shared;
    Bytes ni;
    Bytes nr;
    std::optional<ChildSaId> rekeyed{};
    FollowUpResponder follow_up;
};
// `rekeyed`: what N(REKEY_SA) named. Fails with what goes into the notify; of INVALID_KE_PAYLOAD
// the group is in `group`.
struct ChildRefusal {
    Error error;
    crypto::KeMethod group = crypto::KeMethod::none;
};
std::variant<CreatedChild, StartedChild, ChildRefusal> answer_create_child(
    const wire::Payloads& request, SaCore& sa, Child* rekeyed, const Environment& env);
// The last of its key exchanges is done. `response` is that of the last one.
CreatedChild finish_child(StartedChild& started, wire::Payloads response, SaCore& sa,
                          const Environment& env);

// "SA, Ni, TSi, TSr once, KE at most once".
bool sane_create_child(const wire::Payloads& payloads);

}  // namespace culvert::ike::v2
