// The ESP packets printed in RFC 3602, RFC 4106's test draft and RFC 7634, on both crypto engines.

#include <gtest/gtest.h>

#include "crypto/packet_cipher.hpp"
#include "packet_case.hpp"

namespace culvert::crypto {
namespace {

struct Case {
    PacketCipher cipher;
    Bytes iv;
    Bytes text;
    Bytes packet;  // with our ICV where the RFC's has none
    std::size_t compared;
    std::uint32_t high = 0;
};

class EspOfRfcs : public testing::TestWithParam<PacketCipher::Backend> {
 protected:
    // RFC 3602's packets have no ICV, and encryption alone is not to be had: they get one here.
    static Case load(const test::Json& json) {
        ChildSa sa;
        sa.suite = test::suite_of(json).value();
        test::set_keys(sa, json);
        const bool bare = json["icv_len"] == 0;
        if (bare) {
            sa.suite.integrity = IntegrityAlgorithm::hmac_sha2_256_128;
            sa.outbound.integrity = Secret(32);
        }
        auto cipher =
            PacketCipher::create({.encryption = sa.suite.encryption,
                                  .key_bits = sa.suite.key_bits,
                                  .integrity = sa.suite.integrity,
                                  .esn = sa.suite.esn},
                                 sa.outbound.encryption, sa.outbound.integrity, GetParam());
        EXPECT_TRUE(cipher) << explain(cipher.error());
        Case out{.cipher = std::move(*cipher),
                 .iv = test::hex(json, "iv"),
                 .text = test::hex(json, "esp_plaintext"),
                 .packet = test::hex(json, "esp_packet"),
                 .compared = 0};
        out.compared = out.packet.size();
        if (bare) { out.packet.resize(out.packet.size() + 16); }
        const auto sequence = json["seq"].get<std::string>();
        if (sequence.size() == 16) {
            out.high = static_cast<std::uint32_t>(std::stoul(sequence.substr(0, 8), nullptr, 16));
        }
        return out;
    }
};

TEST_P(EspOfRfcs, AreSealedAndOpenedOctetForOctet) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/esp.json");
    CipherLanes lanes;
    int done = 0;
    for (const auto& json : file["cases"]) {
        SCOPED_TRACE(json["id"].get<std::string>());
        Case one = load(json);
        Bytes made(one.packet.begin(), one.packet.begin() + 8);
        append(made, one.iv);
        append(made, one.text);
        made.resize(one.packet.size());
        CipherJob job{
            .packet = made.data(), .text_size = one.text.size(), .sequence_high = one.high};
        one.cipher.seal(lanes, {&job, 1});
        EXPECT_TRUE(job.ok);
        EXPECT_EQ(to_hex(ByteView{made}.first(one.compared)),
                  to_hex(ByteView{one.packet}.first(one.compared)));
        one.cipher.open(lanes, {&job, 1});
        EXPECT_TRUE(job.ok);
        EXPECT_EQ(to_hex(ByteView{made}.subspan(8 + one.iv.size(), one.text.size())),
                  to_hex(one.text));
        ++done;
    }
    EXPECT_EQ(done, 19);
}

INSTANTIATE_TEST_SUITE_P(Engines, EspOfRfcs,
                         testing::Values(PacketCipher::Backend::automatic,
                                         PacketCipher::Backend::ipsec_mb,
                                         PacketCipher::Backend::portable),
                         [](const auto& one) {
                             switch (one.param) {
                                 case PacketCipher::Backend::automatic: return "automatic";
                                 case PacketCipher::Backend::ipsec_mb: return "ipsec_mb";
                                 case PacketCipher::Backend::portable: break;
                             }
                             return "portable";
                         });

}  // namespace
}  // namespace culvert::crypto
