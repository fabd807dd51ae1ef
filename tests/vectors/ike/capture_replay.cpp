#include "capture_replay.hpp"

#include <utility>

#include "base/error.hpp"

namespace culvert::test {
namespace {

using namespace ike;
using namespace ike::wire;

IkeSpi spi_of(const Proposal& proposal) {
    Reader in{proposal.spi};
    return IkeSpi{in.u64()};
}

EspSpi esp_spi_of(const Proposal& proposal) {
    Reader in{proposal.spi};
    return EspSpi{in.u32()};
}

// A request and its response, opened.
struct Exchange {
    const ReplayedMessage& request;
    const ReplayedMessage& response;

    template <class T>
    const T& asked() const {
        return *find<T>(request.message.payloads);
    }
    template <class T>
    const T& answered() const {
        return *find<T>(response.message.payloads);
    }
    bool complete() const {
        return find<SecurityAssociation>(request.message.payloads) != nullptr &&
               find<SecurityAssociation>(response.message.payloads) != nullptr;
    }
};

class Walker {
 public:
    explicit Walker(const std::vector<Bytes>& dh_secrets) : dh_secrets_(dh_secrets) {}

    void step(const CapturedIke& captured) {
        auto closed = parse_message(captured.message);
        ASSERT_TRUE(closed) << explain(closed.error());
        ReplayedMessage one{.datagram = captured.message, .message = *closed};
        if (is_protected(*closed)) { open(one); }
        if (testing::Test::HasFatalFailure()) { return; }
        out_.messages.push_back(std::move(one));
        if (closed->header.flags.response) { finish_exchange(captured.destination.address); }
    }

    Replay take() { return std::move(out_); }

 private:
    void open(ReplayedMessage& one) {
        const IkeHeader& header = one.message.header;
        for (const ReplayedIkeSa& sa : out_.ike_sas) {
            if (sa.initiator_spi == header.initiator_spi) { one.sa = &sa; }
        }
        ASSERT_NE(one.sa, nullptr) << "a message of an SA that was not seen made";
        ASSERT_EQ(one.sa->responder_spi, header.responder_spi);
        const crypto::IkeCipher cipher = cipher_for(*one.sa, header);
        const Encrypted& sk = std::get<Encrypted>(one.message.payloads.back());
        one.is_protected = true;
        one.iv = to_bytes(ByteView{sk.body}.first(cipher.iv_size()));
        const ByteView headers = ByteView{one.datagram}.first(one.datagram.size() - sk.body.size());
        auto plaintext = cipher.open(headers, sk.body);
        ASSERT_TRUE(plaintext) << explain(plaintext.error());
        one.plaintext = std::move(*plaintext);
        auto opened = open_message(one.datagram, cipher);
        ASSERT_TRUE(opened) << explain(opened.error());
        one.message = std::move(*opened);
    }

    // The response is the last message; its request has the same id and exchange.
    void finish_exchange(const IpAddress& initiator) {
        const ReplayedMessage& response = out_.messages.back();
        for (std::size_t i = out_.messages.size() - 1; i-- > 0;) {
            const ReplayedMessage& request = out_.messages[i];
            const IkeHeader& a = request.message.header;
            const IkeHeader& b = response.message.header;
            const bool pair = a.message_id == b.message_id && a.exchange == b.exchange &&
                              a.initiator_spi == b.initiator_spi && !a.flags.response &&
                              a.flags.initiator != b.flags.initiator;
            if (!pair) { continue; }
            made({request, response}, initiator);
            return;
        }
        ADD_FAILURE() << "a response without request";
    }

    void made(const Exchange& exchange, const IpAddress& initiator) {
        const IkeHeader& header = exchange.response.message.header;
        if (header.exchange == ExchangeType::ike_sa_init) {
            if (exchange.complete()) { ike_sa_made(exchange, nullptr); }
            return;
        }
        if (header.exchange == ExchangeType::ike_auth) {
            auth_done(exchange, initiator);
            return;
        }
        if (header.exchange != ExchangeType::create_child_sa || !exchange.complete()) { return; }
        const auto& answer = exchange.answered<SecurityAssociation>();
        if (answer.proposals.front().protocol == ProtocolId::ike) {
            ike_sa_made(exchange, exchange.response.sa);
        } else {
            child_made(exchange, exchange.asked<SecurityAssociation>(), initiator,
                       exchange.asked<Nonce>().data, exchange.answered<Nonce>().data, true);
        }
    }

    void ike_sa_made(const Exchange& exchange, const ReplayedIkeSa* old) {
        const auto& offer = exchange.asked<SecurityAssociation>().proposals;
        const auto& answer = exchange.answered<SecurityAssociation>().proposals;
        const auto chosen = check_answer(offer, answer, true);
        ASSERT_TRUE(chosen) << explain(chosen.error());
        ASSERT_LT(out_.ike_sas.size(), dh_secrets_.size());
        const Secret shared = Secret::copy_of(dh_secrets_[out_.ike_sas.size()]);
        ReplayedIkeSa sa{.suite = chosen->ike,
                         .initiator_spi = exchange.response.message.header.initiator_spi,
                         .responder_spi = exchange.response.message.header.responder_spi,
                         .ni = exchange.asked<Nonce>().data,
                         .nr = exchange.answered<Nonce>().data,
                         .request = exchange.request.datagram,
                         .response = exchange.response.datagram};
        if (old != nullptr) {
            sa.initiator_spi = spi_of(offer.front());
            sa.responder_spi = spi_of(answer.front());
        }
        const IkeKeyInput input{sa.ni, sa.nr, sa.initiator_spi, sa.responder_spi};
        sa.keys = old == nullptr ? derive_ike_keys(sa.suite, shared, input)
                                 : derive_rekeyed_ike_keys(sa.suite, old->suite.prf, old->keys.sk_d,
                                                           shared, input);
        out_.ike_sas.push_back(std::move(sa));
    }

    // With EAP the offer stands in the first IKE_AUTH request, the answer in the last response.
    void auth_done(const Exchange& exchange, const IpAddress& initiator) {
        if (const auto* offer = find<SecurityAssociation>(exchange.request.message.payloads)) {
            auth_offer_ = *offer;
        }
        if (find<SecurityAssociation>(exchange.response.message.payloads) == nullptr) { return; }
        ASSERT_TRUE(auth_offer_);
        const ReplayedIkeSa& sa = *exchange.response.sa;
        child_made(exchange, *auth_offer_, initiator, sa.ni, sa.nr, false);
    }

    void child_made(const Exchange& exchange, const SecurityAssociation& offer,
                    const IpAddress& initiator, ByteView ni, ByteView nr, bool with_ke) {
        const auto& answer = exchange.answered<SecurityAssociation>().proposals;
        const auto chosen = check_answer(offer.proposals, answer, with_ke);
        ASSERT_TRUE(chosen) << explain(chosen.error());
        const ReplayedIkeSa& sa = *exchange.response.sa;
        ReplayedChildSa child{.suite = chosen->ipsec,
                              .initiator_spi = esp_spi_of(offer.proposals.front()),
                              .responder_spi = esp_spi_of(answer.front()),
                              .exchange_initiator = initiator};
        if (chosen->ke == crypto::KeMethod::none) {
            child.keys =
                derive_child_keys(child.suite, sa.suite.prf, sa.keys.sk_d, nullptr, ni, nr);
        }
        out_.child_sas.push_back(std::move(child));
    }

    const std::vector<Bytes>& dh_secrets_;
    Replay out_;
    std::optional<SecurityAssociation> auth_offer_;
};

}  // namespace

crypto::IkeCipher cipher_for(const ReplayedIkeSa& sa, const IkeHeader& header) {
    return header.flags.initiator ? initiator_cipher(sa.suite, sa.keys)
                                  : responder_cipher(sa.suite, sa.keys);
}

Replay replay(const std::vector<CapturedIke>& messages, const std::vector<Bytes>& dh_secrets) {
    Walker walker{dh_secrets};
    for (const CapturedIke& captured : messages) {
        walker.step(captured);
        if (testing::Test::HasFatalFailure()) { break; }
    }
    return walker.take();
}

std::optional<CaptureKeys> load_capture_keys(const std::string& name) {
    auto json = load_shared_json("vectors/captures/strongswan/" + name + ".keys.json");
    if (!json) { return {}; }
    CaptureKeys keys{.json = std::move(*json)};
    for (const Json& sa : keys.json["ike_sas"]) { keys.dh_secrets.push_back(hex(sa, "dh_shared")); }
    return keys;
}

std::optional<std::vector<CapturedIke>> load_capture(const std::string& name) {
    return load_ike_messages("vectors/captures/strongswan/" + name + ".pcap");
}

}  // namespace culvert::test
