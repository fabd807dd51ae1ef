// Abuse cases P: what cannot be parsed, or should not be believed.

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Parsing = AbuseTest;

// The first "next payload" and the octets of a message's payloads, to be changed by hand.
Bytes with_octet(Bytes message, std::size_t at, std::uint8_t value) {
    message.at(at) = value;
    return message;
}

Bytes with_length(Bytes message, std::uint32_t length) {
    Writer out;
    out.bytes(message);
    out.patch_u32(24, length);
    return out.take();
}

Bytes of_payload_headers(std::size_t count, PayloadType type) {
    Writer out;
    for (std::size_t i = 0; i < count; ++i) {
        out.u8(i + 1 < count ? std::to_underlying(type) : 0);
        out.u8(0);
        out.u16(4);
    }
    return out.take();
}

Bytes clear_message(wire::IkeHeader header, PayloadType first, ByteView payloads) {
    header.next_payload = first;
    header.length = static_cast<std::uint32_t>(wire::IkeHeader::size + payloads.size());
    Writer out;
    header.write(out);
    out.bytes(payloads);
    return out.take();
}

TEST_F(Parsing, P01DatagramsThatAreNoMessagesAreDropped) {
    const Bytes good = eve.init_request();
    for (std::size_t size = 0; size < wire::IkeHeader::size; ++size) {
        EXPECT_TRUE(
            eve.send(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))).empty())
            << size;
    }
    EXPECT_TRUE(eve.send(clear_message(eve.init_header(), PayloadType::none, {})).empty());
    const auto size = static_cast<std::uint32_t>(good.size());
    for (const std::uint32_t length : {0U, 27U, size - 1, size + 1, 0xffffffffU}) {
        EXPECT_TRUE(eve.send(with_length(good, length)).empty()) << length;
    }
    EXPECT_EQ(eve.send(good).size(), 1U);
}

TEST_F(Parsing, P02PayloadLengthsThatLieAreDroppedInTheClear) {
    const Bytes good = eve.init_request();
    for (const std::uint8_t low : std::initializer_list<std::uint8_t>{0, 1, 2, 3}) {
        const Bytes bad = with_octet(with_octet(good, 30, 0), 31, low);
        EXPECT_TRUE(eve.send(bad).empty()) << int{low};
    }
    EXPECT_TRUE(eve.send(with_octet(good, 30, 0xff)).empty());
    // The last payload ends inside what was to be the next header.
    Bytes longer = good;
    longer.insert(longer.end(), {0, 0, 0});
    EXPECT_TRUE(eve.send(with_length(longer, static_cast<std::uint32_t>(longer.size()))).empty());
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

TEST_F(Parsing, P02PayloadLengthsThatLieAreInvalidSyntaxInsideSk) {  // RFC 7296 2.21.3
    for (const std::uint8_t low : std::initializer_list<std::uint8_t>{0, 1, 2, 3, 200}) {
        eve.begin_again();
        ASSERT_TRUE(eve.up());
        const Bytes inside{0, 0, 0, low};
        const auto answer = eve.ask_octets(
            eve.sealed_octets(ExchangeType::informational, PayloadType::vendor_id, inside));
        EXPECT_TRUE(has(answer, NotifyType::invalid_syntax)) << int{low};
        EXPECT_FALSE(eve_status()) << "the IKE SA stays after INVALID_SYNTAX";
    }
}

TEST_F(Parsing, P03TenThousandPayloadsAreDropped) {
    const Bytes payloads = of_payload_headers(10000, PayloadType::vendor_id);
    EXPECT_TRUE(
        eve.send(clear_message(eve.init_header(), PayloadType::vendor_id, payloads)).empty());
    ASSERT_TRUE(eve.up());
    EXPECT_TRUE(has(eve.ask_octets(eve.sealed_octets(ExchangeType::informational,
                                                     PayloadType::vendor_id, payloads)),
                    NotifyType::invalid_syntax));
}

TEST_F(Parsing, P04UnknownCriticalPayloadsAreRefusedOnceOthersIgnored) {  // RFC 7296 2.5
    wire::Payloads payloads = eve.init_payloads();
    payloads.emplace_back(
        wire::UnknownPayload{.type = PayloadType{200}, .critical = true, .body = {1}});
    const auto refused = eve.try_init(payloads);
    ASSERT_TRUE(has(refused, NotifyType::unsupported_critical_payload));
    EXPECT_EQ(refused->size(), 1U);
    EXPECT_EQ(wire::find_notify(*refused, NotifyType::unsupported_critical_payload)->data,
              Bytes{200});

    payloads.back() = wire::UnknownPayload{.type = PayloadType{200}, .body = {1}};
    const auto answers = eve.say_init(payloads);
    ASSERT_EQ(answers.size(), 1U);
    ASSERT_TRUE(eve.take_init_answer(answers.front()));
    wire::Payloads auth = eve.auth_payloads();
    auth.emplace_back(wire::UnknownPayload{.type = PayloadType{127}, .body = {}});
    ASSERT_NE(wire::find<wire::Authentication>(eve.ask(ExchangeType::ike_auth, auth).value()),
              nullptr);
    const auto inside =
        eve.ask(ExchangeType::informational,
                {wire::UnknownPayload{.type = PayloadType{127}, .critical = true, .body = {}}});
    ASSERT_TRUE(has(inside, NotifyType::unsupported_critical_payload));
    EXPECT_EQ(wire::find_notify(*inside, NotifyType::unsupported_critical_payload)->data,
              Bytes{127});
    EXPECT_TRUE(eve.alive());
}

TEST_F(Parsing, P05IkeSaInitNeedsEachPayloadOnce) {
    for (std::size_t i = 0; i < 3; ++i) {
        wire::Payloads without = eve.init_payloads();
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_TRUE(eve.say_init(without).empty()) << i;
        wire::Payloads twice = eve.init_payloads();
        twice.push_back(wire::Payload{twice[i]});
        EXPECT_TRUE(eve.say_init(twice).empty()) << i;
    }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
    // The order is free (RFC 7296 2.5).
    wire::Payloads backwards = eve.init_payloads();
    std::ranges::reverse(backwards);
    EXPECT_EQ(eve.say_init(backwards).size(), 1U);
}

TEST_F(Parsing, P05IkeAuthNeedsEachPayloadOnce) {
    for (std::size_t i = 0; i < 5; ++i) {
        for (const bool doubled : {false, true}) {
            SCOPED_TRACE(i);
            eve.begin_again();
            ASSERT_TRUE(eve.init());
            wire::Payloads payloads = eve.auth_payloads();
            if (doubled) {
                payloads.push_back(wire::Payload{payloads[i]});
            } else {
                payloads.erase(payloads.begin() + static_cast<std::ptrdiff_t>(i));
            }
            const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
            EXPECT_TRUE(has(answer, NotifyType::invalid_syntax) ||
                        has(answer, NotifyType::authentication_failed));
            EXPECT_FALSE(eve_status() && eve_status()->state == IkeState::established);
            pair.pass(std::chrono::seconds{35});  // forgotten: too many would be a flood
        }
    }
}

TEST_F(Parsing, P05CreateChildSaNeedsEachPayloadOnce) {
    for (std::size_t i = 0; i < 4; ++i) {
        for (const bool doubled : {false, true}) {
            SCOPED_TRACE(i);
            eve.begin_again();
            ASSERT_TRUE(eve.up());
            wire::Payloads payloads = eve.create_child_payloads(0xc0660002);
            if (doubled) {
                payloads.push_back(wire::Payload{payloads[i]});
            } else {
                payloads.erase(payloads.begin() + static_cast<std::ptrdiff_t>(i));
            }
            EXPECT_TRUE(
                has(eve.ask(ExchangeType::create_child_sa, payloads), NotifyType::invalid_syntax));
            EXPECT_FALSE(eve_status());
        }
    }
}

TEST_F(Parsing, P06OtherVersionsAndFlags) {
    // RFC 7296 2.5: a higher major version is told ours, at a bounded rate; a lower one nothing.
    std::size_t told = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        const auto answers = eve.send(with_octet(eve.init_request(), 17, 0x30));
        told += answers.size();
        if (i == 0) {
            ASSERT_EQ(answers.size(), 1U);
            EXPECT_TRUE(has(wire::parse_message(answers.front()).value().payloads,
                            NotifyType::invalid_major_version));
        }
    }
    EXPECT_LE(told, stray_answers_per_second_max);
    for (const std::uint8_t version : std::initializer_list<std::uint8_t>{0x00, 0x10, 0x1f}) {
        EXPECT_TRUE(eve.send(with_octet(eve.init_request(), 17, version)).empty()) << int{version};
    }
    // Neither a response nor a message of a responder begins anything.
    for (const std::uint8_t flags : std::initializer_list<std::uint8_t>{0x00, 0x20, 0x28}) {
        EXPECT_TRUE(eve.send(with_octet(eve.init_request(), 19, flags)).empty()) << int{flags};
    }
    // Payloads of IKEv1 mean nothing here; the minor version is ignored.
    wire::Payloads payloads = eve.init_payloads();
    payloads.emplace_back(wire::UnknownPayload{.type = PayloadType::v1_sa, .body = {0, 0, 0, 1}});
    EXPECT_EQ(eve.send(with_octet(wire::write(eve.init_header(), payloads), 17, 0x2f)).size(), 1U);
}

// IKEv1 is not built: its attributes, DOI and fragments are never read, and nothing is kept.
TEST_F(Parsing, P11P13F02NothingOfIkev1IsAnswered) {
    // RFC 2408 3.1, 3.4: Main Mode's, Aggressive Mode's and Quick Mode's SA payload of another DOI,
    // and a fragment.
    for (const auto& [exchange, payload] :
         {std::pair<std::uint8_t, std::uint8_t>{2, 1}, {4, 1}, {32, 8}, {2, 132}}) {
        Writer out;
        out.u64(0x0102030405060708);
        out.u64(0);
        out.u8(payload);
        out.u8(0x10);
        out.u8(exchange);
        out.u8(0);
        out.u32(exchange == 32 ? 7 : 0);
        out.u32(wire::IkeHeader::size + 12);
        out.u32(12);  // no payload behind it
        out.u32(0xffffffff);
        out.u32(payload == 132 ? 0x00010101 : 0xffffffff);
        const Bytes message = out.take();
        for (unsigned i = 0; i < 100; ++i) { EXPECT_TRUE(eve.send(message).empty()); }
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
    }
}

TEST_F(Parsing, P07ProposalBombs) {
    const Proposal good = eve.proposals.front();
    // As many proposals as the wire has numbers for, none of them ours.
    Proposals many;
    for (unsigned i = 1; i <= 255; ++i) {
        Proposal one{.number = static_cast<std::uint8_t>(i)};
        for (std::uint16_t id = 0; id < 8; ++id) {
            one.transforms.push_back(
                {.type = TransformType::encr, .id = static_cast<std::uint16_t>(1000 + id)});
        }
        many.push_back(std::move(one));
    }
    const auto refused_by = [&](Proposals proposals) {
        eve.begin_again();
        eve.proposals = std::move(proposals);
        const auto answer = eve.try_init(eve.init_payloads());
        return !answer || has(answer, NotifyType::no_proposal_chosen);
    };
    EXPECT_TRUE(refused_by(many));
    // 255 transforms in each: the message is as long as UDP carries.
    Proposal wide{.number = 1};
    for (unsigned i = 0; i < 255; ++i) {
        wide.transforms.push_back(
            {.type = TransformType::encr, .id = 20, .key_bits = static_cast<std::uint16_t>(i)});
    }
    EXPECT_TRUE(refused_by(Proposals(20, wide)));
    for (const std::uint16_t key_bits :
         std::initializer_list<std::uint16_t>{0, 1, 255, 512, 65535}) {
        Proposal odd = good;
        odd.transforms.front().key_bits = key_bits;
        EXPECT_TRUE(refused_by({odd})) << key_bits;
    }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

TEST_F(Parsing, P07ProposalsWhoseCountsLie) {
    const Bytes good = eve.init_request();
    // Behind IKE header and generic header: last, RESERVED, length (2), number, protocol, SPI size,
    // number of transforms; then the first transform: last, RESERVED, length (2), type.
    constexpr std::size_t proposal = 32;
    for (const std::uint8_t count : std::initializer_list<std::uint8_t>{0, 1, 254, 255}) {
        EXPECT_TRUE(eve.send(with_octet(good, proposal + 7, count)).empty()) << int{count};
    }
    for (const std::uint8_t spi_size : std::initializer_list<std::uint8_t>{1, 255}) {
        EXPECT_TRUE(eve.send(with_octet(good, proposal + 6, spi_size)).empty()) << int{spi_size};
    }
    for (const std::uint8_t last : std::initializer_list<std::uint8_t>{0, 1, 3, 255}) {
        EXPECT_TRUE(eve.send(with_octet(good, proposal, last)).empty()) << int{last};
    }
    for (const std::uint8_t last : std::initializer_list<std::uint8_t>{0, 1, 2, 255}) {
        EXPECT_TRUE(eve.send(with_octet(good, proposal + 8, last)).empty()) << int{last};
    }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

TEST_F(Parsing, P08IdentitiesThatAreNone) {
    const auto with_nul = [](std::string_view text) {
        Bytes octets = to_bytes(as_bytes(text));
        octets.push_back(0);
        return octets;
    };
    const std::vector<Identity> identities{
        {.type = IdType::fqdn, .data = {}},
        {.type = IdType::fqdn, .data = with_nul("g66.example")},
        {.type = IdType::fqdn, .data = to_bytes(as_bytes("g66.example\n\x1b[2J%n%s"))},
        {.type = IdType::fqdn, .data = Bytes(60000, 'a')},
        {.type = IdType::rfc822_addr, .data = to_bytes(as_bytes("g66.example"))},
        {.type = IdType::ipv4_addr, .data = {192, 0, 2}},
        {.type = IdType::ipv4_addr, .data = {192, 0, 2, 66, 0}},
        {.type = IdType::ipv6_addr, .data = Bytes(15, 1)},
        {.type = IdType::der_asn1_dn, .data = {0x30, 0x84, 0xff, 0xff, 0xff, 0xff}},
        {.type = IdType::key_id, .data = to_bytes(as_bytes("g66.example"))},
        {.type = IdType{0}, .data = {}},
        {.type = IdType{255}, .data = to_bytes(as_bytes("g66.example"))},
        {.type = IdType::fqdn, .data = {0x30, 0x03, 0x01}},
    };
    for (const Identity& one : identities) {
        SCOPED_TRACE(one.to_string().substr(0, 80));
        eve.begin_again();
        eve.id = one;
        ASSERT_TRUE(eve.init());
        const auto answer = eve.ask(ExchangeType::ike_auth, eve.auth_payloads());
        EXPECT_TRUE(has(answer, NotifyType::authentication_failed) ||
                    has(answer, NotifyType::invalid_syntax));
        pair.pass(std::chrono::seconds{35});
    }
}

TEST_F(Parsing, P10SuitesWithAHole) {
    const Proposal good = eve.proposals.front();
    for (std::size_t i = 0; i < good.transforms.size(); ++i) {
        Proposal without = good;
        without.transforms.erase(without.transforms.begin() + static_cast<std::ptrdiff_t>(i));
        eve.begin_again();
        eve.proposals = {without};
        EXPECT_TRUE(has(eve.try_init(eve.init_payloads()), NotifyType::no_proposal_chosen)) << i;
    }
    // RFC 5282 8: no integrity algorithm beside an AEAD.
    Proposal beside = good;
    beside.transforms.push_back({.type = TransformType::integ, .id = 12});
    eve.begin_again();
    eve.proposals = {beside};
    EXPECT_TRUE(has(eve.try_init(eve.init_payloads()), NotifyType::no_proposal_chosen));
}

TEST_F(Parsing, P14NoncesOf16To256OctetsAreTaken) {  // RFC 7296 3.9
    for (const std::size_t size : {0U, 1U, 15U, 257U, 1000U}) {
        eve.nonce = Bytes(size, 7);
        EXPECT_TRUE(eve.say_init(eve.init_payloads()).empty()) << size;
    }
    for (const std::size_t size : {16U, 256U}) {
        eve.begin_again();
        eve.nonce = Bytes(size, 7);
        EXPECT_TRUE(eve.up()) << size;
    }
}

}  // namespace
}  // namespace culvert::ike::v2
