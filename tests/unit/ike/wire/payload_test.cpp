// Payloads against octets put together by hand from the figures of RFC 7296 3.3 to 3.16.

#include "ike/wire/payload.hpp"

#include <string_view>

#include <gtest/gtest.h>

#include "ike/wire/limits.hpp"

namespace culvert::ike::wire {
namespace {

Bytes hex(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c != ' ') { digits += c; }
    }
    return from_hex(digits).value();
}

Result<Payload> parse(PayloadType type, ByteView body, PayloadType next = PayloadType::none) {
    return parse_payload(type, false, next, body);
}

struct Sample {
    PayloadType type;
    std::string_view what;
    std::string_view body;
    // Shorter ones are refused; below it every length is another payload of this kind, or none.
    std::size_t size_min;
    bool all_needed;  // no shorter body is right
};

constexpr Sample samples[] = {
    {PayloadType::sa, "ENCR_AES_GCM_16-256, PRF_HMAC_SHA2_384, group 20",
     "0000 0024 0101 0003"
     "0300 000c 0100 0014 800e 0100"
     "0300 0008 0200 0006"
     "0000 0008 0400 0014",
     36, true},
    {PayloadType::sa, "two ESP proposals with SPIs",
     "0200 0020 0103 0402 c0de 0001 0300 000c 0100 000c 800e 0080 0000 0008 0300 000c"
     "0000 0020 0203 0402 c0de 0002 0300 000c 0100 0014 800e 0100 0000 0008 0500 0000",
     64, true},
    {PayloadType::ke, "group 31", "001f 0000 0102 0304", 5, false},
    {PayloadType::id_initiator, "ID_FQDN", "0200 0000 6131", 4, false},
    {PayloadType::id_responder, "ID_IPV4_ADDR", "0100 0000 c000 0201", 4, false},
    {PayloadType::cert, "X.509", "04 3082", 1, false},
    {PayloadType::certreq, "any", "04", 1, false},
    {PayloadType::auth, "shared key MIC", "0200 0000 0102 0304", 4, false},
    {PayloadType::nonce, "16 octets", "00010203 04050607 08090a0b 0c0d0e0f", 16, false},
    {PayloadType::notify, "REKEY_SA", "0304 4009 c0de 0001", 8, false},
    {PayloadType::notify, "INVALID_KE_PAYLOAD", "0000 0011 0013", 4, false},
    {PayloadType::delete_, "the IKE SA", "0100 0000", 4, true},
    {PayloadType::delete_, "two of ESP", "0304 0002 0000 0101 0000 0102", 12, true},
    {PayloadType::vendor_id, "anything", "0102", 0, false},
    {PayloadType::ts_initiator, "IPv4, TCP 80 to 90",
     "0100 0000 0706 0010 0050 005a 0a00 0000 0a00 00ff", 20, true},
    {PayloadType::ts_responder, "IPv6 and one of an unknown type",
     "0200 0000"
     "0800 0028 0000 ffff 2001 0db8 0000 0000 0000 0000 0000 0000"
     "2001 0db8 0000 0000 ffff ffff ffff ffff"
     "f311 0006 abcd",
     50, true},
    {PayloadType::cp, "a request for an address and DNS", "0100 0000 0001 0000 0003 0000", 4,
     false},
    {PayloadType::cp, "a reply", "0200 0000 0001 0004 0a01 0203", 4, false},
    {PayloadType::eap, "EAP-Success", "0301 0004", 4, true},
    {PayloadType{200}, "of no known type", "0102 03", 0, false},
};

TEST(Payloads, WhatWasReadIsWrittenBack) {
    for (const Sample& sample : samples) {
        SCOPED_TRACE(sample.what);
        const Bytes body = hex(sample.body);
        const auto payload = parse(sample.type, body);
        ASSERT_TRUE(payload) << explain(payload.error());
        EXPECT_EQ(type_of(*payload), sample.type);
        Writer out;
        write_body(*payload, out);
        EXPECT_EQ(to_hex(out.view()), to_hex(body));
    }
}

TEST(Payloads, WhatEndsEarlyIsRefused) {
    for (const Sample& sample : samples) {
        SCOPED_TRACE(sample.what);
        const Bytes body = hex(sample.body);
        for (std::size_t size = 0; size < body.size(); ++size) {
            const auto payload = parse(sample.type, ByteView{body}.first(size));
            if (size < sample.size_min || sample.all_needed) {
                ASSERT_FALSE(payload) << size << " octets";
                EXPECT_EQ(payload.error().code, ErrorCode::malformed);
                EXPECT_FALSE(payload.error().notify) << "nothing of it is authenticated yet";
            }
        }
    }
}

TEST(Payloads, OctetsLeftOverAreRefused) {
    for (const Sample& sample : samples) {
        if (!sample.all_needed) { continue; }
        SCOPED_TRACE(sample.what);
        Bytes body = hex(sample.body);
        body.push_back(0);
        EXPECT_FALSE(parse(sample.type, body));
    }
}

TEST(Payloads, ReservedIsIgnoredAndWrittenAsZero) {  // RFC 7296 2.5
    const auto check = [](PayloadType type, std::string_view dirty, std::string_view clean) {
        const auto payload = parse(type, hex(dirty));
        ASSERT_TRUE(payload) << clean;
        Writer out;
        write_body(*payload, out);
        EXPECT_EQ(to_hex(out.view()), to_hex(hex(clean)));
    };
    check(PayloadType::ke, "001f ffff 01", "001f 0000 01");
    check(PayloadType::auth, "02 ffffff 01", "02 000000 01");
    check(PayloadType::cp, "01 ffffff 8001 0000", "01 000000 0001 0000");
    check(PayloadType::ts_initiator, "01 ffffff 0700 0010 0000 ffff 0a00 0000 0a00 00ff",
          "01 000000 0700 0010 0000 ffff 0a00 0000 0a00 00ff");
    check(PayloadType::sa, "00ff 0014 0101 0001 00ff 000c 01ff 0014 800e 0100",
          "0000 0014 0101 0001 0000 000c 0100 0014 800e 0100");
}

TEST(SaPayload, SaysWhatStandsInIt) {  // RFC 7296 3.3
    const auto payload = parse(PayloadType::sa, hex(samples[1].body));
    ASSERT_TRUE(payload);
    const auto& sa = std::get<SecurityAssociation>(*payload);
    ASSERT_EQ(sa.proposals.size(), 2U);
    EXPECT_EQ(sa.proposals[0].number, 1);
    EXPECT_EQ(sa.proposals[0].protocol, ProtocolId::esp);
    EXPECT_EQ(sa.proposals[0].spi, hex("c0de0001"));
    ASSERT_EQ(sa.proposals[0].transforms.size(), 2U);
    EXPECT_EQ(sa.proposals[0].transforms[0],
              (Transform{.type = TransformType::encr, .id = 12, .key_bits = 128}));
    EXPECT_EQ(sa.proposals[1].transforms[1], (Transform{.type = TransformType::esn, .id = 0}));
}

TEST(SaPayload, AnUnknownAttributeMakesATransformThatIsNeverChosen) {  // RFC 7296 3.3.6
    // Attribute 14 in long form, and 99 in short form: kept as they are.
    for (const std::string_view attributes :
         {"000e 0002 0100", "8063 0001", "800e 0100 800e 0080"}) {
        const std::size_t size = hex(attributes).size();
        Writer out;
        out.bytes(hex("0000"));
        out.u16(static_cast<std::uint16_t>(16 + size));
        out.bytes(hex("0101 0001 0000"));
        out.u16(static_cast<std::uint16_t>(8 + size));
        out.bytes(hex("0100 0014"));
        out.bytes(hex(attributes));
        const auto payload = parse(PayloadType::sa, out.view());
        ASSERT_TRUE(payload) << attributes;
        EXPECT_TRUE(std::get<SecurityAssociation>(*payload)
                        .proposals.front()
                        .transforms.front()
                        .unknown_attributes);
        Writer again;
        write_body(*payload, again);
        EXPECT_EQ(to_hex(again.view()), to_hex(out.view()));
    }
}

TEST(NoncePayload, Has16To256Octets) {  // RFC 7296 3.9
    for (const auto& [size, right] : {std::pair<std::size_t, bool>{0, false},
                                      {15, false},
                                      {16, true},
                                      {256, true},
                                      {257, false}}) {
        EXPECT_EQ(parse(PayloadType::nonce, Bytes(size, 1)).has_value(), right) << size;
    }
}

TEST(DeletePayload, CountsItsSpis) {  // RFC 7296 3.11
    const auto payload = parse(PayloadType::delete_, hex("0304 0002 0000 0101 0000 0102"));
    ASSERT_TRUE(payload);
    EXPECT_EQ(std::get<Delete>(*payload).esp_spis(), (std::vector{EspSpi{0x101}, EspSpi{0x102}}));
    EXPECT_FALSE(parse(PayloadType::delete_, hex("0304 0003 0000 0101 0000 0102")));
    EXPECT_FALSE(parse(PayloadType::delete_, hex("0304 ffff 0000 0101")));
    EXPECT_FALSE(parse(PayloadType::delete_, hex("0100 ffff")));  // 65535 SPIs of no octets
    // SPIs of another size are kept, and are none of ESP's.
    const auto odd = parse(PayloadType::delete_, hex("0302 0001 0101"));
    ASSERT_TRUE(odd);
    EXPECT_TRUE(std::get<Delete>(*odd).esp_spis().empty());
}

TEST(SelectorsPayload, KeepsApartWhatIsNoSelector) {  // RFC 7296 3.13.1
    const auto payload = parse(PayloadType::ts_initiator,
                               hex("0300 0000"
                                   "0700 0010 0000 ffff 0a00 00ff 0a00 0000"     // start above end
                                   "0711 0010 ffff 0000 0a00 0000 0a00 00ff"     // OPAQUE ports
                                   "0711 0010 0002 0001 0a00 0000 0a00 00ff"));  // ports reversed
    ASSERT_TRUE(payload);
    const auto& ts = std::get<TsInitiator>(*payload);
    ASSERT_EQ(ts.selectors.size(), 1U);
    EXPECT_TRUE(ts.selectors.front().opaque_ports());
    ASSERT_EQ(ts.unknown.size(), 2U);
    EXPECT_EQ(ts.unknown[0].position, 0U);
    EXPECT_EQ(ts.unknown[1].position, 2U);
}

TEST(SelectorsPayload, RefusesLengthsThatAreNotTheTypes) {
    for (const std::string_view body :
         {"0100 0000 0700 000f 0000 ffff 0a00 0000 0a00 00", "0100 0000 0700 0003 00",
          "0100 0000 0800 0010 0000 ffff 0a00 0000 0a00 00ff", "0100 0000 6300 0003 00"}) {
        EXPECT_FALSE(parse(PayloadType::ts_initiator, hex(body))) << body;
    }
}

TEST(EncryptedFragmentPayload, CountsFromOne) {  // RFC 7383 2.5
    const auto skf = [](std::string_view body, PayloadType next) {
        return parse(PayloadType::skf, hex(body), next).has_value();
    };
    EXPECT_TRUE(skf("0001 0002 ab", PayloadType::id_initiator));
    EXPECT_TRUE(skf("0002 0002 ab", PayloadType::none));
    EXPECT_FALSE(skf("0000 0002 ab", PayloadType::none));
    EXPECT_FALSE(skf("0003 0002 ab", PayloadType::none));
    EXPECT_FALSE(skf("0001 0000 ab", PayloadType::none));
    EXPECT_FALSE(skf("0001 ffff ab", PayloadType::none));
    EXPECT_FALSE(skf("0002 0002 ab", PayloadType::id_initiator));
}

TEST(EapPayload, IsAsLongAsItsMessageSays) {  // RFC 3748 4
    EXPECT_TRUE(parse(PayloadType::eap, hex("0101 0005 01")));
    EXPECT_FALSE(parse(PayloadType::eap, hex("0101 0006 01")));
    EXPECT_FALSE(parse(PayloadType::eap, hex("0101 0004 01")));
    EXPECT_FALSE(parse(PayloadType::eap, hex("0101 00")));
}

TEST(Limits, OfOnePayloadHold) {
    Writer cp;
    cp.u32(0x01000000);
    for (std::size_t i = 0; i <= cp_attributes_max; ++i) { cp.u32(0x00010000); }
    EXPECT_FALSE(parse(PayloadType::cp, cp.view()));
    Writer gone;
    gone.u8(3);
    gone.u8(4);
    gone.u16(static_cast<std::uint16_t>(spis_max + 1));
    gone.zeros(4 * (spis_max + 1));
    EXPECT_FALSE(parse(PayloadType::delete_, gone.view()));
}

TEST(UnknownPayloads, TheFirstCriticalOneIsNamed) {  // RFC 7296 2.5
    Payloads payloads;
    payloads.emplace_back(UnknownPayload{.type = PayloadType{200}, .body = {}});
    EXPECT_EQ(unknown_critical(payloads), std::nullopt);
    payloads.emplace_back(UnknownPayload{.type = PayloadType{201}, .critical = true, .body = {}});
    payloads.emplace_back(UnknownPayload{.type = PayloadType{202}, .critical = true, .body = {}});
    EXPECT_EQ(unknown_critical(payloads), PayloadType{201});
    EXPECT_EQ(unsupported_critical_payload(PayloadType{201}).notify,
              NotifyType::unsupported_critical_payload);
}

}  // namespace
}  // namespace culvert::ike::wire
