// Both ends of EAP with each other, and what either does with a peer that breaks the rules.

#include <map>

#include <gtest/gtest.h>

#include "ike/eap/limits.hpp"
#include "ike/eap/peer.hpp"
#include "ike/eap/server.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ike::eap {
namespace {

Identity id(std::string_view text) { return Identity::parse(text).value(); }

struct Conversation : testing::Test {
    void knows(std::map<std::string, Secret>& book, const std::string& name,
               std::string_view word) {
        book.insert_or_assign(name, Secret::copy_of(as_bytes(word)));
    }
    Context context(const std::map<std::string, Secret>& book) {
        return {.random = random,
                .connection = "gw",
                .server = id("moon.example"),
                .password_of = [&book](const Identity& who) {
                    const auto found = book.find(who.to_string());
                    if (found == book.end()) { return Password{}; }
                    return Password{.secret = &found->second, .section = "eap-" + found->first};
                }};
    }
    // Until both have come to an end.
    void run(Peer& peer, Server& server) {
        auto said = server.begin(context(at_server));
        for (unsigned i = 0; i < 2 * rounds_max; ++i) {
            const Bytes* message = nullptr;
            if (auto* ask = std::get_if<Server::Ask>(&said)) { message = &ask->message; }
            if (auto* done = std::get_if<Server::Succeeded>(&said)) { message = &done->message; }
            if (auto* failed = std::get_if<Server::Failed>(&said)) { message = &failed->message; }
            ++requests;
            auto answer = peer.handle(*message, context(at_peer));
            if (auto* failed = std::get_if<Peer::Failed>(&answer)) { peer_error = failed->error; }
            if (auto* done = std::get_if<Peer::Succeeded>(&answer)) {
                peer_msk = std::move(done->msk);
                peer_done = true;
            }
            if (auto* done = std::get_if<Server::Succeeded>(&said)) {
                proved = done->user;
                server_msk = std::move(done->msk);
                server_done = true;
            }
            if (auto* failed = std::get_if<Server::Failed>(&said)) { server_error = failed->error; }
            auto* more = std::get_if<Peer::Answer>(&answer);
            if (more == nullptr) { return; }
            said = server.handle(more->message, context(at_server));
        }
        FAIL() << "no end";
    }
    void run_between(std::vector<Type> ours, std::vector<Type> theirs, bool asks = true) {
        Peer peer{id("carol"), std::move(ours)};
        Server server{id("192.0.2.1"), std::move(theirs), asks};
        run(peer, server);
    }
    bool keys_agree() const { return to_hex(peer_msk.reveal()) == to_hex(server_msk.reveal()); }

    test::SeededRandom random{7};
    std::map<std::string, Secret> at_peer;
    std::map<std::string, Secret> at_server;
    std::optional<Error> peer_error;
    std::optional<Error> server_error;
    bool peer_done = false;
    bool server_done = false;
    Secret peer_msk;
    Secret server_msk;
    Identity proved;
    unsigned requests = 0;
};

struct Right : Conversation {
    Right() {
        knows(at_peer, "carol", "Ar3etTnp");
        knows(at_server, "carol", "Ar3etTnp");
    }
};

TEST_F(Right, MschapV2ProvesBothAndMakesAKey) {
    run_between({Type::mschapv2}, {Type::mschapv2});
    ASSERT_TRUE(peer_done && server_done);
    EXPECT_EQ(server_msk.size(), msk_size);
    EXPECT_TRUE(keys_agree());
    EXPECT_EQ(proved, id("carol"));
    EXPECT_EQ(requests, 4U);  // identity, challenge, success, EAP-Success
}

TEST_F(Right, Md5AndGtcProveThePeerAndMakeNone) {
    for (const Type type : {Type::md5, Type::gtc}) {
        peer_done = server_done = false;
        run_between({type}, {type});
        EXPECT_TRUE(peer_done && server_done) << to_string(type);
        EXPECT_TRUE(server_msk.empty() && peer_msk.empty());
        EXPECT_EQ(proved, id("carol"));
    }
}

// Without EAP-Identity the name in MS-CHAP-V2's response is who has proved himself.
TEST_F(Right, TheUserIsWhoHasProvedHimself) {
    run_between({Type::mschapv2}, {Type::mschapv2}, false);
    ASSERT_TRUE(server_done);
    EXPECT_EQ(proved, id("carol"));
    EXPECT_EQ(requests, 3U);
}

// RFC 3748 5.3.1.
TEST_F(Right, ANakLeadsToWhatBothHave) {
    run_between({Type::md5}, {Type::mschapv2, Type::md5, Type::gtc});
    ASSERT_TRUE(peer_done && server_done);
    EXPECT_EQ(requests, 4U);  // identity, MS-CHAP-V2 declined, MD5, EAP-Success
}

TEST_F(Right, NothingInCommonEndsWithWhatWasAskedFor) {
    run_between({Type::gtc}, {Type::mschapv2});
    ASSERT_TRUE(server_error && peer_error);
    EXPECT_NE(explain(*server_error).find("a Nak that asks for EAP_GTC"), std::string::npos)
        << explain(*server_error);
    EXPECT_NE(server_error->remedy.find("remote.auth to eap-gtc"), std::string::npos);
    EXPECT_NE(explain(*peer_error).find("the peer offered EAP_MSCHAPV2"), std::string::npos)
        << explain(*peer_error);
}

TEST_F(Conversation, AWrongPasswordIsToldOnBothSides) {
    knows(at_peer, "carol", "Ar3etTnq");
    knows(at_server, "carol", "Ar3etTnp");
    for (const Type type : {Type::mschapv2, Type::md5, Type::gtc}) {
        run_between({type}, {type});
        ASSERT_TRUE(server_error && peer_error);
        EXPECT_EQ(server_error->code, ErrorCode::authentication_failed);
        EXPECT_NE(explain(*server_error).find("secrets.eap-carol"), std::string::npos);
        EXPECT_EQ(explain(*server_error).find("Ar3"), std::string::npos);
        EXPECT_NE(explain(*peer_error).find("carol"), std::string::npos);
        if (type == Type::mschapv2) {
            EXPECT_NE(explain(*peer_error).find("691: wrong user or password"), std::string::npos)
                << explain(*peer_error);
        }
    }
    EXPECT_FALSE(peer_done || server_done);
}

// S-07: on the wire an unknown user looks like a wrong password.
TEST_F(Conversation, AnUnknownUserIsToldHereAndNotThere) {
    knows(at_peer, "carol", "Ar3etTnp");
    run_between({Type::mschapv2}, {Type::mschapv2});
    ASSERT_TRUE(server_error && peer_error);
    EXPECT_NE(explain(*server_error).find("\"carol\", for whom there is none"), std::string::npos);
    EXPECT_NE(explain(*peer_error).find("691: wrong user or password"), std::string::npos);
}

TEST_F(Conversation, WithoutAPasswordOfItsOwnThePeerSaysSo) {
    knows(at_server, "carol", "Ar3etTnp");
    run_between({Type::mschapv2}, {Type::mschapv2});
    ASSERT_TRUE(peer_error);
    EXPECT_NE(explain(*peer_error).find("secrets { eap-gw { id = carol"), std::string::npos)
        << explain(*peer_error);
}

// RFC 2759 6: up to password_tries_max with fresh challenges. The second is right here.
TEST_F(Right, AMistypedPasswordMayBeTypedAgain) {
    at_peer.insert_or_assign("carol", Secret::copy_of(as_bytes("mistyped")));
    Server server{id("carol"), {Type::mschapv2}, false};
    auto said = server.begin(context(at_server));
    for (const bool right : {false, true}) {
        if (right) { knows(at_peer, "carol", "Ar3etTnp"); }
        // A peer that begins anew at each challenge; that of a failure stands in its text.
        Peer peer{id("carol"), {Type::mschapv2}};
        Bytes request = std::get<Server::Ask>(said).message;
        if (right) {
            const auto failure = Packet::parse(request).value();
            const std::string text{as_text(ByteView{failure.data}.subspan(4))};
            ASSERT_TRUE(text.starts_with("E=691 R=1 C=")) << text;
            Packet again{.code = Code::request,
                         .identifier = failure.identifier,
                         .type = Type::mschapv2,
                         .data = from_hex("0107001510").value()};
            append(again.data, from_hex(text.substr(12, 32)).value());
            again.data[3] = static_cast<std::uint8_t>(again.data.size());
            request = again.write();
        }
        const auto answer = peer.handle(request, context(at_peer));
        ASSERT_TRUE(std::holds_alternative<Peer::Answer>(answer));
        said = server.handle(std::get<Peer::Answer>(answer).message, context(at_server));
    }
    const auto last = Packet::parse(std::get<Server::Ask>(said).message).value();
    EXPECT_TRUE(as_text(ByteView{last.data}.subspan(4)).starts_with("S="));
}

// What a server must not take.
TEST_F(Right, E02S10TheServerEndsAtWhatIsNoAnswer) {
    const auto after_begin = [&](auto make) {
        Server server{id("carol"), {Type::mschapv2}, false};
        const auto first =
            Packet::parse(std::get<Server::Ask>(server.begin(context(at_server))).message).value();
        const auto outcome = server.handle(make(first).write(), context(at_server));
        const auto* failed = std::get_if<Server::Failed>(&outcome);
        return failed == nullptr ? std::string{"went on"} : explain(failed->error);
    };
    const auto response = [](const Packet& to, Type type, Bytes data) {
        return Packet{.code = Code::response,
                      .identifier = to.identifier,
                      .type = type,
                      .data = std::move(data)};
    };
    EXPECT_NE(after_begin([&](Packet p) {
                  p.identifier ^= 1;
                  return response(p, Type::mschapv2, {});
              }).find("another identifier"),
              std::string::npos);
    EXPECT_NE(after_begin([](const Packet& p) { return p; }).find("no response"),
              std::string::npos);
    EXPECT_NE(after_begin([&](const Packet& p) {
                  return response(p, Type::md5, {1, 1});
              }).find("one of EAP_MD5"),
              std::string::npos);
    EXPECT_NE(after_begin([&](const Packet& p) {
                  return response(p, Type::mschapv2, Bytes(5000, 2));
              }).find("too long"),
              std::string::npos);
    EXPECT_NE(after_begin([&](const Packet& p) {
                  return response(p, Type::mschapv2, {});
              }).find("out of turn"),
              std::string::npos);
    // Success said by the peer itself, before anything was proved.
    EXPECT_NE(after_begin([&](const Packet& p) {
                  return response(p, Type::mschapv2, {3});
              }).find("out of turn"),
              std::string::npos);
}

TEST_F(Right, E02AHugeIdentityIsRefused) {
    Server server{id("carol"), {Type::mschapv2}, true};
    const auto first =
        Packet::parse(std::get<Server::Ask>(server.begin(context(at_server))).message).value();
    const Packet big{.code = Code::response,
                     .identifier = first.identifier,
                     .type = Type::identity,
                     .data = Bytes(identity_size_max + 1, 'a')};
    EXPECT_TRUE(
        std::holds_alternative<Server::Failed>(server.handle(big.write(), context(at_server))));
}

// What a peer must not take.
struct Stranger : Right {
    Peer peer{id("carol"), {Type::mschapv2}};
    std::string say(Code code, std::optional<Type> type = {}, Bytes data = {}) {
        const auto outcome = peer.handle(
            Packet{.code = code, .identifier = 9, .type = type, .data = std::move(data)}.write(),
            context(at_peer));
        const auto* failed = std::get_if<Peer::Failed>(&outcome);
        return failed == nullptr ? std::string{} : explain(failed->error);
    }
    Bytes challenge() {
        return from_hex(
                   "01070015"
                   "10" +
                   to_hex(Bytes(16, 3)))
            .value();
    }
};

TEST_F(Stranger, E01SuccessBeforeItHasProvedItself) {
    EXPECT_NE(say(Code::success).find("EAP-Success without it"), std::string::npos);
    EXPECT_EQ(say(Code::request, Type::mschapv2, challenge()), "");
    EXPECT_NE(say(Code::success).find("EAP-Success without it"), std::string::npos);
}

TEST_F(Stranger, E03AProofThatIsNone) {
    EXPECT_EQ(say(Code::request, Type::mschapv2, challenge()), "");
    const Bytes text = to_bytes(as_bytes("S=" + std::string(40, '0') + " M=hello"));
    Bytes data = from_hex("0307").value();
    data.push_back(0);
    data.push_back(static_cast<std::uint8_t>(text.size() + 4));
    append(data, text);
    EXPECT_NE(say(Code::request, Type::mschapv2, data).find("do not trust it"), std::string::npos);
}

TEST_F(Stranger, E01S10AnotherMethodInTheMiddle) {
    EXPECT_EQ(say(Code::request, Type::mschapv2, challenge()), "");
    EXPECT_NE(say(Code::request, Type::gtc, {}).find("RFC 3748 2.1"), std::string::npos);
}

TEST_F(Stranger, AMethodThatWouldShowThePasswordIsDeclined) {
    const auto outcome = peer.handle(
        Packet{.code = Code::request, .identifier = 1, .type = Type::gtc, .data = {}}.write(),
        context(at_peer));
    const auto answer = Packet::parse(std::get<Peer::Answer>(outcome).message).value();
    EXPECT_EQ(answer.type, Type::nak);
    EXPECT_EQ(answer.data, Bytes{26});
}

TEST_F(Stranger, E01S10RequestsWithoutEnd) {
    std::string why;
    unsigned i = 0;
    while (why.empty() && ++i < 10 * rounds_max) {
        why = say(Code::request, Type::notification, {'x'});
    }
    EXPECT_NE(why.find("one request after another"), std::string::npos);
    EXPECT_EQ(i, rounds_max + 1);
}

}  // namespace
}  // namespace culvert::ike::eap
