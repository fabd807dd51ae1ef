// What IKE_AUTH can do besides: childless IKE SAs (RFC 6023), post-quantum secrets (RFC 8784).

#include "engine_pair.hpp"
#include "ike/auth/ppk.hpp"

namespace culvert::ike::v2 {
namespace {

SharedSecret ppk(std::string_view id, std::string_view value) {
    SharedSecret secret;
    secret.name = "ppk-test";
    secret.owners = {identity(id)};
    secret.secret = Secret::copy_of(as_bytes(value));
    return secret;
}

struct AuthExtensions : testing::Test {
    AuthExtensions() : first(gateway_config(1, 2)), second(gateway_config(2, 1)) {}
    Connection& one() { return first.connections.front(); }
    Connection& two() { return second.connections.front(); }
    Status up() {
        pair.emplace(std::move(first), std::move(second));
        return pair->up(pair->one);
    }
    // Both ends have the same keys for the child.
    bool keys_agree() { return pair->keys_agree(); }
    bool was_said(const Side& side, std::string_view words) {
        return std::ranges::any_of(side.all<Event>(), [&](const Event* event) {
            return event->text.find(words) != std::string::npos;
        });
    }
    Config first;
    Config second;
    std::optional<EnginePair> pair;
};

TEST_F(AuthExtensions, PrefersAnIkeSaWithoutChildAndMakesTheChildAfterIt) {
    one().childless = Childless::prefer;
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_TRUE(was_said(pair->one, "received CREATE_CHILD_SA response"));
    EXPECT_TRUE(keys_agree());
}

TEST_F(AuthExtensions, PrefersOnlyWhereThePeerCan) {
    one().childless = Childless::prefer;
    two().childless = Childless::never;
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_FALSE(was_said(pair->one, "received CREATE_CHILD_SA response"));
}

// Who asks is not known when childless IKE SAs are announced, and one of two connections refuses
// them: the peer that prefers them comes with its child.
TEST_F(AuthExtensions, IsNotAnnouncedWhereOneOfTheConnectionsRefusesIt) {
    one().childless = Childless::prefer;
    two().childless = Childless::never;
    Connection other = two();
    other.name = "other";
    other.childless = Childless::allow;
    other.remote.id = identity("somebody.example");
    second.connections.insert(second.connections.begin(), std::move(other));
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_FALSE(was_said(pair->one, "received CREATE_CHILD_SA response"));
    EXPECT_TRUE(keys_agree());
}

TEST_F(AuthExtensions, ForceEndsWhereThePeerCannot) {
    one().childless = Childless::force;
    two().childless = Childless::never;
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_NE(explain(status.error()).find("childless = prefer"), std::string::npos);
}

TEST_F(AuthExtensions, ForceRefusesAChildInIkeAuth) {
    one().childless = Childless::never;
    two().childless = Childless::force;
    EXPECT_FALSE(up());
    EXPECT_EQ(pair->one.engine().status(pair->now).size(), 1U);  // the IKE SA stands
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
}

TEST_F(AuthExtensions, APpkOfBothIsMixedIn) {
    one().ppk_id = identity("q.example");
    first.ppks.push_back(ppk("q.example", "a long one"));
    second.ppks.push_back(ppk("q.example", "a long one"));
    one().ppk_required = two().ppk_required = true;
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(keys_agree());
    EXPECT_TRUE(was_said(pair->one, "PPK_ID"));
}

TEST_F(AuthExtensions, AnotherPpkIsNoAuthentication) {
    one().ppk_id = identity("q.example");
    first.ppks.push_back(ppk("q.example", "a long one"));
    second.ppks.push_back(ppk("q.example", "another one"));
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::authentication_failed);
}

TEST_F(AuthExtensions, WithoutThatPpkItGoesOnOnlyIfNobodyRequiresIt) {
    for (const int who : {0, 1, 2}) {
        first = gateway_config(1, 2);
        second = gateway_config(2, 1);
        one().ppk_id = identity("q.example");
        first.ppks.push_back(ppk("q.example", "a long one"));
        second.ppks.push_back(ppk("other.example", "another one"));
        one().ppk_required = who == 1;
        two().ppk_required = who == 2;
        const Status status = up();
        EXPECT_EQ(status.has_value(), who == 0) << who;
        if (who == 0) { EXPECT_TRUE(keys_agree()); }
    }
}

TEST_F(AuthExtensions, APeerWithoutPpksIsRefusedWhereOneIsRequired) {
    one().ppk_id = identity("q.example");
    one().ppk_required = true;
    first.ppks.push_back(ppk("q.example", "a long one"));
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_NE(explain(status.error()).find("USE_PPK"), std::string::npos);
}

TEST_F(AuthExtensions, AnInitiatorThatDoesNotAskIsRefusedWhereOneIsRequired) {
    two().ppk_required = true;
    second.ppks.push_back(ppk("q.example", "a long one"));
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("post-quantum"), std::string::npos);
}

// RFC 7619: the client proves nothing, the gateway that it is the gateway.
void make_null(AuthConfig& side, bool local) {
    side.method = AuthMethodKind::null;
    side.id = local ? Identity{.type = IdType::null, .data = {}} : Identity{};
}

TEST_F(AuthExtensions, OneSideMayProveNothingWhereBothHaveItSo) {
    make_null(one().local, true);
    make_null(two().remote, false);
    first.secrets.front().owners = second.secrets.front().owners = {};  // for anybody
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(keys_agree());
    EXPECT_EQ(pair->two.engine().status(pair->now).front().remote_id.type, IdType::null);
    EXPECT_EQ(pair->one.engine().status(pair->now).front().remote_id, identity("g2.example"));
}

TEST_F(AuthExtensions, BothSidesMayProveNothing) {
    for (AuthConfig* side : {&one().local, &two().local}) { make_null(*side, true); }
    for (AuthConfig* side : {&one().remote, &two().remote}) { make_null(*side, false); }
    first.secrets.clear();
    second.secrets.clear();
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(keys_agree());
}

TEST_F(AuthExtensions, WhoProvesNothingIsRefusedWhereProofIsWanted) {
    make_null(one().local, true);
    two().remote.id = {};  // whoever he is
    second.secrets.front().owners = {};
    const Status status = up();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::authentication_failed);
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(AuthExtensions, AnInitiatorThatWantsProofTakesNoNullForIt) {
    make_null(two().local, true);
    one().remote.id = {};
    first.secrets.front().owners = second.secrets.front().owners = {};
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
}

TEST_F(AuthExtensions, WhoHasProofIsNotTakenForNobody) {
    make_null(two().remote, false);
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST(Ppk, MixesEachKeyByPrfPlus) {
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Secret key = Secret::copy_of(Bytes(32, 1));
    const Secret other = Secret::copy_of(Bytes(32, 2));
    const PpkKeys keys = mix_ppk(prf, Secret::copy_of(as_bytes("ppk")), key, other, key);
    // prf+ (PPK, SK) of one block is prf (PPK, SK | 0x01).
    const Bytes one{1};
    EXPECT_EQ(to_bytes(keys.sk_d.reveal()),
              to_bytes(prf(as_bytes("ppk"), {key.reveal(), one}).reveal()));
    EXPECT_EQ(to_bytes(keys.sk_pr.reveal()), to_bytes(keys.sk_d.reveal()));
    EXPECT_NE(to_bytes(keys.sk_pi.reveal()), to_bytes(keys.sk_d.reveal()));
}

}  // namespace
}  // namespace culvert::ike::v2
