#pragma once
// The IKE_AUTH exchange (RFC 7296 1.2, 2.15, 2.16, 2.21.2), both sides.

#include <optional>
#include <string>
#include <variant>

#include "ike/auth/ppk.hpp"
#include "ike/v2/certificate_auth.hpp"
#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/eap_auth.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/init.hpp"

namespace culvert::ike::v2 {

class AuthInitiator {
 public:
    // Fails when there is no secret for the identities. Without `child` no SA and TS payloads are
    // sent (RFC 6023).
    static Result<AuthInitiator> begin(SaCore& sa, InitResult init,
                                       const std::optional<PacketSelectors>& packet,
                                       const ChildRef& child, const Environment& env);

    wire::Payloads request(const SaCore& sa, const Environment& env) const;
    bool has_child() const { return offer_.has_value(); }
    std::string child_name() const { return offer_ ? offer_->config->name : std::string{}; }

    struct Failed {
        Error error;
        bool tell_peer = false;  // it thinks that it is up (RFC 7296 2.21.2)
        bool we_refused = false;
    };
    struct Done {
        std::optional<ChildSaId> child;
        std::optional<Error> child_error;
        bool child_we_refused = false;
        std::optional<Identity> redirect{};  // to another gateway (RFC 5685 6), instead of a child
        EspSpi refused_spi{};  // of a Child SA that the peer has and we refuse: to be deleted
        IpsecProtocol refused_protocol = IpsecProtocol::esp;
    };
    // Nothing has changed: handle() is to be called again once these were asked.
    struct Waits {
        std::vector<RevocationSource> sources;
    };
    // Another request of the exchange is to be sent: EAP, or the next round (RFC 4739).
    struct Continues {
        wire::Payloads request;
    };
    using Outcome = std::variant<Failed, Waits, Continues, Done>;
    Outcome handle(const wire::Payloads& response, SaCore& sa, const Environment& env);
    // The exchange ends without an answer.
    void abandon(const Environment& env);

 private:
    explicit AuthInitiator(InitResult init) : init_(std::move(init)) {}
    Status prove_ourselves(const SaCore& sa, const SharedSecret* secret, const Environment& env);
    void prove_resumed(const SaCore& sa);
    Error refused_by_peer(const SaCore& sa) const;
    std::optional<Error> verify(const wire::Payloads& response, SaCore& sa,
                                std::vector<RevocationSource>& sources,
                                const Environment& env) const;
    std::optional<Error> verify_secret(const wire::Authentication& auth, ByteView octets,
                                       const Identity& remote, const SaCore& sa,
                                       const Environment& env) const;
    // The responder is who it should be, and takes us for who we are.
    Outcome finish(const wire::Payloads& response, SaCore& sa, const Environment& env);
    std::optional<Done> take_redirect(const wire::Payloads& response, SaCore& sa,
                                      const Environment& env);
    Outcome take_child(const wire::Payloads& response, SaCore& sa, const Environment& env);
    // auth_rounds.cpp
    std::size_t local_all(const SaCore& sa) const;
    std::size_t remote_all(const SaCore& sa) const;
    std::optional<Error> verify_next(const wire::Payloads& response, const SaCore& sa,
                                     std::vector<RevocationSource>& sources,
                                     const Environment& env) const;
    std::optional<Error> count_round(const wire::Payloads& response, const SaCore& sa);
    std::optional<Outcome> next_round(SaCore& sa, const Environment& env);
    // eap_auth.cpp
    void begin_eap(ConnectionRef view, const Identity& id);
    Outcome handle_eap(const wire::Payloads& response, SaCore& sa, const Environment& env);
    Outcome answer_eap(const wire::Payloads& response, SaCore& sa, const Environment& env);
    std::optional<Error> meet_responder(const wire::Payloads& response, SaCore& sa,
                                        std::vector<RevocationSource>& sources,
                                        const Environment& env) const;
    Outcome end_eap(const wire::Payloads& response, SaCore& sa, const Environment& env);
    Failed fail(Error error, const Environment& env);

    InitResult init_;
    std::size_t local_done_ = 1;  // rounds that were begun
    std::size_t remote_done_ = 0;
    std::optional<wire::IdResponder> idr_;  // of the peer's last round
    // Of the last round that was sent: who we are in it, and what proves it.
    Identity shown_id_;
    std::string secret_name_;
    std::string own_name_;  // of the certificate that we sign for
    wire::Authentication auth_;
    std::optional<PpkKeys> ppk_;  // RFC 8784: offered
    Bytes auth_without_ppk_;      // for a peer that does not have it
    std::optional<ChildOffer> offer_;
    std::optional<EapInitiator> eap_;
};

// What decides between the connections that fit by address and propose what IKE_SA_INIT chose; that
// of IKE_SA_INIT wins among equals.
struct ConnectionWish {
    const Identity* local = nullptr;  // asked for
    const Identity& remote;
    // What the peer shows; eap: nothing yet.
    AuthMethodKind shown{};
    // With eap: who that has proved to be, and by what; then nobody with several rounds fits.
    const Identity* user = nullptr;
    std::optional<eap::Type> method{};
    // Whether the peer says that it has another round (RFC 4739), where it says anything; who
    // expects the same is preferred.
    std::optional<bool> more{};
};

class AuthResponder {
 public:
    explicit AuthResponder(InitResult init) : init_(std::move(init)) {}
    InitResult& init() { return init_; }
    const Bytes& init_request() const { return init_.request; }
    const Bytes& init_response() const { return init_.response; }
    // Between its messages: the peer may give up.
    bool in_between() const { return eap_.has_value() || rounds_.has_value(); }
    bool in_eap() const { return eap_.has_value(); }
    std::optional<Error> eap_refusal() const {
        return eap_ ? eap_->server.refusal() : std::nullopt;
    }

    struct Refused {
        wire::Payloads response;
        Error error;
    };
    struct Accepted {
        wire::Payloads response;
        std::optional<ChildSaId> child;
        std::optional<Error> child_error;
        bool initial_contact = false;
        std::optional<Identity> redirect{};  // to another gateway (RFC 5685 6), instead of a child
    };
    // Nothing has changed: handle() is to be called again once these were asked.
    struct Waits {
        std::vector<RevocationSource> sources;
    };
    // The peer has to send another request of the exchange: EAP, or its next round (RFC 4739).
    struct Continues {
        wire::Payloads response;
    };
    using Outcome = std::variant<Refused, Waits, Continues, Accepted>;
    // On Accepted the SA has its connection and identities, and the child is installed.
    Outcome handle(const wire::Payloads& request, SaCore& sa, const Environment& env);

 private:
    static Refused refuse(Error error);
    Outcome first_round(const wire::Payloads& request, SaCore& sa, const Environment& env);
    Outcome further_round(const wire::Payloads& request, SaCore& sa, const Environment& env);
    Status take_round(const wire::Payloads& request, const SaCore& sa, const Environment& env);
    Status check_round(const wire::Payloads& request, const SaCore& sa) const;
    bool eap_is_next(const SaCore& sa) const;
    Status add_round(wire::Payloads& response, const SaCore& sa, const Environment& env);
    // The peer's round is done; is there more?
    Outcome go_on(wire::Payloads response, SaCore& sa, const Environment& env);
    Result<wire::IdResponder> authenticate(const wire::Payloads& request, SaCore& sa,
                                           const Environment& env);
    Result<wire::IdResponder> authenticate_resumed(const wire::Payloads& request, SaCore& sa,
                                                   const Environment& env) const;
    Result<wire::IdResponder> expect_eap(const wire::Payloads& request, SaCore& sa,
                                         const Environment& env) const;
    // May leave sources to be asked first.
    Status add_proof(const wire::Payloads& request, wire::IdResponder id, SaCore& sa,
                     wire::Payloads& response, const Environment& env);
    // The peer is who it says: all that follows AUTH. `first`, its first request, has what it
    // wants.
    Accepted finish(const wire::Payloads& first, wire::Payloads response, SaCore& sa,
                    const Environment& env) const;
    // eap_auth.cpp
    Outcome begin_eap(const wire::Payloads& request, ConnectionRef view, wire::Payloads response,
                      SaCore& sa, const Environment& env);
    Outcome handle_eap(const wire::Payloads& request, SaCore& sa, const Environment& env);
    Outcome answer_eap(eap::Server::Outcome outcome, wire::Payloads response, SaCore& sa,
                       const Environment& env);
    Outcome end_eap(const wire::Payloads& request, SaCore& sa, const Environment& env);
    std::optional<Error> choose_by_user(const eap::Server::Succeeded& done, SaCore& sa,
                                        const Environment& env) const;
    std::optional<Identity> other_gateway(const SaCore& sa, const Environment& env) const;
    void answer_child(const wire::Payloads& request, SaCore& sa, Accepted& result,
                      const Environment& env) const;

    // What the request says of a post-quantum secret (RFC 8784 3).
    struct PpkChoice {
        std::optional<PpkKeys> keys{};  // in use
        bool named = false;             // the peer names one
        const Bytes* auth = nullptr;    // what is to be verified; none: nothing can be
    };
    PpkChoice choose_ppk(const wire::Payloads& request, const wire::Authentication& auth,
                         const Connection* connection, const SaCore& sa,
                         const Environment& env) const;

    // auth_responder_check.cpp
    struct Shown {
        const wire::Payloads& request;
        const wire::Authentication& auth;
        const wire::IdInitiator& idi;
        const Identity& local;  // who we would be
    };
    // Whether it meets what the connection demands. May leave sources to be asked first.
    Status check_proof(const Shown& shown, const Connection& connection, const PpkChoice& ppk,
                       const SaCore& sa, const Environment& env);
    Bytes octets_signed(const wire::IdInitiator& idi, const PpkChoice& ppk, const SaCore& sa) const;
    // The same work with and without a secret.
    bool knows_secret(const SharedSecret* secret, const wire::IdInitiator& idi,
                      const PpkChoice& ppk, const SaCore& sa, const Environment& env) const;
    static Error nobody_for(const ConnectionWish& wish, const wire::Authentication& auth,
                            const SaCore& sa, const Environment& env);

    InitResult init_;
    std::optional<PpkKeys> ppk_;
    // Of several rounds: the first request, how many each side has done, and who we were last.
    struct Rounds {
        wire::Payloads first;
        Identity local_id;
        std::size_t local_done = 1;
        std::size_t remote_done = 0;
    };
    std::optional<Rounds> rounds_;
    std::vector<RevocationSource> sources_;  // to be asked before it can be decided
    std::optional<EapResponder> eap_;
};

// The best of them, or all: the best first.
ConnectionRef connection_for(const SaCore& sa, const ConnectionWish& wish, const Environment& env);
std::vector<ConnectionRef> connections_for(const SaCore& sa, const ConnectionWish& wish,
                                           const Environment& env);

// Our AUTH over `octets` (RFC 7296 2.15): with the secret (which must be there for psk), or signed.
// `own`: the certificate to sign for; null: the connection's key. `own_sk_p`: what NULL
// authentication takes for a secret.
Result<wire::Authentication> prove(const Connection& connection, const SharedSecret* secret,
                                   const OwnCertificate* own, const crypto::Prf& prf,
                                   ByteView octets, const SignatureHashes& peer,
                                   const Secret& own_sk_p);
// The peer's AUTH without authentication (RFC 7619 2.1), where the connection has it so.
Status verify_null(const Connection& connection, const wire::Authentication& auth,
                   const crypto::Prf& prf, const Secret& peer_sk_p, ByteView octets);
// Who proves nothing is nobody.
inline Identity nobody() { return {.type = IdType::null, .data = {}}; }
// The peer's AUTH by signature, with any of the keys that it may use, or by its certificate.
Status verify_signature(const PeerProof& proof, const Environment& env);

// N(AUTH_LIFETIME) (RFC 4478), if there is one.
void take_auth_lifetime(const wire::Payloads& payloads, SaCore& sa);

// "one IDi and AUTH each": the payloads that must stand there exactly once, the others at most
// once.
bool sane_auth_request(const wire::Payloads& payloads);

}  // namespace culvert::ike::v2
