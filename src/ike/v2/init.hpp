#pragma once
// The IKE_SA_INIT exchange (RFC 7296 1.2, 2.6, 2.7, 2.10, 2.23), both sides.

#include <variant>

#include "crypto/key_exchange.hpp"
#include "ike/v2/certificate_auth.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/v2/signature_auth.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {

// What AUTH covers of IKE_INTERMEDIATE exchanges (RFC 9242 3.3.2).
struct IntermediateChain {
    std::uint32_t count = 0;
    Bytes initiator;
    Bytes responder;

    // One more exchange, under the keys with these SK_pi and SK_pr; its messages as
    // covered_octets().
    void cover(const crypto::Prf& prf, const Secret& sk_pi, ByteView request, const Secret& sk_pr,
               ByteView response);
    // IntAuth; empty if there was none.
    Bytes int_auth() const;
};

// What IKE_AUTH needs of IKE_SA_INIT (RFC 7296 2.15); gone once the IKE SA is established.
struct InitResult {
    Bytes request;  // as they travelled
    Bytes response;
    Bytes ni;
    Bytes nr;
    Secret sk_pi;
    Secret sk_pr;
    bool peer_takes_childless = false;   // RFC 6023
    bool peer_has_rounds = false;        // RFC 4739
    SignatureHashes peer_hashes;         // RFC 7427
    AskedAuthorities peer_asks;          // CERTREQ in IKE_SA_INIT, for the initiator
    bool ppk_possible = false;           // both ends said USE_PPK (RFC 8784)
    bool intermediate_possible = false;  // both ends said so (RFC 9242)
    IntermediateChain intermediate;
    std::vector<crypto::KeMethod> kes_left;   // additional ones, not done yet
    std::optional<Identity> redirected_from;  // the gateway that sent the peer here (RFC 5685)
    // Taken from a ticket instead of a key exchange (RFC 5723): whose it is.
    std::optional<ResumableSa> resumed;
};

class InitInitiator {
 public:
    // Draws the nonce and the key of the first group of our proposals.
    // `redirected_from`: the gateway that sent us here.
    static Result<InitInitiator> begin(const SaCore& sa, std::optional<IpAddress> redirected_from,
                                       const Environment& env);

    // A ticket stands in for the key exchange, until the gateway does not take it.
    bool resumes() const { return ticket_.has_value(); }
    // The virtual addresses of the IKE SA that it resumes.
    std::vector<IpAddress> vips_before() const {
        return ticket_ ? ticket_->sa.vips : std::vector<IpAddress>{};
    }
    void forget_ticket(const SaCore& sa, const Environment& env);
    // The same request from another address or port, which NAT detection tells of.
    void leave_from(const SaCore& sa, const Environment& env) { build(sa, env); }

    // The request as it stands now: with the cookie and the group that the responder asked for.
    const Bytes& request() const { return request_; }

    struct Ignored {                 // not the answer, or one that anybody could have sent
        std::optional<Error> why{};  // of one that could have been it
    };
    struct SendAgain {};  // request() has changed
    struct Failed {
        Error error;
    };
    struct Redirected {
        Identity gateway;  // RFC 5685 3
    };
    struct Done {
        InitResult result;
    };
    using Outcome = std::variant<Ignored, SendAgain, Failed, Redirected, Done>;
    // On Done the SA has its suite, keys, peer's SPI and what is known of NATs.
    Outcome handle(const wire::Message& response, ByteView raw, SaCore& sa, const Environment& env);

 private:
    InitInitiator(crypto::KeyExchange ke, Bytes nonce)
        : ke_(std::move(ke)), nonce_(std::move(nonce)) {}

    void build(const SaCore& sa, const Environment& env);
    Outcome take_cookie(const wire::Notify& notify, const SaCore& sa, const Environment& env);
    Outcome take_redirect(const wire::Notify& notify, const SaCore& sa,
                          const Environment& env) const;
    Outcome change_group(const wire::Notify& notify, const SaCore& sa, const Environment& env);
    Outcome take_resumption(const wire::Message& response, ByteView raw, SaCore& sa,
                            const Environment& env);
    Outcome take_answer(const wire::Message& response, ByteView raw, SaCore& sa,
                        const Environment& env);

    crypto::KeyExchange ke_;
    Bytes nonce_;
    std::optional<IpAddress> redirected_from_;
    std::optional<TicketWallet::Entry> ticket_;
    Bytes cookie_;
    Bytes request_;
    unsigned cookies_ = 0;
    unsigned group_changes_ = 0;
};

// Answers a first IKE_SA_INIT request. Nothing is kept unless it is accepted; then there is a
// half-open IKE SA.
void respond_to_init(const Datagram& datagram, const Environment& env);
// The same for IKE_SESSION_RESUME (RFC 5723 4.3.2).
void respond_to_resume(const Datagram& datagram, const Environment& env);
// The peer has authenticated with this ticket: it is spent, and the IKE SA that it was given in
// ends without a word, so that its children and its addresses are free (RFC 5723 4.3.3).
void take_over_from(const ResumableSa& ticket, const SaCore& sa, const Environment& env);
// N(TICKET_REQUEST) in IKE_AUTH is answered with a ticket, or told that there is none (4.1).
void answer_ticket_request(const wire::Payloads& request, wire::Payloads& response, SaCore& sa,
                           const Environment& env);
// What comes back is kept for the next time. The IKE SA is established.
void keep_ticket(const wire::Payloads& response, SaCore& sa, const Environment& env);
// Tickets stand for what was proved when they were given: given and kept, they end when other
// proofs are asked for now, or other secrets, certificates or lists decide about them.
void end_outdated_tickets(const Config& before, EngineState& state);
// AUTH of a resumed IKE SA (4.3.3): prf(SK_px, octets).
wire::Authentication resumed_auth(const crypto::Prf& prf, const Secret& sk_p, ByteView octets);
Error ticket_used_twice(std::string_view connection);
Status verify_resumed(std::string_view connection, const wire::Authentication& auth,
                      const crypto::Prf& prf, const Secret& sk_p, ByteView octets);

// Without state: no SPI of ours, nothing remembered (RFC 7296 2.6); never more than was asked.
void answer_without_state(const Datagram& request, const wire::IkeHeader& header,
                          wire::Notify notify, const Environment& env);
// Whoever can be redirected in the answer to a first message is, and was not already (RFC 5685 3).
std::optional<wire::Notify> sent_away(const wire::Message& request, ByteView ni,
                                      const IpAddress& here, const Environment& env);
// So many IKE SAs are there that peers begin no others (charon.ikesa_limit).
bool takes_no_more(const Environment& env);
bool cookie_wanted(const Datagram& datagram, const wire::Message& request, ByteView nonce,
                   const Environment& env);

}  // namespace culvert::ike::v2
