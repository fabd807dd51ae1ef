// Several engines that serve one gateway.

#include <array>
#include <set>

#include "base/writer.hpp"
#include "engine_pair.hpp"
#include "ike/command_parts.hpp"
#include "ike/share.hpp"
#include "ike/v2/numbering.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

constexpr std::array counts{1U, 2U, 4U, 8U, shares_max};

TEST(Shares, WhatAnEngineNumbersFindsItsWayBack) {
    test::SeededRandom random{1};
    for (const unsigned count : counts) {
        std::set<std::uint64_t> ids;
        for (unsigned index = 0; index < count; ++index) {
            const Numbering numbering{{.index = index, .count = count}};
            for (std::uint32_t n = 1; n <= 100; ++n) {
                const ChildSaId id{numbering.id(n)};
                EXPECT_TRUE(ids.insert(id.value()).second);
                EXPECT_EQ(share_of(Input{Expire{.id = id}}, count), index);
                const StreamId stream{opened_streams_from + numbering.id(std::uint64_t{n})};
                EXPECT_EQ(share_of(Input{StreamOpened{.id = stream, .local = {}}}, count), index);
                const std::uint64_t spi = numbering.ike_spi(random.u64());
                EXPECT_EQ(
                    share_of(Input{GatewayResolved{.id = spi, .addresses = {}, .why = {}}}, count),
                    index);
            }
        }
        EXPECT_EQ(ids.size(), 100 * count);
        EXPECT_EQ(*ids.rbegin(), 100 * count);
    }
}

TEST(Shares, NoTwoEnginesDrawOneSpiOfEsp) {
    test::SeededRandom random{2};
    for (const unsigned count : counts) {
        std::set<std::uint32_t> tops;
        for (unsigned index = 0; index < count; ++index) {
            const Numbering numbering{{.index = index, .count = count}};
            for (int n = 0; n < 100; ++n) {
                const std::uint32_t drawn = random.u32();
                const std::uint32_t spi = numbering.esp_spi(drawn);
                EXPECT_EQ(spi & 0xffU, drawn & 0xffU) << "the worker's";
                EXPECT_LT(spi, 1U << 28U);
                EXPECT_EQ(spi * std::uint64_t{count} >> 28U, index);
            }
        }
    }
}

// What is counted for a network (half-open IKE SAs by /32 and /64) is counted by one engine.
TEST(Shares, ANetworkThatIsLimitedAsOneIsOneEngines) {
    std::set<unsigned> of_one;
    std::set<unsigned> of_many;
    for (unsigned n = 0; n < 256; ++n) {
        of_one.insert(share_of(ip("2001:db8:0:7::" + std::to_string(n)), shares_max));
        of_many.insert(share_of(ip("2001:db8:0:" + std::to_string(n) + "::1"), shares_max));
    }
    EXPECT_EQ(of_one.size(), 1U);
    EXPECT_EQ(of_many.size(), shares_max);
}

TEST(Shares, NeighboursKnowWhoIsThere) {
    NeighbourBook book;
    const PeerOf alice{"gw", identity("g2.example"), identity("alice")};
    const PeerOf bob{"gw", identity("g2.example"), identity("bob")};
    book.file(IkeSpi{1}, std::nullopt);
    EXPECT_TRUE(book.has(IkeSpi{1}));
    EXPECT_EQ(book.with(alice), 0U);
    book.file(IkeSpi{1}, alice);
    book.file(IkeSpi{2}, alice);
    book.file(IkeSpi{3}, bob);
    book.file(IkeSpi{1}, alice);
    EXPECT_EQ(book.with(alice), 2U);
    book.remove(IkeSpi{1});
    book.remove(IkeSpi{1});
    book.file(IkeSpi{2}, std::nullopt);
    EXPECT_EQ(book.with(alice), 0U);
    EXPECT_EQ(book.with(bob), 1U);
    EXPECT_FALSE(book.has(IkeSpi{1}));
}

TEST(Shares, ACommandOfSeveralEnginesEndsOnce) {
    const auto nothing = [](std::uint64_t id) {
        return CommandDone{.id = CommandId{id},
                           .status = std::unexpected(Error{.wanted = "an SA"})};
    };
    const auto closed = [](std::uint64_t id, unsigned count) {
        return CommandDone{.id = CommandId{id}, .status = {}, .matched = count};
    };
    CommandParts parts;
    EXPECT_TRUE(parts.done(closed(1, 1))) << "nobody else has it";

    parts.expect(CommandId{2}, 3);
    EXPECT_FALSE(parts.done(nothing(2)));
    EXPECT_FALSE(parts.done(closed(2, 2)));
    const auto some = parts.done(closed(2, 3));
    ASSERT_TRUE(some);
    EXPECT_TRUE(some->status);
    EXPECT_EQ(some->matched, 5U);

    parts.expect(CommandId{3}, 2);
    EXPECT_FALSE(parts.done(nothing(3)));
    const auto none = parts.done(nothing(3));
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->status);

    parts.expect(CommandId{4}, 2);
    EXPECT_FALSE(parts.done(closed(4, 1)));
    CommandDone failed = nothing(4);
    failed.matched = 1;
    const auto partly = parts.done(failed);
    ASSERT_TRUE(partly);
    EXPECT_FALSE(partly->status) << "one that was meant was not closed";
    EXPECT_EQ(partly->matched, 2U);
}

// A gateway of four engines at 192.0.2.2, and clients, all with one identity, at addresses of which
// no two are the same engine's.
class SharedGateway : public testing::Test {
 protected:
    static constexpr unsigned count = 4;

    SharedGateway() {
        for (unsigned octet = 3; clients_.size() < count; ++octet) {
            const IpAddress address = ip("192.0.2." + std::to_string(octet));
            if (clients_.contains(share_of(address, count))) { continue; }
            addresses_.emplace(share_of(address, count), address);
            clients_.emplace(share_of(address, count),
                             std::make_unique<Side>(client_config(address), octet));
        }
    }
    static Config client_config(const IpAddress& address) {
        Config config = gateway_config(1, 2);
        config.connections.front().local_addrs = {exactly(address.to_string())};
        return config;
    }
    void say_no_initial_contact(unsigned share) {
        Config config = client_config(addresses_.at(share));
        config.connections.front().unique = Unique::never;
        client(share).take(client(share).engine().configure(
            std::make_shared<const Config>(std::move(config)), now_));
    }

    void begin(Unique unique) {
        Config config = gateway_config(2, 1);
        config.connections.front().unique = unique;
        config.connections.front().remote_addrs = {{.text = "%any", .any = true, .ranges = {}}};
        const auto snapshot = std::make_shared<const Config>(std::move(config));
        for (unsigned i = 0; i < count; ++i) {
            engines_.emplace_back(snapshot, random_, Share{.index = i, .count = count});
            engines_.back().use_neighbours(neighbours_);
            engines_.back().use_crash_secret(Secret::copy_of(Bytes(32, 7)));
        }
    }
    Side& client(unsigned share) { return *clients_.at(share); }

    Status up(unsigned share) {
        const std::uint64_t id = ++commands_;
        Side& side = client(share);
        side.take(side.engine().handle(
            Initiate{.id = CommandId{id}, .connection = "gw", .child = "net"}, now_));
        settle();
        const auto status = side.ended(id);
        return status ? *status : std::unexpected(Error{.received = "it has not ended"});
    }
    std::size_t established() const {
        std::size_t out = 0;
        for (const Engine& engine : engines_) { out += engine.status(now_).size(); }
        return out;
    }
    std::vector<Datagram> to_gateway(Input input) {
        std::vector<Datagram> answers;
        const auto whose = share_of(input, count);
        for (unsigned i = 0; i < count; ++i) {
            if (!whose || whose == i) { take(i, engines_[i].handle(input, now_), answers); }
        }
        return answers;
    }
    void settle() {
        for (bool more = true; more;) {
            more = false;
            for (auto& [share, side] : clients_) {
                for (Datagram& datagram : std::exchange(side->out, {})) {
                    std::swap(datagram.local, datagram.remote);
                    more = true;
                    deliver(to_gateway(std::move(datagram)));
                }
            }
        }
    }
    void deliver(std::vector<Datagram> answers) {
        for (Datagram& datagram : answers) {
            std::swap(datagram.local, datagram.remote);
            Side& to = client(share_of(datagram.local.address, count));
            to.take(to.engine().handle(std::move(datagram), now_));
        }
    }

    std::vector<Engine> engines_;
    std::string told_;
    Instant now_{seconds{1000}};

 private:
    void take(unsigned share, Actions actions, std::vector<Datagram>& answers) {
        engines_[share].check_invariants();
        for (Action& action : actions) {
            if (auto* transmit = std::get_if<Transmit>(&action)) {
                answers.push_back(std::move(transmit->datagram));
            } else if (const auto* tell = std::get_if<TellNeighbours>(&action)) {
                for (unsigned i = 0; i < count; ++i) {
                    if (i != share) { take(i, engines_[i].handle(tell->what, now_), answers); }
                }
            } else if (const auto* event = std::get_if<Event>(&action)) {
                told_ += event->text + "\n";
            }
        }
    }

    test::SeededRandom random_{9};
    std::shared_ptr<NeighbourBook> neighbours_ = std::make_shared<NeighbourBook>();
    std::map<unsigned, std::unique_ptr<Side>> clients_;
    std::map<unsigned, IpAddress> addresses_;
    std::uint64_t commands_ = 0;
};

TEST_F(SharedGateway, ServesEachPeerByItsEngine) {
    begin(Unique::never);
    std::set<std::uint32_t> unique_ids;
    for (unsigned share = 0; share < count; ++share) {
        ASSERT_TRUE(up(share)) << client(share).errors();
        const auto status = engines_[share].status(now_);
        ASSERT_EQ(status.size(), 1U);
        unique_ids.insert(status.front().unique_id);
    }
    EXPECT_EQ(established(), count);
    EXPECT_EQ(unique_ids.size(), count);
}

TEST_F(SharedGateway, APeerThatComesFromElsewhereReplacesWhatItHad) {
    begin(Unique::replace);
    // INITIAL_CONTACT would have it forgotten, and not closed.
    for (unsigned share = 0; share < 2; ++share) { say_no_initial_contact(share); }
    ASSERT_TRUE(up(0)) << client(0).errors();
    now_ += seconds{10};
    ASSERT_TRUE(up(1)) << client(1).errors();
    EXPECT_EQ(established(), 1U) << told_;
    EXPECT_EQ(engines_[1].status(now_).size(), 1U);
    EXPECT_TRUE(client(0).engine().status(now_).empty());
}

TEST_F(SharedGateway, InitialContactEndsWhatAnotherEngineHas) {
    begin(Unique::no);
    ASSERT_TRUE(up(0)) << client(0).errors();
    now_ += seconds{10};
    // It knows of no other IKE SA, and says so.
    ASSERT_TRUE(up(2)) << client(2).errors();
    EXPECT_EQ(established(), 1U) << told_;
    EXPECT_NE(told_.find("INITIAL_CONTACT"), std::string::npos) << told_;
}

TEST_F(SharedGateway, KeepsThePeerThatAnotherEngineHas) {
    begin(Unique::keep);
    say_no_initial_contact(3);
    ASSERT_TRUE(up(0)) << client(0).errors();
    EXPECT_FALSE(up(3));
    EXPECT_EQ(established(), 1U) << told_;
    EXPECT_EQ(engines_[0].status(now_).size(), 1U);
}

// RFC 6290 9.2. Our SPI stands where that of a peer's would, which is another engine's.
TEST_F(SharedGateway, NeverShowsTheTokenOfAnIkeSaOfAnotherEngine) {
    begin(Unique::never);
    ASSERT_TRUE(up(1)) << client(1).errors();
    const auto status = engines_[1].status(now_);
    ASSERT_EQ(status.size(), 1U);
    const auto message = [](std::uint64_t initiator, std::uint64_t responder) {
        Writer out;
        out.u64(initiator);
        out.u64(responder);
        out.u8(46);    // SK
        out.u8(0x20);  // IKEv2
        out.u8(37);    // INFORMATIONAL
        out.u8(0x08);  // of the initiator
        out.u32(5);
        out.u32(28 + 68);
        out.u8(0);
        out.u8(0);
        out.u16(68);
        for (int i = 0; i < 64; ++i) { out.u8(1); }
        return Datagram{.local = *Endpoint::parse("192.0.2.2:500"),
                        .remote = *Endpoint::parse("192.0.2.77:500"),
                        .bytes = out.take()};
    };
    constexpr std::size_t with_token = 28 + 8 + 8 + 16;
    const auto size_of_answer = [&](const Datagram& datagram) {
        const auto answers = to_gateway(datagram);
        return answers.empty() ? 0 : answers.front().bytes.size();
    };
    const std::uint64_t ours = status.front().responder_spi;
    EXPECT_EQ(size_of_answer(message(0x1122334455667788, 0x1122334455667780)), with_token);
    for (std::uint64_t other = 0; other < count; ++other) {
        EXPECT_LT(size_of_answer(message(ours, 0x1122334455667780 + other)), with_token);
    }
}

}  // namespace
}  // namespace culvert::ike::v2
