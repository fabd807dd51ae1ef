// Sessions that strongSwan 5.9.8 held with itself (shared/vectors/captures/strongswan), with the
// keys that it logged.

#include <gtest/gtest.h>

#include "capture_replay.hpp"
#include "ike/auth/psk.hpp"
#include "ike/eap/ms_chap_v2.hpp"
#include "ike/eap/packet.hpp"
#include "support/seeded_random.hpp"

namespace culvert::test {
namespace {

using namespace ike;
using namespace ike::wire;

struct Expected {
    std::string name;
    std::size_t ike_sas;
    std::size_t child_sas;
    std::size_t messages;
};

void PrintTo(const Expected& expected, std::ostream* out) { *out << expected.name; }

class Capture : public testing::TestWithParam<Expected> {
 protected:
    void SetUp() override {
        keys_ = load_capture_keys(GetParam().name);
        const auto messages = load_capture(GetParam().name);
        if (!keys_ || !messages) { GTEST_SKIP() << "no capture " << GetParam().name; }
        replay_ = replay(*messages, keys_->dh_secrets);
    }

    std::optional<CaptureKeys> keys_;
    Replay replay_;
};

std::string hex_of_spi(EspSpi spi) {
    Writer out;
    out.u32(spi.value());
    return to_hex(out.view());
}

std::string hex_of(const Secret& secret) { return to_hex(secret.reveal()); }

// Headers, IV and the blocks of AES before the one in which padding begins.
std::size_t same_octets_in_cbc(const ReplayedMessage& one) {
    const std::size_t headers = IkeHeader::size + 4;
    return headers + one.iv.size() + one.plaintext.size() / 16 * 16;
}

TEST_P(Capture, IsReadToItsEnd) {
    EXPECT_EQ(replay_.messages.size(), GetParam().messages);
    EXPECT_EQ(replay_.ike_sas.size(), GetParam().ike_sas);
    EXPECT_EQ(replay_.child_sas.size(), GetParam().child_sas);
}

// RFC 7296 2.14, 2.18.
TEST_P(Capture, IkeKeysAreStrongSwans) {
    const Json& logged = keys_->json["ike_sas"];
    ASSERT_EQ(replay_.ike_sas.size(), logged.size());
    for (std::size_t i = 0; i < logged.size(); ++i) {
        SCOPED_TRACE(i);
        const IkeKeys& keys = replay_.ike_sas[i].keys;
        const Json& want = logged[i];
        EXPECT_EQ(hex_of(keys.sk_d), want["sk_d"]);
        EXPECT_EQ(hex_of(keys.sk_ai), want.value("sk_ai", ""));
        EXPECT_EQ(hex_of(keys.sk_ar), want.value("sk_ar", ""));
        EXPECT_EQ(hex_of(keys.sk_ei), want["sk_ei"]);
        EXPECT_EQ(hex_of(keys.sk_er), want["sk_er"]);
        EXPECT_EQ(hex_of(keys.sk_pi), want["sk_pi"]);
        EXPECT_EQ(hex_of(keys.sk_pr), want["sk_pr"]);
    }
}

// RFC 7296 2.17.
TEST_P(Capture, ChildKeysAreStrongSwans) {
    const Json& logged = keys_->json["child_sas"];
    ASSERT_EQ(replay_.child_sas.size(), logged.size());
    int derived = 0;  // not for a rekey with a key exchange of its own: its secret was not logged
    for (std::size_t i = 0; i < logged.size(); ++i) {
        SCOPED_TRACE(i);
        const ReplayedChildSa& child = replay_.child_sas[i];
        const Json& want = logged[i];
        EXPECT_EQ(child.exchange_initiator.to_string(), want["exchange_initiator"]);
        EXPECT_EQ(hex_of_spi(child.responder_spi), want["spi_i2r"]);
        EXPECT_EQ(hex_of_spi(child.initiator_spi), want["spi_r2i"]);
        if (!child.keys) { continue; }
        ++derived;
        EXPECT_EQ(hex_of(child.keys->initiator.encryption), want["enc_i"]);
        EXPECT_EQ(hex_of(child.keys->responder.encryption), want["enc_r"]);
        EXPECT_EQ(hex_of(child.keys->initiator.integrity), want.value("integ_i", ""));
        EXPECT_EQ(hex_of(child.keys->responder.integrity), want.value("integ_r", ""));
    }
    EXPECT_GE(derived, 1);
}

TEST_P(Capture, SuitesAreTheConfiguredOnes) {
    const std::string words = keys_->json["ike_proposal"];
    const auto configured = parse_proposals(ProtocolId::ike, words);
    ASSERT_TRUE(configured) << explain(configured.error());
    for (const ReplayedIkeSa& sa : replay_.ike_sas) {
        const auto request = parse_message(replay_.messages[0].datagram);
        const auto* offer = find<SecurityAssociation>(request->payloads);
        ASSERT_NE(offer, nullptr);
        const auto chosen = choose(*configured, offer->proposals, "test", true);
        ASSERT_TRUE(chosen) << explain(chosen.error());
        EXPECT_EQ(chosen->ike, sa.suite);
    }
}

// What parses, writes back to the same octets.
TEST_P(Capture, EveryMessageWritesBackToTheSameOctets) {
    for (const ReplayedMessage& one : replay_.messages) {
        SCOPED_TRACE(describe(one.message));
        const auto closed = parse_message(one.datagram);
        ASSERT_TRUE(closed);
        if (!one.is_protected) {
            EXPECT_EQ(to_hex(write(closed->header, closed->payloads)), to_hex(one.datagram));
            continue;
        }
        EXPECT_EQ(to_hex(write_payloads(one.message.payloads)), to_hex(one.plaintext));
    }
}

// With the IV that strongSwan took, we make the same message; in CBC modes all but the padding,
// which strongSwan fills at random.
TEST_P(Capture, EverySkMessageIsSealedAlike) {
    for (const ReplayedMessage& one : replay_.messages) {
        if (!one.is_protected) { continue; }
        SCOPED_TRACE(describe(one.message));
        ScriptedRandom random{one.iv};
        crypto::IkeCipher cipher = cipher_for(*one.sa, one.message.header);
        const auto sealed = seal_message(one.message.header, one.message.payloads, cipher, random);
        ASSERT_TRUE(sealed) << explain(sealed.error());
        if (crypto::is_aead(one.sa->suite.encryption)) {
            EXPECT_EQ(to_hex(*sealed), to_hex(one.datagram));
            continue;
        }
        const std::size_t same = same_octets_in_cbc(one);
        EXPECT_EQ(sealed->size(), one.datagram.size());
        EXPECT_EQ(to_hex(ByteView{*sealed}.first(same)),
                  to_hex(ByteView{one.datagram}.first(same)));
        const auto opened = open_message(*sealed, cipher);
        ASSERT_TRUE(opened) << explain(opened.error());
        EXPECT_EQ(*opened, one.message);
    }
}

TEST_P(Capture, AnyChangedOctetIsNoticed) {
    for (const ReplayedMessage& one : replay_.messages) {
        if (!one.is_protected) { continue; }
        const crypto::IkeCipher cipher = cipher_for(*one.sa, one.message.header);
        for (std::size_t at = 0; at < one.datagram.size(); at += 7) {
            Bytes changed = one.datagram;
            changed[at] ^= 0x01U;
            const auto opened = open_message(changed, cipher);
            ASSERT_FALSE(opened) << "octet " << at;
            // RFC 7296 2.21.1, 2.21.2: what is not authenticated is worth no answer.
            EXPECT_TRUE(!opened.error().notify ||
                        opened.error().code == ErrorCode::unsupported_version);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(StrongSwan, Capture,
                         testing::Values(Expected{"ikev2-psk-x25519", 1, 1, 8},
                                         Expected{"ikev2-cert-ecp256-rekey", 2, 3, 22},
                                         Expected{"ikev2-eap-mschapv2", 1, 1, 14}),
                         [](const auto& instance) {
                             std::string name = instance.param.name;
                             for (char& c : name) {
                                 if (c == '-') { c = '_'; }
                             }
                             return name;
                         });

// RFC 7296 2.15: both AUTH payloads of the PSK session.
TEST(CapturePsk, AuthIsWhatWeCompute) {
    const auto keys = load_capture_keys("ikev2-psk-x25519");
    const auto messages = load_capture("ikev2-psk-x25519");
    if (!keys || !messages) { GTEST_SKIP() << "no capture ikev2-psk-x25519"; }
    const Replay session = replay(*messages, keys->dh_secrets);
    ASSERT_EQ(session.ike_sas.size(), 1U);
    const ReplayedIkeSa& sa = session.ike_sas.front();
    const crypto::Prf prf{sa.suite.prf};
    const Secret psk = Secret::copy_of(as_bytes(keys->json["psk"].get<std::string>()));
    const Payloads& request = session.messages.at(2).message.payloads;
    const Payloads& response = session.messages.at(3).message.payloads;
    const auto* idi = find<IdInitiator>(request);
    const auto* idr = find<IdResponder>(response);
    ASSERT_TRUE(idi != nullptr && idr != nullptr);
    EXPECT_EQ(idi->identity.to_string(), keys->json["ids"]["initiator"]);
    EXPECT_EQ(idr->identity.to_string(), keys->json["ids"]["responder"]);
    const Bytes of_initiator =
        psk_auth(prf, psk, signed_octets(prf, sa.request, sa.nr, sa.keys.sk_pi, idi->rest_of_id()));
    const Bytes of_responder = psk_auth(
        prf, psk, signed_octets(prf, sa.response, sa.ni, sa.keys.sk_pr, idr->rest_of_id()));
    EXPECT_EQ(to_hex(find<Authentication>(request)->data), to_hex(of_initiator));
    EXPECT_EQ(to_hex(find<Authentication>(response)->data), to_hex(of_responder));
    const Bytes with_wrong_psk =
        psk_auth(prf, Secret::copy_of(as_bytes("correct horse battery stable")),
                 signed_octets(prf, sa.request, sa.nr, sa.keys.sk_pi, idi->rest_of_id()));
    EXPECT_NE(to_hex(find<Authentication>(request)->data), to_hex(with_wrong_psk));
}

// The whole of EAP-MSCHAPv2 as strongSwan held it, and both AUTH payloads from its MSK (RFC 7296
// 2.16).
TEST(CaptureEap, AuthIsFromTheMskThatWeCompute) {
    const auto keys = load_capture_keys("ikev2-eap-mschapv2");
    const auto messages = load_capture("ikev2-eap-mschapv2");
    if (!keys || !messages) { GTEST_SKIP() << "no capture ikev2-eap-mschapv2"; }
    const Replay session = replay(*messages, keys->dh_secrets);
    const ReplayedIkeSa& sa = session.ike_sas.front();
    std::vector<eap::Packet> said;
    std::vector<const Authentication*> proofs;
    for (const ReplayedMessage& one : session.messages) {
        if (one.message.header.exchange != ExchangeType::ike_auth) { continue; }
        for (const auto* payload : find_all<Eap>(one.message.payloads)) {
            said.push_back(eap::Packet::parse(payload->message).value());
        }
        for (const auto* proof : find_all<Authentication>(one.message.payloads)) {
            proofs.push_back(proof);
        }
    }
    eap::Challenge authenticator{};
    eap::Challenge peer{};
    eap::NtResponse response{};
    std::string success;
    for (const eap::Packet& packet : said) {
        if (packet.type != eap::Type::mschapv2) { continue; }
        const ByteView data{packet.data};
        if (packet.code == eap::Code::request && data[0] == 1) {
            std::ranges::copy(data.subspan(5, 16), authenticator.begin());
        } else if (packet.code == eap::Code::response && data[0] == 2) {
            std::ranges::copy(data.subspan(5, 16), peer.begin());
            std::ranges::copy(data.subspan(29, 24), response.begin());
        } else if (packet.code == eap::Code::request && data[0] == 3) {
            success = as_text(data.subspan(4));
        }
    }
    const std::string user = keys->json["eap"]["user"];
    const std::string password = keys->json["eap"]["password"];
    const Secret hash = eap::nt_hash(Secret::copy_of(as_bytes(password))).value();
    EXPECT_EQ(eap::nt_response(authenticator, peer, user, hash), response);
    EXPECT_EQ(success.substr(0, 42),
              eap::authenticator_response(hash, response, peer, authenticator, user).value());

    const Secret msk = eap::mschapv2_msk(hash, response).value();
    const crypto::Prf prf{sa.suite.prf};
    const auto* idi = find<IdInitiator>(session.messages.at(2).message.payloads);
    const auto* idr = find<IdResponder>(session.messages.at(3).message.payloads);
    ASSERT_TRUE(idi != nullptr && idr != nullptr);
    ASSERT_EQ(proofs.size(), 3U);  // the certificate's, and one of each side behind EAP
    EXPECT_EQ(
        to_hex(proofs.at(1)->data),
        to_hex(psk_auth(prf, msk,
                        signed_octets(prf, sa.request, sa.nr, sa.keys.sk_pi, idi->rest_of_id()))));
    EXPECT_EQ(
        to_hex(proofs.at(2)->data),
        to_hex(psk_auth(prf, msk,
                        signed_octets(prf, sa.response, sa.ni, sa.keys.sk_pr, idr->rest_of_id()))));
}

}  // namespace
}  // namespace culvert::test
