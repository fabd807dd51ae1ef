#include "vici/client.hpp"

#include <gtest/gtest.h>

#include "show.hpp"
#include "vici/frame.hpp"
#include "vici/limits.hpp"
#include "vici/server_session.hpp"

namespace culvert::vici {
namespace {

// A daemon at the other end of the stream: list-sas streams two SAs with a log event between.
class Loopback : public ByteStream {
 public:
    Status write(ByteView octets) override {
        auto request = session_.receive(octets);
        if (!request) { return std::unexpected(request.error()); }
        if (*request) { answer(**request); }
        return {};
    }
    Result<std::size_t> read(MutableByteView into) override {
        // In small pieces, as a socket may.
        const std::size_t count = std::min<std::size_t>({3, into.size(), session_.output().size()});
        std::ranges::copy(session_.output().first(count), into.begin());
        session_.written(count);
        return count;
    }

    ServerSession session_{{{"version", "list-sas", "flood"}, protocol_events()}};

 private:
    void answer(const Request& request) {
        if (request.command == "list-sas") {
            session_.stream("list-sa", Message{}.set("n", "1"));
            session_.raise("log", Message{}.set("msg", "hello"));
            session_.stream("list-sa", Message{}.set("n", "2"));
        }
        if (request.command == "flood") {
            for (std::size_t i = 0; i <= events_held_max; ++i) { session_.stream("log", {}); }
        }
        session_.respond(request.message);
    }
};

TEST(Client, GetsAnswers) {
    Loopback daemon;
    Client client{daemon};
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.request("version", Message{}.set("a", "b"));
        ASSERT_TRUE(answer.has_value()) << explain(answer.error());
        EXPECT_EQ(show(*answer), "a=b");
    }
}

TEST(Client, HandsOverStreamedEventsAndKeepsOthers) {
    Loopback daemon;
    Client client{daemon};
    ASSERT_TRUE(client.subscribe("log").has_value());
    std::string seen;
    const auto answer = client.request(
        "list-sas", {}, "list-sa", [&](const Message& message) { seen += show(message) + ";"; });
    ASSERT_TRUE(answer.has_value()) << explain(answer.error());
    EXPECT_EQ(seen, "n=1;n=2;");
    EXPECT_FALSE(daemon.session_.subscribed("list-sa"));
    const auto event = client.next_event();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->name, "log");
    EXPECT_EQ(show(event->message), "msg=hello");
}

TEST(Client, ToldOfUnknownNames) {
    Loopback daemon;
    Client client{daemon};
    EXPECT_EQ(client.request("no-such").error().code, ErrorCode::not_found);
    EXPECT_EQ(client.subscribe("no-such").error().code, ErrorCode::not_found);
    EXPECT_TRUE(client.request("version").has_value());  // goes on
}

TEST(Client, ToldOfTheEndOfTheStream) {
    Loopback daemon;
    Client client{daemon};
    ASSERT_TRUE(client.subscribe("log").has_value());
    EXPECT_EQ(client.next_event().error().code, ErrorCode::peer_gone);
}

TEST(Client, HoldsABoundedNumberOfEvents) {
    Loopback daemon;
    Client client{daemon};
    ASSERT_TRUE(client.subscribe("log").has_value());
    EXPECT_EQ(client.request("flood").error().code, ErrorCode::limit_reached);
}

TEST(Check, TurnsAFailureIntoAnError) {
    EXPECT_TRUE(check("up", success()).has_value());
    EXPECT_TRUE(check("version", Message{}).has_value());
    EXPECT_EQ(check("up", failure("no such child")).error().received, "no such child");
    const Error error{.code = ErrorCode::config, .wanted = "a", .received = "b", .remedy = "c"};
    const Status ours = check("up", failure(error));
    EXPECT_EQ(ours.error().wanted, "a");
    EXPECT_EQ(ours.error().received, "b");
    EXPECT_EQ(ours.error().remedy, "c");
}

// A daemon that has too many clients already answers before it is asked, and closes.
class Full : public ByteStream {
 public:
    explicit Full(bool closed) : closed_(closed) {
        const Error why{.code = ErrorCode::limit_reached,
                        .wanted = "at most 64 clients",
                        .received = "one more",
                        .remedy = "close some"};
        left_ = frame(*encode({PacketType::cmd_response, {}, failure(why)}));
    }
    Status write(ByteView) override {
        if (closed_) {
            return std::unexpected(Error{.code = ErrorCode::system, .received = "EPIPE"});
        }
        return {};
    }
    Result<std::size_t> read(MutableByteView into) override {
        const std::size_t count = std::min(into.size(), left_.size());
        std::copy_n(left_.begin(), count, into.begin());
        left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(count));
        return count;
    }

 private:
    bool closed_;
    Bytes left_;
};

TEST(Client, HearsWhyItWasTurnedAway) {
    for (const bool closed : {false, true}) {
        Full daemon{closed};
        Client client{daemon};
        const auto answer = client.request("list-sas", {}, "list-sa", [](const Message&) {});
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().wanted, "at most 64 clients");
        EXPECT_EQ(answer.error().remedy, "close some");
    }
}

}  // namespace
}  // namespace culvert::vici
