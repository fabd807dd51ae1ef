#pragma once
// A peer made by hand at 192.0.2.66 that says what it is told to, right or wrong: as the one who
// begins, or as the one whom the victim calls.

#include <optional>
#include <utility>
#include <vector>

#include "abuse/hand_sa.hpp"
#include "base/writer.hpp"
#include "crypto/key_exchange.hpp"
#include "ike/auth/key_material.hpp"
#include "ike/auth/psk.hpp"
#include "ike/v2/intermediate.hpp"
#include "ike/v2/limits.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {

inline constexpr std::string_view eve_proposals =
    "aes256gcm16-prfsha384-x25519, aes256gcm16-prfsha384-modp2048, "
    "aes256gcm16-prfsha384-ecp256, aes256gcm16-prfsha384-x448";

class HandPeer : public HandSa {
 public:
    HandPeer(Side& victim, const Instant& now, std::uint64_t seed = 66)
        : HandSa(victim, now, seed) {
        use(crypto::KeMethod::curve25519);
        nonce = random_.bytes(32);
    }

    Identity id = identity("g66.example");
    Bytes secret = to_bytes(as_bytes("only for the tests"));
    Proposals proposals = parse_proposals(ProtocolId::ike, eve_proposals).value();
    Bytes nonce;

    // Its own private value; the public one goes into init_payloads().
    void use(crypto::KeMethod method) {
        ke_.emplace(crypto::KeyExchange::create(method, random_).value());
        ke_value = ke_->public_value();
    }
    Bytes ke_value;

    // ---- IKE_SA_INIT

    wire::IkeHeader init_header() const {
        return {.initiator_spi = spi_,
                .exchange = ExchangeType::ike_sa_init,
                .flags = {.initiator = true}};
    }
    wire::Payloads init_payloads() const {
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = proposals});
        payloads.emplace_back(wire::KeyExchange{.method = ke_->method(), .data = ke_value});
        payloads.emplace_back(wire::Nonce{.data = nonce});
        return payloads;
    }
    Bytes init_request() const { return wire::write(init_header(), init_payloads()); }
    std::vector<Bytes> say_init(const wire::Payloads& payloads) {
        request_ = wire::write(init_header(), payloads);
        return send(request_);
    }
    // The payloads of the one answer; nothing if there was none.
    std::optional<wire::Payloads> try_init(const wire::Payloads& payloads) {
        const auto answers = say_init(payloads);
        if (answers.empty()) { return std::nullopt; }
        EXPECT_EQ(answers.size(), 1U);
        return wire::parse_message(answers.front()).value().payloads;
    }
    // A whole IKE_SA_INIT.
    bool init() {
        const auto answers = say_init(init_payloads());
        return answers.size() == 1 && take_init_answer(answers.front());
    }
    bool take_init_answer(const Bytes& bytes) {
        const auto message = wire::parse_message(bytes);
        if (!message) { return false; }
        const auto* sa = wire::find<wire::SecurityAssociation>(message->payloads);
        const auto* ke = wire::find<wire::KeyExchange>(message->payloads);
        const auto* nr = wire::find<wire::Nonce>(message->payloads);
        if (sa == nullptr || ke == nullptr || nr == nullptr) { return false; }
        const auto chosen = check_answer(proposals, sa->proposals, true);
        const auto shared = ke_->derive(ke->data);
        if (!chosen || !shared) { return false; }
        suite_ = chosen->ike;
        rounds_ = {};
        peer_ke_value = ke->data;
        peer_nonce = nr->data;
        responder_spi_ = message->header.responder_spi;
        keys_ = derive_ike_keys(
            suite_, *shared,
            {.ni = nonce, .nr = nr->data, .initiator_spi = spi_, .responder_spi = responder_spi_});
        began_ = true;
        use_keys();
        next_id = 1;
        return true;
    }
    Bytes peer_ke_value;
    Bytes peer_nonce;

    // The victim began: its IKE_SA_INIT request is agreed to. What it says next.
    std::vector<Bytes> answer_init(const Bytes& request, const wire::Payloads& more = {}) {
        return send(init_answer(request, more));
    }
    std::vector<Bytes> refuse_init(const Bytes& request, wire::Notify notify) {
        wire::IkeHeader header = wire::parse_header(request).value();
        header.flags = {.response = true};
        return send(wire::write(header, {std::move(notify)}));
    }
    Bytes init_answer(const Bytes& request, const wire::Payloads& more = {}) {
        const auto message = wire::parse_message(request).value();
        const auto* ke = wire::find<wire::KeyExchange>(message.payloads);
        const auto chosen =
            choose(proposals, wire::find<wire::SecurityAssociation>(message.payloads)->proposals,
                   "eve", true)
                .value();
        use(chosen.ke);
        suite_ = chosen.ike;
        rounds_ = {};
        peer_nonce = wire::find<wire::Nonce>(message.payloads)->data;
        spi_ = message.header.initiator_spi;
        responder_spi_ = IkeSpi{random_.u64()};
        began_ = false;
        next_id = 0;
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = {chosen.proposal}});
        payloads.emplace_back(wire::KeyExchange{.method = ke_->method(), .data = ke_value});
        payloads.emplace_back(wire::Nonce{.data = nonce});
        payloads.insert(payloads.end(), more.begin(), more.end());
        request_ = wire::write({.initiator_spi = spi_,
                                .responder_spi = responder_spi_,
                                .exchange = ExchangeType::ike_sa_init,
                                .flags = {.response = true}},
                               payloads);
        keys_ = derive_ike_keys(suite_, ke_->derive(ke->data).value(),
                                {.ni = peer_nonce,
                                 .nr = nonce,
                                 .initiator_spi = spi_,
                                 .responder_spi = responder_spi_});
        use_keys();
        return request_;
    }

    // ---- IKE_INTERMEDIATE

    // One more key exchange before IKE_AUTH (RFC 9242): what comes next is under other keys.
    Bytes intermediate_request(const crypto::KeyExchange& ke) {
        return sealed(header(ExchangeType::ike_intermediate), intermediate_payloads(ke));
    }
    std::optional<wire::Payloads> intermediate(const crypto::KeyExchange& ke) {
        const wire::Payloads payloads = intermediate_payloads(ke);
        const Bytes covered =
            wire::covered_octets(header(ExchangeType::ike_intermediate), wire::first_type(payloads),
                                 wire::write_payloads(payloads));
        const auto answers = send(intermediate_request(ke));
        if (answers.size() != 1) { return std::nullopt; }
        ++next_id;
        auto message = wire::open_message(answers.front(), *in_);
        if (!message) { return std::nullopt; }
        const auto* theirs = wire::find<wire::KeyExchange>(message->payloads);
        const auto shared =
            theirs == nullptr ? Result<Secret>{std::unexpected(Error{})} : ke.derive(theirs->data);
        if (shared) {
            rounds_.cover(crypto::Prf{suite_.prf}, keys_.sk_pi, covered, keys_.sk_pr,
                          message->covered);
            keys_ = derive_rekeyed_ike_keys(suite_, suite_.prf, keys_.sk_d, *shared,
                                            {.ni = nonce,
                                             .nr = peer_nonce,
                                             .initiator_spi = spi_,
                                             .responder_spi = responder_spi_});
            use_keys();
        }
        return std::move(message->payloads);
    }

    // ---- IKE_AUTH

    // What AUTH of this peer covers (RFC 7296 2.15).
    Bytes octets_to_sign() const {
        const wire::IdInitiator own{.identity = id};  // the same octets as an IDr
        return signed_octets(crypto::Prf{suite_.prf}, request_, peer_nonce,
                             began_ ? keys_.sk_pi : keys_.sk_pr, own.rest_of_id(),
                             rounds_.int_auth());
    }
    wire::Authentication auth() const {
        return {
            .method = wire::AuthMethod::shared_key,
            .data = psk_auth(crypto::Prf{suite_.prf}, Secret::copy_of(secret), octets_to_sign())};
    }
    // The victim asks for a Child SA and gets all of it.
    wire::Payloads child_answer(const wire::Payloads& request, std::uint32_t spi) {
        auto chosen = choose(wire::find<wire::SecurityAssociation>(request)->proposals,
                             wire::find<wire::SecurityAssociation>(request)->proposals, "eve",
                             wire::find<wire::KeyExchange>(request) != nullptr)
                          .value();
        Writer octets;
        octets.u32(spi);
        chosen.proposal.spi = octets.take();
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = {chosen.proposal}});
        if (wire::find<wire::Nonce>(request) != nullptr) {
            payloads.emplace_back(wire::Nonce{.data = random_.bytes(32)});
        }
        if (const auto* ke = wire::find<wire::KeyExchange>(request)) {
            const auto own = crypto::KeyExchange::create(ke->method, random_).value();
            payloads.emplace_back(
                wire::KeyExchange{.method = own.method(), .data = own.public_value()});
        }
        payloads.emplace_back(*wire::find<wire::TsInitiator>(request));
        payloads.emplace_back(*wire::find<wire::TsResponder>(request));
        return payloads;
    }
    // All that IKE_AUTH of the victim asks for: identity, proof, a Child SA.
    wire::Payloads auth_answer(const wire::Payloads& request) {
        wire::Payloads payloads = child_answer(request, 0xc0660001);
        payloads.insert(payloads.begin(), {wire::IdResponder{.identity = id}, auth()});
        return payloads;
    }
    wire::Payloads child_payloads(std::uint32_t spi) const {
        Proposals esp = parse_proposals(ProtocolId::esp, "aes256gcm16").value();
        Writer octets;
        octets.u32(spi);
        esp.front().number = 1;
        esp.front().spi = octets.take();
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = esp});
        payloads.emplace_back(wire::TsInitiator{.selectors = {selector("10.66.0.0/24").selector}});
        payloads.emplace_back(wire::TsResponder{.selectors = {selector("10.2.0.0/24").selector}});
        return payloads;
    }
    wire::Payloads auth_payloads() const {
        wire::Payloads payloads;
        payloads.emplace_back(wire::IdInitiator{.identity = id});
        payloads.emplace_back(auth());
        for (const wire::Payload& payload : child_payloads(0xc0660001)) {
            payloads.push_back(payload);
        }
        return payloads;
    }
    wire::Payloads create_child_payloads(std::uint32_t spi) {
        wire::Payloads payloads = child_payloads(spi);
        payloads.insert(payloads.begin() + 1, wire::Nonce{.data = random_.bytes(32)});
        return payloads;
    }
    // With perfect forward secrecy.
    wire::Payloads create_child_payloads(std::uint32_t spi, const crypto::KeyExchange& ke) {
        wire::Payloads payloads = create_child_payloads(spi);
        auto& offer = std::get<wire::SecurityAssociation>(payloads.front()).proposals.front();
        offer.transforms.push_back(
            {.type = TransformType::ke, .id = std::to_underlying(ke.method())});
        payloads.insert(payloads.begin() + 2,
                        wire::KeyExchange{.method = ke.method(), .data = ke.public_value()});
        return payloads;
    }
    // Asks for an IKE SA in place of this one, and goes on in that. What was answered.
    // go_back(): as if it had not.
    std::optional<wire::Payloads> rekey_ike() {
        const auto ke = crypto::KeyExchange::create(suite_.ke, random_).value();
        const IkeSpi fresh{random_.u64()};
        const Bytes ni = random_.bytes(32);
        Writer spi;
        spi.u64(fresh.value());
        const Bytes spi_octets = spi.take();
        Proposals offer = proposals;
        std::uint8_t number = 0;
        for (Proposal& one : offer) {
            one.number = ++number;
            one.spi = spi_octets;
        }
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = std::move(offer)});
        payloads.emplace_back(wire::Nonce{.data = ni});
        payloads.emplace_back(wire::KeyExchange{.method = ke.method(), .data = ke.public_value()});
        auto answer = ask(ExchangeType::create_child_sa, payloads);
        const auto* sa = answer ? wire::find<wire::SecurityAssociation>(*answer) : nullptr;
        if (sa == nullptr) { return answer; }
        const auto shared = ke.derive(wire::find<wire::KeyExchange>(*answer)->data);
        Reader theirs{sa->proposals.front().spi};
        leave();
        responder_spi_ = IkeSpi{theirs.u64()};
        keys_ = derive_rekeyed_ike_keys(suite_, suite_.prf, keys_.sk_d, *shared,
                                        {.ni = ni,
                                         .nr = wire::find<wire::Nonce>(*answer)->data,
                                         .initiator_spi = fresh,
                                         .responder_spi = responder_spi_});
        spi_ = fresh;
        began_ = true;
        use_keys();
        next_id = 0;
        return answer;
    }
    // The victim wants an IKE SA in place of this one, and gets it. What it says next, in the old
    // one; this peer goes on in the new one.
    std::vector<Bytes> answer_rekey_ike(const Bytes& request) {
        const auto asked = open(request).value();
        const auto* ni = wire::find<wire::Nonce>(asked);
        const auto* theirs = wire::find<wire::KeyExchange>(asked);
        auto chosen =
            choose(proposals, wire::find<wire::SecurityAssociation>(asked)->proposals, "eve", true)
                .value();
        const auto ke = crypto::KeyExchange::create(theirs->method, random_).value();
        const Bytes nr = random_.bytes(32);
        const IkeSpi fresh{random_.u64()};
        Reader spi{chosen.proposal.spi};
        const IkeSpi of_victim{spi.u64()};
        Writer own;
        own.u64(fresh.value());
        chosen.proposal.spi = own.take();
        wire::Payloads payloads;
        payloads.emplace_back(wire::SecurityAssociation{.proposals = {chosen.proposal}});
        payloads.emplace_back(wire::Nonce{.data = nr});
        payloads.emplace_back(wire::KeyExchange{.method = ke.method(), .data = ke.public_value()});
        auto said = answer(request, payloads);
        leave();
        suite_ = chosen.ike;
        keys_ = derive_rekeyed_ike_keys(
            suite_, suite_.prf, keys_.sk_d, ke.derive(theirs->data).value(),
            {.ni = ni->data, .nr = nr, .initiator_spi = of_victim, .responder_spi = fresh});
        spi_ = of_victim;
        responder_spi_ = fresh;
        began_ = false;
        use_keys();
        next_id = 0;
        return said;
    }
    bool up() {
        if (!init()) { return false; }
        const auto answer = ask(ExchangeType::ike_auth, auth_payloads());
        return answer && wire::find<wire::Authentication>(*answer) != nullptr &&
               wire::find<wire::SecurityAssociation>(*answer) != nullptr;
    }

    // An empty INFORMATIONAL is answered: the IKE SA lives.
    bool alive() { return ask(ExchangeType::informational, {}).has_value(); }

    void begin_again() {
        spi_ = IkeSpi{random_.u64()};
        next_id = 0;
    }
    // Another message is taken for the first one when AUTH is made.
    void claim_first_message(Bytes request) { request_ = std::move(request); }
    const Bytes& first_message() const { return request_; }

 private:
    static wire::Payloads intermediate_payloads(const crypto::KeyExchange& ke) {
        wire::Payloads payloads;
        payloads.emplace_back(wire::KeyExchange{.method = ke.method(), .data = ke.public_value()});
        return payloads;
    }
    std::optional<crypto::KeyExchange> ke_;
    IntermediateChain rounds_;
    Bytes request_;
};

}  // namespace culvert::ike::v2
