// TCP streams with real sockets on the loopback: the bounds on what strangers may cost, and
// that what is sent arrives.

#include "plane/tcp_streams.hpp"

#include <array>
#include <condition_variable>
#include <deque>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

using namespace std::chrono_literals;

// Far longer than anything takes; only a failure waits for it.
constexpr auto patience = 20s;

class Heard final : public PlaneEvents {
 public:
    void ike_datagram(IkeDatagram datagram) override {
        note([&] { messages.push_back(std::move(datagram)); });
    }
    void stream_opened(StreamId id, Endpoint local) override {
        note([&] { opened.emplace_back(id, local); });
    }
    void stream_broken(StreamId id, Endpoint, Error why, bool refused) override {
        note([&] { broken.push_back({id, std::move(why), refused}); });
    }
    void acquire(ReqId, TrafficSelector, TrafficSelector) override {}
    void expire(ChildSaId, ExpireKind) override {}
    void mapping_changed(ChildSaId, Endpoint) override {}
    void addresses_changed() override {}
    void send_failed(Endpoint, Error) override {}

    template <class What>
    bool until(What what) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, patience, what);
    }
    template <class Do>
    void note(Do what) {
        {
            const std::scoped_lock lock{mutex_};
            what();
        }
        changed_.notify_all();
    }

    struct Broken {
        StreamId id;
        Error why;
        bool refused;
    };
    std::deque<IkeDatagram> messages;
    std::deque<std::pair<StreamId, Endpoint>> opened;
    std::deque<Broken> broken;
    std::deque<Bytes> esp;

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

const IpAddress loopback = *IpAddress::parse("127.0.0.1");

// A peer made by hand.
class Client {
 public:
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const SocketAddress to = SocketAddress::of({loopback, port});
        connected_ = ::connect(fd_.get(), to.data(), to.length) == 0;
    }
    bool connected() const { return connected_; }
    void say(ByteView octets) const {
        ASSERT_EQ(::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(octets.size()));
    }
    // The stream's end, without a word before it.
    bool is_closed() const {
        pollfd wait{fd_.get(), POLLIN, 0};
        const auto ms = std::chrono::milliseconds{patience}.count();
        if (::poll(&wait, 1, static_cast<int>(ms)) != 1) { return false; }
        std::array<char, 16> room{};
        return ::recv(fd_.get(), room.data(), room.size(), 0) <= 0;
    }
    Bytes read(std::size_t octets) const {
        Bytes out(octets);
        EXPECT_EQ(::recv(fd_.get(), out.data(), octets, MSG_WAITALL), static_cast<ssize_t>(octets));
        return out;
    }

 private:
    FileDescriptor fd_;
    bool connected_ = false;
};

Bytes ike_message(std::size_t size) { return Bytes(size, 0x21); }

struct Server {
    explicit Server(const StreamTimes& times = {.look = 20ms})
        : streams({.mark_needed = false}, 0, times) {
        streams.use(heard, [this](const Arrival& run) {
            heard.note([&] { heard.esp.push_back(to_bytes(run.octets)); });
            return true;
        });
        const Status done = streams.listen(true);
        EXPECT_TRUE(done) << explain(done.error());
    }
    // From a peer that speaks the protocol.
    Client peer() {
        Client out{streams.port()};
        out.say(stream_prefix);
        return out;
    }
    std::uint64_t statistic(const char* name) {
        std::map<std::string, std::uint64_t> all;
        streams.add_statistics(all);
        return all.at(name);
    }
    // No event tells of it.
    std::uint64_t accepted() { return statistic("tcp_accepted"); }
    bool refused(std::size_t count = 1) {
        return heard.until([&] { return heard.broken.size() >= count; }) &&
               heard.broken.back().refused;
    }

    Heard heard;
    TcpStreams streams;
};

struct Listening : Server, testing::Test {};

TEST_F(Listening, IkeAndEspArriveAsTheyWereSent) {
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(300), true);
    append_stream_message(octets, Bytes{0xff}, false);
    append_stream_message(octets, Bytes(40, 0x07), false);
    append_stream_message(octets, Bytes(40, 0x07), false);
    append_stream_message(octets, Bytes(20, 0x07), false);
    append_stream_message(octets, ike_message(100), true);
    client.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 2; }));
    EXPECT_EQ(heard.messages[0].bytes, ike_message(300));
    EXPECT_EQ(heard.messages[1].bytes, ike_message(100));
    EXPECT_NE(heard.messages[0].stream, StreamId{});
    // One run: they have one SPI, and only the last is shorter.
    ASSERT_EQ(heard.esp.size(), 1U);
    EXPECT_EQ(heard.esp[0], Bytes(100, 0x07));
    EXPECT_EQ(statistic("tcp_esp_received"), 3U);
    EXPECT_EQ(statistic("tcp_keepalives_received"), 1U);
}

TEST_F(Listening, AnAnswerComesBackOnTheSameStream) {
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(50), true);
    client.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    streams.send_ike(heard.messages[0].stream, ike_message(60));
    EXPECT_TRUE(streams.send_esp(heard.messages[0].stream, Bytes(25, 0x08), 10));
    Bytes expected;
    append_stream_message(expected, ike_message(60), true);
    for (const std::size_t size : {10U, 10U, 5U}) {
        append_stream_message(expected, Bytes(size, 0x08), false);
    }
    EXPECT_EQ(client.read(expected.size()), expected);
    // What is sent before a close still comes.
    streams.send_ike(heard.messages[0].stream, ike_message(70));
    streams.close(heard.messages[0].stream);
    EXPECT_EQ(client.read(76).size(), 76U);
    EXPECT_TRUE(client.is_closed());
    EXPECT_TRUE(heard.broken.empty());
}

TEST_F(Listening, OneThatWeOpenBeginsWithThePrefixOnce) {
    TcpStreams other{{.mark_needed = false}, 0, {.look = 20ms}};
    Heard there;
    other.use(there, {});
    const StreamId id{opened_streams_from + 1};
    other.open(id, {loopback, 0}, {loopback, streams.port()});
    ASSERT_TRUE(there.until([&] { return there.opened.size() == 1; }));
    EXPECT_EQ(there.opened[0].first, id);
    EXPECT_NE(there.opened[0].second.port, 0);
    other.send_ike(id, ike_message(40));
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    EXPECT_EQ(heard.messages[0].remote, there.opened[0].second);
    streams.send_ike(heard.messages[0].stream, ike_message(41));
    ASSERT_TRUE(there.until([&] { return there.messages.size() == 1; }));
    EXPECT_EQ(there.messages[0].stream, id);
    other.stop();
    ASSERT_TRUE(heard.until([&] { return heard.broken.size() == 1; }));
    EXPECT_FALSE(heard.broken[0].refused);
}

TEST_F(Listening, WhoCannotBeReachedIsToldOf) {
    std::uint16_t nobody = 0;
    {
        const Server closed;
        nobody = closed.streams.port();
    }
    streams.open(StreamId{opened_streams_from + 1}, {loopback, 0}, {loopback, nobody});
    ASSERT_TRUE(heard.until([&] { return heard.broken.size() == 1; }));
    EXPECT_FALSE(heard.broken[0].refused);
    EXPECT_NE(explain(heard.broken[0].why).find("refused"), std::string::npos);
}

// ----

TEST_F(Listening, A11AWrongPrefixIsRefused) {
    const Client client{streams.port()};
    client.say(as_bytes("GET / HTTP/1.1\r\n\r\n"));
    EXPECT_TRUE(client.is_closed());
    ASSERT_TRUE(refused());
    EXPECT_NE(heard.broken[0].why.wanted.find("IKETCP"), std::string::npos);
    EXPECT_EQ(statistic("tcp_refused"), 1U);
}

TEST_F(Listening, A11LengthsOfZeroAndOneAreRefused) {
    for (const std::uint8_t length : {std::uint8_t{0}, std::uint8_t{1}}) {
        const Client client = peer();
        client.say(Bytes{0, length});
        EXPECT_TRUE(client.is_closed());
        ASSERT_TRUE(refused(length + 1U));
    }
    EXPECT_TRUE(heard.messages.empty());
}

TEST_F(Listening, A11TheLongestMessageIsTaken) {
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(stream_message_max - 4), true);
    client.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    EXPECT_EQ(heard.messages[0].bytes.size(), stream_message_max - 4);
}

TEST_F(Listening, A11NothingButJunkIsRefused) {
    const Client client = peer();
    Bytes octets;
    for (unsigned i = 0; i < tcp_junk_max; ++i) { append_stream_message(octets, Bytes{1}, false); }
    client.say(octets);
    EXPECT_TRUE(client.is_closed());
    EXPECT_TRUE(refused());
}

TEST_F(Listening, A11TenThousandConnectionsOfOneAddressAreFewStrangers) {
    std::vector<Client> idle;
    for (unsigned i = 0; i < tcp_strangers_an_address_max; ++i) {
        idle.emplace_back(streams.port());
        ASSERT_TRUE(idle.back().connected());
    }
    while (accepted() < idle.size()) { std::this_thread::yield(); }
    for (std::size_t i = idle.size(); i < 10'000; ++i) {
        const Client one{streams.port()};
        ASSERT_TRUE(one.is_closed()) << i;
    }
    EXPECT_EQ(statistic("tcp_refused"), 10'000 - idle.size());
    EXPECT_EQ(statistic("tcp_strangers"), idle.size());
    EXPECT_EQ(statistic("tcp_streams"), idle.size());
    ASSERT_FALSE(heard.broken.empty());
    EXPECT_EQ(heard.broken[0].why.code, ErrorCode::limit_reached);
    // And when they go there is room again.
    const std::size_t before = heard.broken.size();
    const std::size_t all = before + idle.size();
    idle.clear();
    ASSERT_TRUE(heard.until([&] { return heard.broken.size() == all; }));
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(50), true);
    client.say(octets);
    EXPECT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
}

TEST_F(Listening, A11AnAuthenticatedPeerIsNoStranger) {
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(50), true);
    client.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    EXPECT_EQ(statistic("tcp_strangers"), 1U);
    streams.keep(heard.messages[0].stream);
    EXPECT_EQ(statistic("tcp_strangers"), 0U);
    EXPECT_EQ(statistic("tcp_streams"), 1U);
}

struct SlowPrefix : Server, testing::Test {
    SlowPrefix() : Server({.prefix = 100ms, .look = 20ms}) {}
};
TEST_F(SlowPrefix, A11ASlowPrefixIsNotWaitedFor) {
    const Client idle{streams.port()};
    const Client slow{streams.port()};
    slow.say(ByteView{stream_prefix}.first(5));
    EXPECT_TRUE(idle.is_closed());
    EXPECT_TRUE(slow.is_closed());
    ASSERT_TRUE(refused(2));
    EXPECT_EQ(heard.broken[0].why.code, ErrorCode::timed_out);
}

struct SlowMessage : Server, testing::Test {
    SlowMessage() : Server({.message = 100ms, .look = 20ms}) {}
};
TEST_F(SlowMessage, A11HalfAMessageIsNotWaitedFor) {
    const Client client = peer();
    client.say(Bytes{0xff, 0xff, 0, 0, 0, 0});
    EXPECT_TRUE(client.is_closed());
    EXPECT_TRUE(refused());
}

struct Unauthenticated : Server, testing::Test {
    Unauthenticated() : Server({.stranger = 2s, .look = 20ms}) {}
};
TEST_F(Unauthenticated, A11WhoDoesNotAuthenticateHasToGo) {
    const Client stays = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(50), true);
    stays.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    const StreamId kept = heard.messages[0].stream;
    streams.keep(kept);
    const Client goes = peer();
    EXPECT_TRUE(goes.is_closed());
    ASSERT_TRUE(refused());
    EXPECT_NE(heard.broken[0].id, kept);
    stays.say(octets);
    EXPECT_TRUE(heard.until([&] { return heard.messages.size() == 2; }));
}

// A peer that takes nothing: ESP is dropped, and IKE ends it; memory stays bounded.
TEST_F(Listening, A11WhoTakesNothingIsNotWaitedFor) {
    const Client client = peer();
    Bytes octets;
    append_stream_message(octets, ike_message(50), true);
    client.say(octets);
    ASSERT_TRUE(heard.until([&] { return heard.messages.size() == 1; }));
    const StreamId id = heard.messages[0].stream;
    streams.keep(id);
    const Bytes packets(60'000, 0x09);
    unsigned sent = 0;
    while (sent < 10'000 && streams.send_esp(id, packets, 1500)) { ++sent; }
    ASSERT_LT(sent, 10'000U);
    EXPECT_GT(statistic("tcp_esp_queue_full"), 0U);
    EXPECT_TRUE(heard.broken.empty());
    for (unsigned i = 0; i < 100 && heard.broken.empty(); ++i) {
        streams.send_ike(id, ike_message(60'000));
    }
    ASSERT_TRUE(refused());
    EXPECT_FALSE(streams.send_esp(id, packets, 1500));
}

}  // namespace
}  // namespace culvert::plane
