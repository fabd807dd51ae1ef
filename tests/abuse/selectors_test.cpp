// Abuse cases T: traffic selectors that nobody honest sends.

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using Narrowing = AbuseTest;

// A TS payload's body: each selector as the octets given.
Bytes ts_body(std::uint8_t count, const std::vector<Bytes>& selectors) {
    Writer out;
    out.u8(count);
    out.zeros(3);
    for (const Bytes& one : selectors) { out.bytes(one); }
    return out.take();
}
// type, protocol, length, ports, addresses (RFC 7296 3.13.1)
const Bytes good_ts{7, 0, 0, 16, 0, 0, 0xff, 0xff, 10, 66, 0, 0, 10, 66, 0, 255};

struct OddSelectors : AbuseTest {
    // CREATE_CHILD_SA with this TSi.
    std::optional<wire::Payloads> ask_with(const Bytes& tsi) {
        wire::Payloads payloads = eve.create_child_payloads(++spi_);
        Writer inside;
        const auto add = [&](PayloadType next, ByteView body) {
            inside.u8(std::to_underlying(next));
            inside.u8(0);
            inside.u16(static_cast<std::uint16_t>(4 + body.size()));
            inside.bytes(body);
        };
        const auto body_of = [](const wire::Payload& payload) {
            Writer out;
            wire::write_body(payload, out);
            return out.take();
        };
        add(PayloadType::nonce, body_of(payloads[0]));
        add(PayloadType::ts_initiator, body_of(payloads[1]));
        add(PayloadType::ts_responder, tsi);
        add(PayloadType::none, body_of(payloads[3]));
        return eve.ask_octets(
            eve.sealed_octets(ExchangeType::create_child_sa, PayloadType::sa, inside.view()));
    }

 private:
    std::uint32_t spi_ = 0xc0670000;
};

TEST_F(OddSelectors, T01WhatMatchesNothingIsUnacceptable) {  // RFC 7296 2.9
    ASSERT_TRUE(eve.up());
    Bytes reversed = good_ts;
    std::swap_ranges(reversed.begin() + 8, reversed.begin() + 12, reversed.begin() + 12);
    Bytes ports = good_ts;
    ports[1] = 6;
    ports[4] = 2;
    ports[6] = 1;
    Bytes unknown = good_ts;
    unknown[0] = 99;
    for (const Bytes& one : {reversed, unknown, ports}) {
        EXPECT_TRUE(has(ask_with(ts_body(1, {one})), NotifyType::ts_unacceptable));
    }
}

// RFC 7296 3.13.1, RFC 4301 4.4.1.1: 65535 to 0 is OPAQUE, which ANY includes and a range does not.
TEST_F(OddSelectors, T01OpaquePortsAreNoReversedRange) {
    Bytes opaque = good_ts;
    opaque[1] = 17;
    std::fill_n(opaque.begin() + 4, 2, std::uint8_t{0xff});
    std::fill_n(opaque.begin() + 6, 2, std::uint8_t{0});
    Bytes almost = opaque;
    almost[7] = 1;
    ASSERT_TRUE(eve.up());
    EXPECT_TRUE(has(ask_with(ts_body(1, {almost})), NotifyType::ts_unacceptable));
    const auto answer = ask_with(ts_body(1, {opaque}));
    ASSERT_TRUE(answer);
    const auto* ts = wire::find<wire::TsInitiator>(*answer);
    ASSERT_NE(ts, nullptr);
    EXPECT_EQ(to_string(ts->selectors), "10.66.0.0/24[udp/opaque]");
    Config narrow = victim_config();
    narrow.connections.back().children.front().remote_ts = {selector("10.66.0.0/24[udp/500-600]")};
    configure(std::move(narrow));
    eve.begin_again();
    ASSERT_TRUE(eve.up());
    EXPECT_TRUE(has(ask_with(ts_body(1, {opaque})), NotifyType::ts_unacceptable));
}

TEST_F(OddSelectors, T01AGoodOneAmongStrangeOnesIsNarrowedTo) {
    ASSERT_TRUE(eve.up());
    Bytes unknown = good_ts;
    unknown[0] = 99;
    const auto answer = ask_with(ts_body(2, {unknown, good_ts}));
    ASSERT_TRUE(answer);
    const auto* ts = wire::find<wire::TsInitiator>(*answer);
    ASSERT_NE(ts, nullptr);
    EXPECT_EQ(to_string(ts->selectors), "10.66.0.0/24");
}

TEST_F(OddSelectors, T01CountsAndLengthsThatLie) {
    for (const Bytes& body :
         {ts_body(255, {good_ts}), ts_body(1, {good_ts, good_ts}),
          ts_body(1, {{7, 0, 0, 7, 0, 0, 0}}), ts_body(1, {{7, 0, 0, 0}}), Bytes{1}, Bytes{}}) {
        eve.begin_again();
        ASSERT_TRUE(eve.up());
        EXPECT_TRUE(has(ask_with(body), NotifyType::invalid_syntax));
    }
    eve.begin_again();
    ASSERT_TRUE(eve.up());
    const auto none = ask_with(ts_body(0, {}));
    EXPECT_TRUE(has(none, NotifyType::invalid_syntax) || has(none, NotifyType::ts_unacceptable));
}

// (What they are to the SPD: tests/unit/ipsec, T_02.)
TEST_F(Narrowing, T02SelectorBombsMeetALimit) {
    ASSERT_TRUE(eve.up());
    constexpr std::uint16_t most = 255;  // of a payload
    std::uint32_t spi = 0xc0680000;
    const auto ask = [&](bool overlapping) {
        wire::Payloads payloads = eve.create_child_payloads(++spi);
        auto& tsi = std::get<wire::TsInitiator>(payloads[2]).selectors;
        auto& tsr = std::get<wire::TsResponder>(payloads[3]).selectors;
        tsi.clear();
        tsr.clear();
        for (std::uint16_t i = 0; i < most; ++i) {
            TrafficSelector one = selector("10.66.0.0/24").selector;
            one.protocol = 17;
            // Each inside the next one; or a port between each two, so that none merge.
            one.port_first = overlapping ? 0 : static_cast<std::uint16_t>(2 * i);
            one.port_last = overlapping ? i : static_cast<std::uint16_t>(2 * i);
            tsi.push_back(one);
            one.addresses = selector("10.2.0.0/24").selector.addresses;
            tsr.push_back(one);
        }
        const auto answer = eve.ask(ExchangeType::create_child_sa, payloads);
        return answer && wire::find<wire::SecurityAssociation>(*answer) != nullptr;
    };
    EXPECT_TRUE(ask(true));
    EXPECT_EQ(eve_status()->children.back().local_ts.size(), 1U);
    for (std::uint32_t child = 0; child < 100; ++child) {
        ASSERT_TRUE(ask(false));
        const ChildSaStatus made = eve_status()->children.back();
        ASSERT_EQ(made.local_ts.size(), selectors_max);
        ASSERT_EQ(made.remote_ts.size(), selectors_max);
    }
    EXPECT_EQ(eve_status()->children.size(), 102U);
    EXPECT_TRUE(eve.alive());
}

TEST_F(Narrowing, T03NobodyGetsMoreThanItsOwn) {
    ASSERT_TRUE(eve.init());
    wire::Payloads payloads = eve.auth_payloads();
    std::get<wire::TsInitiator>(payloads[3]).selectors = {selector("0.0.0.0/0").selector,
                                                          selector("::/0").selector};
    std::get<wire::TsResponder>(payloads[4]).selectors = {selector("0.0.0.0/0").selector};
    const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
    ASSERT_TRUE(answer);
    ASSERT_NE(wire::find<wire::TsInitiator>(*answer), nullptr);
    EXPECT_EQ(to_string(wire::find<wire::TsInitiator>(*answer)->selectors), "10.66.0.0/24");
    EXPECT_EQ(to_string(wire::find<wire::TsResponder>(*answer)->selectors), "10.2.0.0/24");
    // The honest peer's network, and IPv6 where there is none.
    for (const std::string_view wanted : {"10.1.0.0/24", "2001:db8::/64"}) {
        wire::Payloads other = eve.create_child_payloads(0xc0690001);
        std::get<wire::TsInitiator>(other[2]).selectors = {selector(wanted).selector};
        EXPECT_TRUE(has(eve.ask(ExchangeType::create_child_sa, other), NotifyType::ts_unacceptable))
            << wanted;
    }
}

}  // namespace
}  // namespace culvert::ike::v2
