// Worked examples of the RFCs and of NIST's validation programme.

#include <gtest/gtest.h>

#include "ike/auth/key_material.hpp"
#include "ike/wire/message.hpp"
#include "support/seeded_random.hpp"
#include "support/vectors.hpp"

namespace culvert::test {
namespace {

using namespace ike;
using namespace ike::wire;

// RFC 7634 Appendix B: an INFORMATIONAL message with N(SET_WINDOW_SIZE), to the last octet.
TEST(RfcIkev2, Rfc7634AppendixBIsMadeAndOpened) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/ikev2-sk.json");
    const Json& vector = file["cases"][0];
    Bytes key = hex(vector, "key");
    append(key, hex(vector, "salt"));
    const auto cipher = [&key] {
        return crypto::IkeCipher{crypto::EncryptionAlgorithm::chacha20_poly1305, 0,
                                 crypto::IntegrityAlgorithm::none, Secret::copy_of(key), Secret{}};
    };
    const Bytes datagram = hex(vector, "message");
    const auto opened = open_message(datagram, cipher());
    ASSERT_TRUE(opened) << explain(opened.error());
    EXPECT_EQ(describe(*opened), "INFORMATIONAL request 9 [ N(SET_WINSIZE) ]");
    EXPECT_EQ(opened->header.initiator_spi, IkeSpi{0xc0c1c2c3c4c5c6c7U});
    EXPECT_EQ(opened->header.responder_spi, IkeSpi{0xd0d1d2d3d4d5d6d7U});
    const Notify* notify = find_notify(opened->payloads, NotifyType::set_window_size);
    ASSERT_NE(notify, nullptr);
    EXPECT_EQ(to_hex(notify->data), "0000000a");

    ScriptedRandom random{hex(vector, "iv")};
    auto sealing = cipher();
    const auto sealed = seal_message(opened->header, opened->payloads, sealing, random);
    ASSERT_TRUE(sealed) << explain(sealed.error());
    EXPECT_EQ(to_hex(*sealed), to_hex(datagram));
}

crypto::PrfAlgorithm prf_of(const std::string& name) {
    if (name == "PRF-HMAC-SHA2-256") { return crypto::PrfAlgorithm::hmac_sha2_256; }
    if (name == "PRF-HMAC-SHA2-384") { return crypto::PrfAlgorithm::hmac_sha2_384; }
    EXPECT_EQ(name, "PRF-HMAC-SHA2-512");
    return crypto::PrfAlgorithm::hmac_sha2_512;
}

// NIST CAVP SP 800-135: SKEYSEED from g^ir and nonces of the shortest and the longest length.
TEST(RfcIkev2, SkeyseedIsNists) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/kdf-ikev2.json");
    int ran = 0;
    for (const Json& vector : file["cases"]) {
        if (vector["kind"] != "skeyseed") { continue; }
        SCOPED_TRACE(vector["id"]);
        const Bytes nonces = hex(vector, "seed");
        const Secret shared = Secret::copy_of(hex(vector, "key"));
        const ByteView both{nonces};
        const Secret skeyseed =
            derive_skeyseed(crypto::Prf{prf_of(vector["prf"])}, shared,
                            both.first(nonces.size() / 2), both.subspan(nonces.size() / 2));
        EXPECT_EQ(to_hex(skeyseed.reveal()), vector["out"]);
        ++ran;
    }
    EXPECT_EQ(ran, 6);
}

}  // namespace
}  // namespace culvert::test
