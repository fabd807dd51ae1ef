#pragma once
// The world of the abuse cases: the victim at 192.0.2.2 has an honest tunnel with 192.0.2.1, which
// must be able to rekey when the abuse of the peer made by hand is over.

#include <optional>
#include <utility>
#include <vector>

#include "abuse/hand_peer.hpp"

namespace culvert::ike::v2 {

// The victim's configuration: the honest peer's connection, and one for 192.0.2.66.
inline Config victim_config() {
    Config config = gateway_config(2, 1);
    Config other = gateway_config(2, 66);
    Connection& eve = other.connections.front();
    eve.name = "eve";
    eve.proposals = parse_proposals(ProtocolId::ike, eve_proposals).value();
    config.connections.push_back(std::move(eve));
    config.secrets.push_back(std::move(other.secrets.front()));
    return config;
}

struct AbuseTest : testing::Test {
    explicit AbuseTest(Config victim = victim_config())
        : pair(gateway_config(1, 2), std::move(victim)), eve(pair.two, pair.now) {}

    void SetUp() override { ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors(); }

    // The pass rule of all cases: the honest tunnel still rekeys, and strangers leave nothing.
    void TearDown() override {
        pair.feed(pair.one, Rekey{.id = CommandId{900}, .ike = "", .child = "net"});
        const auto rekeyed = pair.one.ended(900);
        EXPECT_TRUE(rekeyed && *rekeyed) << pair.one.errors();
        pair.feed(pair.one, Rekey{.id = CommandId{901}, .ike = "gw", .child = ""});
        const auto again = pair.one.ended(901);
        EXPECT_TRUE(again && *again) << pair.one.errors();
        pair.pass(std::chrono::seconds{60});
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
        for (const Event* event : pair.two.all<Event>()) {
            for (const char c : event->text) { ASSERT_TRUE(c >= 0x20 && c < 0x7f) << event->text; }
        }
    }

    std::size_t ike_sas() { return pair.two.engine().status(pair.now).size(); }
    std::optional<IkeSaStatus> eve_status() {
        for (IkeSaStatus& status : pair.two.engine().status(pair.now)) {
            if (status.connection == "eve") { return std::move(status); }
        }
        return std::nullopt;
    }

    // From now on the victim asks nobody for cookies and blocks nobody.
    void count_no_half_open() {
        Config config = victim_config();
        config.settings.block_threshold_per_ip = 0;
        config.settings.cookie_threshold = 0;
        config.settings.cookie_threshold_per_ip = 0;
        config.settings.half_open_max = 0;
        configure(std::move(config));
    }
    void configure(Config config) {
        pair.two.take(pair.two.engine().configure(std::make_shared<const Config>(std::move(config)),
                                                  pair.now));
    }

    // The victim calls the peer made by hand. Its first message; its IKE_AUTH request, after
    // IKE_SA_INIT was agreed to; all of it, and whether that is a tunnel.
    Bytes call() {
        const auto said = eve.feed(Initiate{.id = called_, .connection = "eve", .child = "net"});
        EXPECT_EQ(said.size(), 1U);
        return said.empty() ? Bytes{} : said.front();
    }
    Bytes call_to_auth() {
        const auto said = eve.answer_init(call());
        EXPECT_EQ(said.size(), 1U);
        return said.empty() ? Bytes{} : said.front();
    }
    bool call_up() {
        const Bytes request = call_to_auth();
        eve.answer(request, eve.auth_answer(eve.open(request).value()));
        return call_succeeded();
    }
    std::optional<Status> call_ended() const { return pair.two.ended(called_.value()); }
    bool call_succeeded() const { return call_ended() && call_ended()->has_value(); }
    bool call_failed() const { return call_ended() && !call_ended()->has_value(); }
    // What the peer made by hand hears in this time.
    std::vector<Bytes> wait(std::chrono::seconds time) {
        std::vector<Bytes> heard;
        for (const Instant end = pair.now + time; pair.now < end;) {
            pair.now += std::chrono::milliseconds{500};
            for (Bytes& one : eve.tick()) { heard.push_back(std::move(one)); }
        }
        return heard;
    }

    EnginePair pair;
    HandPeer eve;

 private:
    static constexpr CommandId called_{700};
};

}  // namespace culvert::ike::v2
