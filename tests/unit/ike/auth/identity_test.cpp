// Identities as swanctl writes them, as the wire has them (RFC 7296 3.5), and who matches whom.

#include "ike/auth/identity.hpp"

#include <gtest/gtest.h>

#include "ike/auth/psk.hpp"

namespace culvert::ike {
namespace {

Identity of(std::string_view text) { return Identity::parse(text).value(); }

struct Form {
    std::string_view text;
    IdType type;
    std::string_view octets;
    std::string_view printed;
};

TEST(Identity, TextBecomesTheOctetsOfTheWire) {
    const Form forms[] = {
        {"192.0.2.1", IdType::ipv4_addr, "c0000201", "192.0.2.1"},
        {"2001:db8::1", IdType::ipv6_addr, "20010db8000000000000000000000001", "2001:db8::1"},
        {"gw.example", IdType::fqdn, "67772e6578616d706c65", "gw.example"},
        {"@gw.example", IdType::fqdn, "67772e6578616d706c65", "gw.example"},
        {"fqdn:192.0.2.1", IdType::fqdn, "3139322e302e322e31", "192.0.2.1"},
        {"a@b.c", IdType::rfc822_addr, "6140622e63", "a@b.c"},
        {"email:ab", IdType::rfc822_addr, "6162", "ab"},
        {"keyid:ab", IdType::key_id, "6162", "ab"},
        {"@#00ff", IdType::key_id, "00ff", "#00ff"},
        {"keyid:#00ff", IdType::key_id, "00ff", "#00ff"},
        {"ipv4:192.0.2.1", IdType::ipv4_addr, "c0000201", "192.0.2.1"},
        // X.501: SEQUENCE { SET { SEQUENCE { commonName, PrintableString "x" } } }
        {"CN=x", IdType::der_asn1_dn, "300c310a30080603550403130178", "CN=x"},
        {"%any", IdType::any, "", "%any"},
        {"", IdType::any, "", "%any"},
    };
    for (const Form& form : forms) {
        SCOPED_TRACE(form.text);
        const auto identity = Identity::parse(form.text);
        ASSERT_TRUE(identity) << explain(identity.error());
        EXPECT_EQ(identity->type, form.type);
        EXPECT_EQ(to_hex(identity->data), form.octets);
        EXPECT_EQ(identity->to_string(), form.printed);
    }
}

// As libstrongswan 5.9.8 takes them.
TEST(Identity, APrefixIsOneInAnyCaseAndByNumber) {
    const Form forms[] = {
        {"FQDN:moon.example", IdType::fqdn, "6d6f6f6e2e6578616d706c65", "moon.example"},
        {"Fqdn:#6162", IdType::fqdn, "6162", "ab"},
        {"KEYID:ab", IdType::key_id, "6162", "ab"},
        {"Email:ab", IdType::rfc822_addr, "6162", "ab"},
        {"IPV4:192.0.2.1", IdType::ipv4_addr, "c0000201", "192.0.2.1"},
        {"{2}:ab", IdType::fqdn, "6162", "ab"},
        {"{11}:ab", IdType::key_id, "6162", "ab"},
        {"{2}:#6162", IdType::fqdn, "6162", "ab"},
        {"{1}:192.0.2.1", IdType::ipv4_addr, "c0000201", "192.0.2.1"},
        {"{2}x", IdType::fqdn, "7b327d78", "{2}x"},
    };
    for (const Form& form : forms) {
        SCOPED_TRACE(form.text);
        const auto identity = Identity::parse(form.text);
        ASSERT_TRUE(identity) << explain(identity.error());
        EXPECT_EQ(identity->type, form.type);
        EXPECT_EQ(to_hex(identity->data), form.octets);
        EXPECT_EQ(identity->to_string(), form.printed);
    }
    EXPECT_TRUE(of("10.0.3.4").matches(Identity::parse_pattern("IPv4Net:10.0.0.0/16").value()));
    EXPECT_FALSE(of("keyid:gw7").matches(Identity::parse_pattern("FQDN:^gw[0-9]$").value()));
}

TEST(Identity, WhatHasAnEqualsSignAndIsNoNameIsAKeyId) {
    for (const std::string_view text :
         {"user=foo", "a@b=c", "surname=x", "GN=x", "title=x", "S=doe", "C=CH, user=foo", "@a=b",
          "=x", "XY=z", "CN=x, nonsense"}) {
        const Identity id = of(text);
        EXPECT_EQ(id.type, IdType::key_id) << text;
        EXPECT_EQ(as_text(id.data), text);
    }
}

TEST(Identity, AttributesOfNamesAreThoseOfStrongSwan) {
    const std::pair<std::string_view, std::string_view> names[] = {
        {"SN=doe", "300e310c300a06035504041303646f65"},
        {"serialNumber=12", "300d310b3009060355040513023132"},
        {"T=x", "300c310a3008060355040c130178"},
        {"G=x", "300c310a3008060355042a130178"},
        {"ND=x", "3010310e300c0607028206010a0714130178"},
        {"TCGID=x", "301531133011060c2b060104018931010102024b130178"},
    };
    for (const auto& [text, octets] : names) {
        const Identity id = of(text);
        EXPECT_EQ(id.type, IdType::der_asn1_dn) << text;
        EXPECT_EQ(to_hex(id.data), octets) << text;
        EXPECT_EQ(id.to_string(), text);
    }
}

TEST(Identity, IsAPatternOnlyByAStarThatStandsForSomething) {
    for (const std::string_view text :
         {"*.example", "*@example.org", "CN=*", "C=CH, O=*, CN=y", "%any"}) {
        EXPECT_TRUE(of(text).is_pattern()) << text;
    }
    // 0x2a is the end of givenName's OID, and a length of 42.
    const std::string long_name = "CN=" + std::string(42, 'x');
    for (const std::string_view text :
         {std::string_view{"G=x"}, std::string_view{"CN=a*b"}, std::string_view{long_name},
          std::string_view{"a*b.example"}, std::string_view{"keyid:*"}}) {
        EXPECT_FALSE(of(text).is_pattern()) << text;
    }
}

TEST(Identity, TextThatIsNoneIsRefusedWithARemedy) {
    for (const std::string_view text :
         {"ipv4:gw.example", "ipv4:2001:db8::1", "ipv6:192.0.2.1", "keyid:#0", "@#xy",
          "asn1gn:text", "{1}:x", "{7}:x", "XMPPADDR:a@b.c", "asn1dn:user=foo"}) {
        const auto identity = Identity::parse(text);
        EXPECT_FALSE(identity) << text;
    }
    EXPECT_FALSE(Identity::parse(std::string(100000, 'a')));
}

TEST(Identity, MatchesWhatThePatternMeansAndNothingElse) {
    EXPECT_TRUE(of("gw.example").matches(of("%any")));
    EXPECT_TRUE(of("GW.Example").matches(of("gw.eXAMPLE")));
    EXPECT_TRUE(of("a.b.example").matches(of("*.example")));
    EXPECT_FALSE(of("example").matches(of("*.example")));
    EXPECT_FALSE(of("gw.example").matches(of("gw.example.org")));
    EXPECT_FALSE(of("gw.example.org").matches(of("gw.example")));
    EXPECT_TRUE(of("me@Example.org").matches(of("*@example.org")));
    EXPECT_FALSE(of("me@example.org").matches(of("*.example.org")));
    EXPECT_FALSE(of("192.0.2.1").matches(of("fqdn:192.0.2.1")));
    EXPECT_FALSE(of("keyid:gw.example").matches(of("gw.example")));
    EXPECT_TRUE(of("C=CH, O=x, CN=y").matches(of("C=CH, O=x, CN=*")));
    EXPECT_FALSE(of("C=CH, O=z, CN=y").matches(of("C=CH, O=x, CN=*")));
    EXPECT_FALSE(of("%any").matches(of("gw.example")));
}

Identity pattern(std::string_view text) { return Identity::parse_pattern(text).value(); }

TEST(IdentityPattern, ANetworkIsWhoeverHasAnAddressInIt) {
    for (const std::string_view text :
         {"10.0.0.0/16", "ipv4net:10.0.0.0/16", "10.0.0.0-10.0.255.255",
          "ipv4range:10.0.0.0-10.0.255.255"}) {
        SCOPED_TRACE(text);
        EXPECT_TRUE(of("10.0.3.4").matches(pattern(text)));
        EXPECT_TRUE(of("10.0.255.255").matches(pattern(text)));
        EXPECT_FALSE(of("10.1.0.0").matches(pattern(text)));
        EXPECT_FALSE(of("9.255.255.255").matches(pattern(text)));
        EXPECT_FALSE(of("fqdn:10.0.3.4").matches(pattern(text)));
        EXPECT_EQ(pattern(text).to_string(), "10.0.0.0/16");
        EXPECT_TRUE(pattern(text).is_pattern());
    }
    EXPECT_TRUE(of("2001:db8::7").matches(pattern("ipv6net:2001:db8::/64")));
    EXPECT_FALSE(of("2001:db8:1::7").matches(pattern("2001:db8::/64")));
    EXPECT_FALSE(of("10.0.3.4").matches(pattern("::/0")));
}

TEST(IdentityPattern, ARegularExpressionSeesTheText) {
    EXPECT_TRUE(of("carol@x.example").matches(pattern("^.*@x\\.example$")));
    EXPECT_TRUE(of("Carol@X.example").matches(pattern("^carol@.*$")));
    EXPECT_FALSE(of("carol@xyexample").matches(pattern("^.*@x\\.example$")));
    EXPECT_FALSE(of("carol@x.example.org").matches(pattern("^.*@x\\.example$")));
    EXPECT_TRUE(of("gw7.example").matches(pattern("^gw[0-9]+\\.example$")));
    EXPECT_FALSE(of("keyid:gw7.example").matches(pattern("fqdn:^gw[0-9]+\\.example$")));
    EXPECT_TRUE(of("C=CH, O=x, CN=y7").matches(pattern("asn1dn:^.*CN=y[0-9]$")));
    EXPECT_FALSE((Identity{.type = IdType::null, .data = {}}).matches(pattern("^.*$")));
    Identity hidden = of("gw7.example");
    hidden.data.push_back(0);  // P-08
    EXPECT_FALSE(hidden.matches(pattern("^gw[0-9]+\\.example$")));
    EXPECT_EQ(pattern("^a.*$").to_string(), "^a.*$");
}

TEST(IdentityPattern, WhatIsNoneIsRefused) {
    for (const std::string_view text :
         {"^(a$", "ipv4net:2001:db8::/64", "ipv6range:10.0.0.1-10.0.0.2", "ipv4net:gw.example",
          "xmppaddr:a@b.c"}) {
        EXPECT_FALSE(Identity::parse_pattern(text)) << text;
    }
    // What a peer says, or what we call ourselves, is one.
    for (const std::string_view text : {"^.*$", "10.0.0.0/16", "ipv4net:10.0.0.0/16"}) {
        EXPECT_FALSE(Identity::parse(text)) << text;
    }
    EXPECT_EQ(pattern("gw-1.example"), of("gw-1.example"));
    EXPECT_EQ(pattern("*.example"), of("*.example"));
}

TEST(Identity, AHiddenEndingDoesNotCount) {  // P-08
    Identity hidden = of("gw.example");
    hidden.data.push_back(0);
    EXPECT_FALSE(hidden.matches(of("gw.example")));
    EXPECT_FALSE(of("gw.example").matches(hidden));
}

TEST(Identity, IsPrintableWhateverItsOctetsAre) {  // P-08
    for (unsigned type = 0; type < 256; ++type) {
        for (const Bytes& data : {Bytes{}, Bytes{0, 10, 13, 27, 127, 255, '%', 'n'}, Bytes(5, 0x30),
                                  Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, Bytes(1000, 'a')}) {
            const Identity odd{static_cast<IdType>(type), data};
            for (const char c : odd.to_string()) { ASSERT_TRUE(c >= 0x20 && c < 0x7f) << type; }
            EXPECT_TRUE(odd.matches(odd) || odd.type == IdType::any);
        }
    }
}

TEST(PskAuth, IsThePrfOfThePaddedSecret) {  // RFC 7296 2.15
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Bytes octets = to_bytes(as_bytes("signed octets"));
    const ByteView secret = as_bytes("only for the tests");
    const Secret key = prf(secret, {as_bytes("Key Pad for IKEv2")});
    EXPECT_EQ(psk_auth(prf, Secret::copy_of(secret), octets),
              to_bytes(prf(key.reveal(), {ByteView{octets}}).reveal()));
}

TEST(SignedOctets, AreMessageNonceAndMacedId) {  // RFC 7296 2.15
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Bytes message{1, 2, 3};
    const Bytes nonce{4, 5};
    const Bytes id{2, 0, 0, 0, 'a'};
    const Secret sk_p = Secret::copy_of(Bytes(32, 9));
    Bytes expected{1, 2, 3, 4, 5};
    append(expected, prf(sk_p.reveal(), {ByteView{id}}).reveal());
    EXPECT_EQ(signed_octets(prf, message, nonce, sk_p, id), expected);
}

}  // namespace
}  // namespace culvert::ike
