// Headers and chains of payloads (RFC 7296 3.1, 3.2), and what SK and SKF close.

#include "ike/wire/message.hpp"

#include <gtest/gtest.h>

#include "ike/wire/limits.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ike::wire {
namespace {

// An empty INFORMATIONAL request in the clear, by hand from 3.1, but for the payload.
const Bytes message = from_hex(
                          "0102030405060708"
                          "1112131415161718"
                          "2b"  // Vendor ID
                          "20"  // 2.0
                          "25"  // INFORMATIONAL
                          "08"  // Initiator
                          "00000007"
                          "00000022"
                          "00000006abcd")
                          .value();

crypto::IkeCipher cipher(std::uint8_t key = 1) {
    return {crypto::EncryptionAlgorithm::aes_gcm_16, 128, crypto::IntegrityAlgorithm::none,
            Secret::copy_of(Bytes(20, key)), Secret{}};
}
const IkeHeader header{.initiator_spi = IkeSpi{1},
                       .responder_spi = IkeSpi{2},
                       .exchange = ExchangeType::informational,
                       .flags = {.initiator = true},
                       .message_id = MessageId{3}};

TEST(Header, IsReadAndWrittenBack) {
    const auto parsed = parse_message(message);
    ASSERT_TRUE(parsed) << explain(parsed.error());
    EXPECT_EQ(parsed->header.initiator_spi, IkeSpi{0x0102030405060708});
    EXPECT_EQ(parsed->header.responder_spi, IkeSpi{0x1112131415161718});
    EXPECT_EQ(parsed->header.exchange, ExchangeType::informational);
    EXPECT_EQ(parsed->header.message_id, MessageId{7});
    EXPECT_TRUE(parsed->header.flags.initiator);
    EXPECT_FALSE(parsed->header.flags.response);
    ASSERT_EQ(parsed->payloads.size(), 1U);
    EXPECT_EQ(std::get<VendorId>(parsed->payloads.front()).data, (Bytes{0xab, 0xcd}));
    EXPECT_EQ(write(parsed->header, parsed->payloads), message);
}

TEST(Header, EveryTruncationIsRefused) {  // P-01
    for (std::size_t size = 0; size < message.size(); ++size) {
        const auto parsed = parse_message(ByteView{message}.first(size));
        ASSERT_FALSE(parsed) << size;
        EXPECT_FALSE(parsed.error().notify);
    }
}

TEST(Header, OnlyAHigherMajorVersionIsWorthAnAnswer) {  // RFC 7296 2.5
    Bytes other = message;
    other[17] = 0x30;
    EXPECT_EQ(parse_message(other).error().notify, NotifyType::invalid_major_version);
    other[17] = 0x10;
    EXPECT_EQ(parse_message(other).error().notify, std::nullopt);
    other[17] = 0x2f;  // the minor version is ignored
    EXPECT_TRUE(parse_message(other));
}

TEST(Chain, EveryLengthOfAPayloadButTheRightOneIsRefused) {  // P-02
    for (unsigned length = 0; length < 64; ++length) {
        Bytes other = message;
        other[31] = static_cast<std::uint8_t>(length);
        EXPECT_EQ(parse_message(other).has_value(), length == 6) << length;
    }
}

TEST(Chain, TheCriticalBitIsKeptForUnknownPayloadsOnly) {
    const Payloads payloads =
        parse_payloads(PayloadType{99}, Bytes{43, 0x80, 0, 4, 0, 0x80, 0, 4}).value();
    ASSERT_EQ(payloads.size(), 2U);
    EXPECT_TRUE(std::get<UnknownPayload>(payloads[0]).critical);
    EXPECT_EQ(to_hex(write_payloads(payloads)), "2b80000400000004");
}

TEST(Chain, HasALimitAndInsideOfSkItsErrorsAreInvalidSyntax) {  // P-03
    const auto chain = [](std::size_t count) {
        Writer out;
        for (std::size_t i = 1; i <= count; ++i) {
            out.u8(i < count ? 43 : 0);
            out.u8(0);
            out.u16(4);
        }
        return parse_payloads(PayloadType::vendor_id, out.view());
    };
    EXPECT_TRUE(chain(payloads_max));
    const auto over = chain(payloads_max + 1);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().notify, NotifyType::invalid_syntax);
}

TEST(Chain, ThereIsNoSkInsideOfSk) {
    EXPECT_FALSE(parse_payloads(PayloadType::sk, Bytes{0, 0, 0, 8, 1, 2, 3, 4}));
    EXPECT_FALSE(parse_payloads(PayloadType::skf, Bytes{0, 0, 0, 9, 0, 1, 0, 1, 5}));
}

TEST(Sealed, OpensWithItsKeyOnly) {
    test::SeededRandom random{1};
    auto out = cipher();
    const Payloads payloads{VendorId{.data = {1, 2, 3}}, Nonce{.data = Bytes(32, 5)}};
    const Bytes sealed = seal_message(header, payloads, out, random).value();
    const auto opened = open_message(sealed, cipher());
    ASSERT_TRUE(opened) << explain(opened.error());
    EXPECT_EQ(opened->payloads, payloads);
    EXPECT_EQ(open_message(sealed, cipher(2)).error().code, ErrorCode::integrity_check_failed);
}

TEST(Sealed, EveryBitCounts) {  // V-03, for SK
    test::SeededRandom random{1};
    auto out = cipher();
    const Bytes sealed = seal_message(header, {VendorId{.data = {1}}}, out, random).value();
    const auto in = cipher();
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        Bytes other = sealed;
        other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << (bit % 8)));
        const auto opened = open_message(other, in);
        ASSERT_FALSE(opened) << bit;
        EXPECT_FALSE(opened.error().notify && bit / 8 >= IkeHeader::size) << bit;
    }
}

TEST(Sealed, ClearPayloadsBesideSkAreNotBelieved) {
    test::SeededRandom random{1};
    auto out = cipher();
    const Bytes sealed = seal_message(header, {Nonce{.data = Bytes(16, 5)}}, out, random).value();
    // N(INITIAL_CONTACT) in front of SK: the headers are not those that were authenticated.
    Writer forged;
    forged.bytes(ByteView{sealed}.first(IkeHeader::size));
    forged.bytes(Bytes{46, 0, 0, 8, 0, 0, 0x40, 0});
    forged.bytes(ByteView{sealed}.subspan(IkeHeader::size));
    forged.patch_u8(16, 41);
    forged.patch_u32(24, static_cast<std::uint32_t>(forged.size()));
    EXPECT_FALSE(open_message(forged.view(), cipher()));
}

TEST(Fragments, JoinToTheWhole) {  // RFC 7383 2.5
    test::SeededRandom random{1};
    auto out = cipher();
    const Payloads payloads{VendorId{.data = Bytes(3000, 7)}, Nonce{.data = Bytes(32, 5)}};
    const auto pieces = seal_fragments(header, payloads, 576, out, random).value();
    ASSERT_GT(pieces.size(), 5U);
    Bytes whole;
    const auto in = cipher();
    PayloadType first{};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        EXPECT_LE(pieces[i].size(), 576U);
        const auto fragment = open_fragment(pieces[i], in);
        ASSERT_TRUE(fragment);
        EXPECT_EQ(fragment->number, i + 1);
        EXPECT_EQ(fragment->total, pieces.size());
        if (i == 0) { first = fragment->first; }
        append(whole, fragment->plaintext);
    }
    EXPECT_EQ(parse_payloads(first, whole).value(), payloads);
    // What fits into one datagram is no fragment.
    const auto one = seal_fragments(header, {VendorId{.data = {1}}}, 576, out, random).value();
    ASSERT_EQ(one.size(), 1U);
    EXPECT_TRUE(open_message(one.front(), in));
}

}  // namespace
}  // namespace culvert::ike::wire
