// Which connection, and which child, a responder takes when several fit: by what the peer shows,
// by what each connection demands, by what each child is for.

#include <algorithm>

#include <gtest/gtest.h>

#include "certificate_pair.hpp"
#include "ike/leases.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {
namespace {

// ---- connections

struct Choosing : CertificateAuth {
    // The responder's, beside its first; without ids, as for peers whose names nobody knows.
    Connection& another(std::string name) {
        Connection more = two.connections.front();
        more.name = std::move(name);
        more.children.front().name = "net";
        two.connections.push_back(std::move(more));
        return two.connections.back();
    }
    static void add_secret_for_everybody(Config& config) {
        SharedSecret secret;
        secret.name = "everybody";
        secret.secret = Secret::copy_of(as_bytes("only for the tests"));
        config.secrets.push_back(std::move(secret));
    }
    // The responder serves users with the secret first, and such with certificates.
    void mixed() {
        add_secret_for_everybody(two);
        second().name = "by-secret";
        second().remote.method = AuthMethodKind::psk;
        another("by-certificate").remote.method = AuthMethodKind::pubkey;
        nobody_is_named();
    }
    void nobody_is_named() {
        for (Connection& connection : two.connections) { connection.remote.id = {}; }
    }
    std::string taken() {
        const auto all = pair->two.engine().status(pair->now);
        return all.empty() ? std::string{} : all.front().connection;
    }
};

TEST_F(Choosing, TheNextOneMayTrustTheAuthorityThatTheFirstDoesNot) {
    second().name = "research";
    second().remote.cacerts = {certificate("other")};
    another("sales").remote.cacerts = {certificate("root")};
    nobody_is_named();
    EXPECT_TRUE(up()) << pair->two.errors();
    EXPECT_EQ(taken(), "sales");
    EXPECT_EQ(pair->two.errors(), "");
}

TEST_F(Choosing, NobodyIsTakenWhoseDemandsAreNotMet) {
    second().name = "research";
    second().remote.cacerts = {certificate("other")};
    another("sales").remote.cacerts = {certificate("other")};
    nobody_is_named();
    refused("remote.cacerts, which count instead");
}

TEST_F(Choosing, ASignatureIsForOneThatWantsASignature) {
    mixed();
    EXPECT_TRUE(up()) << pair->two.errors();
    EXPECT_EQ(taken(), "by-certificate");
}

TEST_F(Choosing, ASecretIsForOneThatWantsASecret) {
    for (Config* config : {&one, &two}) { add_secret_for_everybody(*config); }
    first().local.method = AuthMethodKind::psk;
    second().name = "by-certificate";
    another("by-secret").remote.method = AuthMethodKind::psk;
    nobody_is_named();
    EXPECT_TRUE(up()) << pair->two.errors();
    EXPECT_EQ(taken(), "by-secret");
}

// A client that sends its certificate if it is asked for hears of all authorities that may count.
TEST_F(Choosing, CertificatesAreAskedForIfAnyOfThemTakesOne) {
    mixed();
    first().send_cert = SendCertificate::if_asked;
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
}

// ---- children

struct ChoosingChildren : testing::Test {
    ChoosingChildren() {
        ChildConfig wide = two.connections.front().children.front();
        wide.name = "wide";
        wide.local_ts = {selector("10.0.0.0/8")};
        wide.remote_ts = {selector("10.0.0.0/8")};
        auto& children = two.connections.front().children;
        children.insert(children.begin(), std::move(wide));
    }
    std::string taken(const std::optional<Acquire>& packet = {}) {
        EnginePair pair{std::move(one), std::move(two)};
        if (packet) {
            Acquire acquire = *packet;
            acquire.reqid = pair.one.engine().reqid_of("gw", "net");
            pair.feed(pair.one, std::move(acquire));
        } else {
            EXPECT_TRUE(pair.up(pair.one)) << pair.two.errors();
        }
        const auto installed = pair.two.all<InstallChild>();
        return installed.size() == 1 ? installed.front()->sa.name : std::string{};
    }
    Config one = gateway_config(1, 2);
    Config two = gateway_config(2, 1);
};

TEST_F(ChoosingChildren, TheOneThatIsForJustThisBeforeTheOneThatIsForMore) {
    EXPECT_EQ(taken(), "net");
}

TEST_F(ChoosingChildren, AlsoWithThePacketThatAskedForIt) {
    EXPECT_EQ(taken(Acquire{.local = TrafficSelector::parse("10.1.0.7/32").value(),
                            .remote = TrafficSelector::parse("10.2.0.7/32").value()}),
              "net");
}

TEST_F(ChoosingChildren, TheOneThatServesAllBeforeTheOneThatServesAPart) {
    one.connections.front().children.front().remote_ts = {selector("10.2.0.0/16")};
    auto& children = two.connections.front().children;
    std::ranges::reverse(children);
    EXPECT_EQ(taken(), "wide");
}

// ---- a peer that takes one pair of selectors an SA

struct OnePairEach : testing::Test {
    OnePairEach() {
        auto& mine = one.connections.front().children.front();
        mine.remote_ts = {selector("10.2.0.0/24"), selector("10.3.0.0/24")};
        auto& theirs = two.connections.front().children;
        ChildConfig more = theirs.front();
        more.name = "more";
        more.local_ts = {selector("10.3.0.0/24")};
        theirs.push_back(std::move(more));
    }
    void packet_to(std::string_view address) {
        pair->feed(pair->one, Acquire{.reqid = pair->one.engine().reqid_of("gw", "net"),
                                      .local = TrafficSelector::parse("10.1.0.7/32").value(),
                                      .remote = TrafficSelector::parse(address).value()});
    }
    std::size_t children() {
        const auto all = pair->one.engine().status(pair->now);
        return all.empty() ? 0 : all.front().children.size();
    }
    Config one = gateway_config(1, 2);
    Config two = gateway_config(2, 1);
    std::optional<EnginePair> pair;
};

TEST_F(OnePairEach, APacketThatMissesTheFirstGetsAnother) {
    pair.emplace(std::move(one), std::move(two));
    packet_to("10.2.0.7/32");
    EXPECT_EQ(children(), 1U) << pair->one.errors();
    packet_to("10.2.0.8/32");
    EXPECT_EQ(children(), 1U);
    packet_to("10.3.0.7/32");
    EXPECT_EQ(children(), 2U) << pair->one.errors();
    packet_to("10.3.0.8/32");
    EXPECT_EQ(children(), 2U);
}

TEST_F(OnePairEach, APeerThatGivesNoOtherIsNotAskedForEver) {
    two.connections.front().children.pop_back();
    pair.emplace(std::move(one), std::move(two));
    packet_to("10.2.0.7/32");
    for (int i = 0; i < 10; ++i) { packet_to("10.3.0.7/32"); }
    EXPECT_LE(children(), 2U);
}

// ---- the others of one identity

TEST(UniqueKeep, AClientThatHasForgottenItsOldIkeSaComesIn) {
    Config two = gateway_config(2, 1);
    two.connections.front().unique = Unique::keep;
    two.connections.front().remote_addrs.clear();
    EnginePair pair{gateway_config(1, 2), std::move(two)};
    ASSERT_TRUE(pair.up(pair.one));
    // It comes back with another address, and says INITIAL_CONTACT.
    Config again = gateway_config(1, 2);
    again.connections.front().local_addrs = {exactly("192.0.2.77")};
    pair.one.restart(std::move(again));
    pair.pass(std::chrono::seconds{1});
    EXPECT_TRUE(pair.up(pair.one)) << pair.two.errors();
    EXPECT_EQ(pair.two.engine().status(pair.now).size(), 1U);
}

// ---- what is ending

TEST(TerminateByForce, TakesWhatWaitsForAPeerThatIsGone) {
    EnginePair pair{gateway_config(1, 2), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one));
    pair.cut = true;
    pair.feed(pair.one, Terminate{.id = CommandId{100}, .ike = "gw"});
    EXPECT_FALSE(pair.one.ended(100));
    pair.feed(pair.one, Terminate{.id = CommandId{101}, .ike = "gw", .force = true});
    ASSERT_TRUE(pair.one.ended(101));
    EXPECT_TRUE(*pair.one.ended(101));
    EXPECT_TRUE(pair.one.ended(100));
    EXPECT_TRUE(pair.one.engine().status(pair.now).empty());
    pair.one.engine().check_invariants();
}

// ---- pools

TEST(SplitPools, NobodysAddressIsTakenOverWhileAnotherPoolHasFreeOnes) {
    const auto pool = [](std::string name, std::string_view range) {
        Pool out;
        out.name = std::move(name);
        out.addresses = IpRange::parse(range).value();
        return out;
    };
    const Pool a = pool("a", "10.9.0.1-10.9.0.1");
    const Pool b = pool("b", "10.9.1.1-10.9.1.9");
    LeaseBook book;
    const LeaseWish carol{.identity = identity("carol"), .holder = ip("192.0.2.7")};
    const LeaseWish dave{.identity = identity("dave"), .holder = ip("192.0.2.8")};
    const auto give = [&](const LeaseWish& wish) -> std::optional<IpAddress> {
        for (const LeaseFrom from : {LeaseFrom::kept, LeaseFrom::fresh, LeaseFrom::others}) {
            for (const Pool* one : {&a, &b}) {
                if (const auto address = book.acquire(*one, wish, from)) { return address; }
            }
        }
        return std::nullopt;
    };
    ASSERT_EQ(give(carol), ip("10.9.0.1"));
    book.release("a", ip("10.9.0.1"));
    ASSERT_EQ(give(dave), ip("10.9.1.1"));
    EXPECT_EQ(give(carol), ip("10.9.0.1"));
}

}  // namespace
}  // namespace culvert::ike::v2
