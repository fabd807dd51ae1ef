#include "vici/server_session.hpp"

#include <gtest/gtest.h>

#include "show.hpp"
#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

ServerSession session() { return ServerSession{{{"version", "list-sas"}, {"list-sa", "log"}}}; }

Bytes wire(PacketType type, std::string name = {}, Message message = {}) {
    return frame(*encode({type, std::move(name), std::move(message)}));
}

// What the session wants written, as the client reads it.
std::string written(ServerSession& session) {
    FrameReader reader;
    reader.feed(session.output());
    session.written(session.output().size());
    std::string out;
    while (true) {
        const auto packet = reader.next().value();
        if (!packet) { return out; }
        const Packet decoded = decode(*packet).value();
        out += std::to_string(std::to_underlying(decoded.type)) + decoded.name + "(" +
               show(decoded.message) + ")";
    }
}

TEST(ServerSession, CarriesARequestAndItsAnswer) {
    ServerSession s = session();
    const auto request =
        s.receive(wire(PacketType::cmd_request, "version", Message{}.set("a", "b")));
    ASSERT_TRUE(request.has_value() && request->has_value());
    EXPECT_EQ((*request)->command, "version");
    EXPECT_EQ(show((*request)->message), "a=b");
    EXPECT_TRUE(s.busy());
    EXPECT_TRUE(s.output().empty());
    s.respond(Message{}.set("daemon", "culvertd"));
    EXPECT_FALSE(s.busy());
    EXPECT_EQ(written(s), "1(daemon=culvertd)");
}

TEST(ServerSession, AnswersUnknownCommandsAndEventsItself) {
    ServerSession s = session();
    Bytes all = wire(PacketType::cmd_request, "no-such");
    append(all, wire(PacketType::event_register, "no-such"));
    append(all, wire(PacketType::event_unregister, "log"));  // was not registered
    append(all, wire(PacketType::event_register, "log"));
    append(all, wire(PacketType::event_unregister, "log"));
    EXPECT_FALSE(s.receive(all).value().has_value());
    EXPECT_EQ(written(s), "2()6()6()5()5()");
    EXPECT_FALSE(s.subscribed("log"));
}

TEST(ServerSession, RaisesAndStreamsToSubscribersOnly) {
    ServerSession s = session();
    EXPECT_FALSE(s.raise("log", Message{}.set("x", "0")));
    s.stream("list-sa", Message{}.set("x", "1"));
    EXPECT_TRUE(s.output().empty());
    Bytes all = wire(PacketType::event_register, "log");
    append(all, wire(PacketType::event_register, "list-sa"));
    append(all, wire(PacketType::cmd_request, "list-sas"));
    EXPECT_TRUE(s.receive(all).value().has_value());
    EXPECT_TRUE(s.raise("log", Message{}.set("x", "2")));  // in the middle of the command
    s.stream("list-sa", Message{}.set("x", "3"));
    s.respond({});
    EXPECT_EQ(written(s), "5()5()7log(x=2)7list-sa(x=3)1()");
}

TEST(ServerSession, AnUnknownCommandHoldsUpNothingBehindIt) {
    ServerSession s = session();
    Bytes all = wire(PacketType::cmd_request, "version");
    append(all, wire(PacketType::cmd_request, "no-such"));
    append(all, wire(PacketType::cmd_request, "version", Message{}.set("n", "3")));
    ASSERT_TRUE(s.receive(all).value().has_value());
    ASSERT_TRUE(s.receive({}));
    s.respond({});
    const auto request = s.receive({});
    ASSERT_TRUE(request.has_value() && request->has_value());
    EXPECT_EQ(show((*request)->message), "n=3");
    EXPECT_EQ(written(s), "1()2()");
}

TEST(ServerSession, TellsHowManyEventsWereLostAsSoonAsThereIsRoom) {
    ServerSession s{{{"version"}, {"log", std::string{events_lost_event}}}};
    Bytes all = wire(PacketType::event_register, "log");
    append(all, wire(PacketType::event_register, std::string{events_lost_event}));
    ASSERT_TRUE(s.receive(all));
    const Message large = Message{}.set("x", std::string(60'000, 'x'));
    while (s.raise("log", large)) {}
    s.raise("log", large);
    EXPECT_EQ(s.events_dropped(), 2U);
    s.written(s.output().size());
    EXPECT_EQ(written(s), "7culvert-events-lost(lost=2)");
    EXPECT_TRUE(s.raise("log", Message{}));
    EXPECT_EQ(written(s), "7log()");
}

TEST(ServerSession, SaysOfAnEventThatNoPacketCanHold) {
    ServerSession s = session();
    ASSERT_TRUE(s.receive(wire(PacketType::event_register, "list-sa")));
    Message huge;
    for (int i = 0; i < 10; ++i) { huge.set(std::to_string(i), std::string(60'000, 'x')); }
    EXPECT_FALSE(s.stream("list-sa", huge));
    EXPECT_FALSE(s.raise("list-sa", huge));
    EXPECT_EQ(s.events_dropped(), 1U);
    EXPECT_TRUE(s.stream("list-sa", Message{}));
}

TEST(ServerSession, RunsOneCommandAtATimeInOrder) {
    ServerSession s = session();
    Bytes all = wire(PacketType::cmd_request, "version", Message{}.set("n", "1"));
    append(all, wire(PacketType::event_register, "log"));
    append(all, wire(PacketType::cmd_request, "version", Message{}.set("n", "2")));
    append(all, wire(PacketType::cmd_request, "version", Message{}.set("n", "3")));
    auto request = s.receive(all);
    EXPECT_EQ(show((*request)->message), "n=1");
    // What stands behind is looked at only so far as it does not disturb the running command.
    EXPECT_FALSE(s.receive({}).value().has_value());
    EXPECT_TRUE(s.subscribed("log"));
    EXPECT_FALSE(s.wants_input());
    s.respond({});
    request = s.receive({});
    EXPECT_EQ(show((*request)->message), "n=2");
    EXPECT_FALSE(s.receive({}).value().has_value());
    s.respond({});
    request = s.receive({});
    EXPECT_EQ(show((*request)->message), "n=3");
    s.respond({});
    EXPECT_FALSE(s.receive({}).value().has_value());
    EXPECT_TRUE(s.wants_input());
    EXPECT_EQ(written(s), "5()1()1()1()");
}

TEST(ServerSession, RefusesWhatOnlyADaemonSends) {
    for (const PacketType type : {PacketType::cmd_response, PacketType::cmd_unknown,
                                  PacketType::event_confirm, PacketType::event_unknown}) {
        ServerSession s = session();
        EXPECT_FALSE(s.receive(wire(type)).has_value());
    }
    ServerSession s = session();
    EXPECT_FALSE(s.receive(wire(PacketType::event, "log")).has_value());
}

TEST(ServerSession, X01RefusesWhatIsNotVici) {
    EXPECT_FALSE(session().receive(as_bytes("GET / HTTP/1.1\r\n")).has_value());
    EXPECT_FALSE(session().receive(frame(*from_hex("0007"))).has_value());
    EXPECT_FALSE(session().receive(frame({})).has_value());
    EXPECT_FALSE(session().receive(*from_hex("ffffffff")).has_value());
}

// a subscriber that does not read loses events, not our memory.
TEST(ServerSession, X01ASlowReaderLosesEvents) {
    ServerSession s = session();
    ASSERT_TRUE(s.receive(wire(PacketType::event_register, "log")).has_value());
    const Message line = Message{}.set("msg", std::string(1000, 'x'));
    for (int i = 0; i < 10'000; ++i) { s.raise("log", line); }
    EXPECT_LT(s.output().size(), event_queue_max + 2000);
    EXPECT_GT(s.events_dropped(), 8000U);
    EXPECT_FALSE(s.broken());
    EXPECT_FALSE(s.wants_more());
    EXPECT_FALSE(s.wants_input());
    s.written(s.output().size());
    EXPECT_TRUE(s.raise("log", line));  // and gets them again when it reads
}

// one that does not read its answers is given up.
TEST(ServerSession, X01AClientThatNeverReadsIsCutOff) {
    ServerSession s = session();
    Bytes all = wire(PacketType::event_register, "list-sa");
    append(all, wire(PacketType::cmd_request, "list-sas"));
    ASSERT_TRUE(s.receive(all).value().has_value());
    const Message sa = Message{}.set("sa", std::string(60'000, 'x'));
    for (int i = 0; i < 1000 && !s.broken(); ++i) {
        s.stream("list-sa", sa);
        EXPECT_LE(s.output().size(), output_queue_max);
    }
    EXPECT_TRUE(s.broken());
    EXPECT_TRUE(s.output().empty());
    s.respond({});
    EXPECT_TRUE(s.output().empty());
}

TEST(ServerSession, X01PipeliningWithoutEndIsRefused) {
    ServerSession s = session();
    Bytes all = wire(PacketType::cmd_request, "version");
    append(all, wire(PacketType::cmd_request, "version"));
    ASSERT_TRUE(s.receive(all).value().has_value());
    ASSERT_FALSE(s.receive({}).value().has_value());
    const Bytes more =
        wire(PacketType::cmd_request, "version", Message{}.set("x", std::string(60'000, 'x')));
    bool refused = false;
    for (int i = 0; i < 100 && !refused; ++i) { refused = !s.receive(more).has_value(); }
    EXPECT_TRUE(refused);
}

TEST(ServerSession, AnAnswerTooLargeToSendBecomesAFailure) {
    ServerSession s = session();
    ASSERT_TRUE(s.receive(wire(PacketType::cmd_request, "version")).value().has_value());
    s.respond(Message{}.set("x", std::string(70'000, 'x')));
    const std::string answer = written(s);
    EXPECT_TRUE(answer.starts_with("1(success=no errmsg=limit_reached: ")) << answer;
}

TEST(ServerSession, WritesInPieces) {
    ServerSession s = session();
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(s.receive(wire(PacketType::cmd_request, "version")).value().has_value());
        s.respond(Message{}.set("n", std::to_string(i)));
    }
    Bytes got;
    while (!s.output().empty()) {
        const ByteView next = s.output().first(std::min<std::size_t>(7, s.output().size()));
        append(got, next);
        s.written(next.size());
    }
    FrameReader reader;
    reader.feed(got);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(show(decode(*reader.next().value()).value().message), "n=" + std::to_string(i));
    }
}

TEST(Failure, CarriesTheWordsOfTheError) {
    const Message answer =
        failure(Error{.code = ErrorCode::config, .wanted = "a", .received = "b", .remedy = "c"});
    EXPECT_EQ(show(answer),
              "success=no errmsg=config: wanted a; got b. To fix it: c code=config wanted=a "
              "received=b remedy=c");
}

}  // namespace
}  // namespace culvert::vici
