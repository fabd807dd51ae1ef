// Workers that share SAs and tables, with threads of their own (run it in the tsan build): abuse
// V-09 and V-06, and that several workers of one SA take no packet twice.

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "plane/user/sa_book.hpp"
#include "plane/user/tables.hpp"
#include "support/seeded_random.hpp"

namespace culvert::plane {
namespace {

ChildSa child(std::uint32_t id) {
    ChildSa sa;
    sa.id = ChildSaId{id};
    sa.reqid = ReqId{1};
    sa.suite = {
        .encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128, .esn = true};
    sa.local = *Endpoint::parse("192.0.2.1");
    sa.remote = *Endpoint::parse("192.0.2.2");
    sa.inbound_spi = sa.outbound_spi = EspSpi{0x1000 + id};
    sa.inbound.encryption = Secret(20);
    sa.outbound.encryption = Secret(20);
    sa.local_ts = sa.remote_ts = {*TrafficSelector::parse("10.0.0.0/8")};
    sa.replay_window = 8192;
    return sa;
}

Bytes udp_packet() {
    Bytes packet(60);
    const MutableByteView view = packet;
    packet[0] = 0x45;
    ipsec::set_u16(view, 2, 60);
    packet[8] = 64;
    packet[9] = ipsec::protocol_udp;
    packet[12] = packet[16] = 10;
    packet[19] = 1;
    ipsec::set_ipv4_checksum(view.first(20));
    return packet;
}

// One packet out under `sa`: the ESP octets; empty when it was dropped.
Bytes sealed(ipsec::OutboundSa& sa, const Bytes& packet, ipsec::CryptoContext& crypto) {
    ipsec::PacketInfo info;
    EXPECT_TRUE(ipsec::parse_packet(packet, info));
    Bytes esp(sa.esp_size(packet.size()));
    ipsec::EncapJob job{.packet = packet, .info = &info, .out = esp};
    if (ipsec::encapsulate(sa, job, crypto, Instant{}) != ipsec::DropReason::none) { return {}; }
    return esp;
}

ipsec::DropReason opened(ipsec::InboundSa& sa, Bytes esp, ipsec::CryptoContext& crypto) {
    ipsec::DecapJob job{.esp = esp,
                        .outer_source = *IpAddress::parse("192.0.2.2"),
                        .outer_destination = *IpAddress::parse("192.0.2.1")};
    return ipsec::decapsulate(sa, job, crypto, Instant{});
}

// Both workers have gone round at least once more, within the time that the test may take.
void let_them_work(const std::array<std::atomic<std::uint64_t>, 2>& rounds) {
    for (const auto& round : rounds) {
        const std::uint64_t before = round.load();
        while (round.load() == before) { std::this_thread::yield(); }
    }
}

TEST(Workers, V_09_an_sa_is_removed_while_its_packets_are_in_flight_on_other_cores) {
    culvert::test::SeededRandom random{5};
    SaBook book;
    PublishedTables published;
    const auto publish = [&] { published.publish(book.spd(), book.sad()); };
    ASSERT_TRUE(book.add(child(1), 0, random, Instant{}));
    publish();
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> carried = 0;
    std::array<std::atomic<std::uint64_t>, 2> rounds{};
    const Bytes packet = udp_packet();
    const auto work = [&](std::size_t self) {
        PublishedTables::View view{published};
        ipsec::CryptoContext crypto;
        ipsec::PacketInfo info;
        ASSERT_TRUE(ipsec::parse_packet(packet, info));
        while (!stop.load()) {
            const Tables& tables = view.look();
            ipsec::OutboundSa* out = tables.sad.outbound(ReqId{1}, info);
            if (out != nullptr &&
                tables.spd->lookup_outbound(info).action == PolicyAction::protect) {
                const Bytes esp = sealed(*out, packet, crypto);
                ipsec::InboundSa* in =
                    esp.empty() ? nullptr : tables.sad.find(*ipsec::peek_spi(esp));
                if (in != nullptr && opened(*in, esp, crypto) == ipsec::DropReason::none) {
                    carried.fetch_add(1);
                }
            }
            rounds.at(self).fetch_add(1);
        }
    };
    std::thread one{work, 0U};
    std::thread two{work, 1U};
    for (std::uint32_t id = 2; id < 60; ++id) {
        let_them_work(rounds);
        ASSERT_TRUE(book.add(child(id), 0, random, Instant{}));
        publish();
        let_them_work(rounds);
        if (id % 3 == 0) {
            book.stop_sending(ChildSaId{id - 1});
            ASSERT_TRUE(book.update_endpoints(
                ChildSaId{id}, {.local = {}, .remote = *Endpoint::parse("192.0.2.9")}, 0));
            publish();
        }
        book.remove(ChildSaId{id - 1});
        publish();
    }
    let_them_work(rounds);
    stop = true;
    one.join();
    two.join();
    EXPECT_GT(carried.load(), 0U);
}

TEST(Workers, V_06_those_of_one_sa_never_use_a_number_or_iv_twice_nor_take_one_twice) {
    culvert::test::SeededRandom random{6};
    const ChildSa sa = child(1);
    const auto out = *ipsec::OutboundSa::create(sa, random, Instant{});
    const auto in = *ipsec::InboundSa::create(sa, Instant{});
    constexpr std::size_t each = 2000;
    const Bytes packet = udp_packet();
    std::array<std::vector<Bytes>, 2> sent;
    const auto send = [&](std::size_t self) {
        ipsec::CryptoContext crypto;
        for (std::size_t i = 0; i < each; ++i) {
            sent.at(self).push_back(sealed(*out, packet, crypto));
        }
    };
    std::thread first{send, 0U};
    std::thread second{send, 1U};
    first.join();
    second.join();
    std::vector<Bytes> all;
    std::set<std::uint32_t> numbers;
    std::set<Bytes> ivs;
    for (const auto& half : sent) {
        for (const Bytes& esp : half) {
            numbers.insert(ipsec::get_u32(esp, 4));
            ivs.insert(Bytes{esp.begin() + 8, esp.begin() + 16});
            all.push_back(esp);
        }
    }
    EXPECT_EQ(numbers.size(), 2 * each);
    EXPECT_EQ(*numbers.rbegin(), 2 * each);
    EXPECT_EQ(ivs.size(), 2 * each);
    // Each packet to both workers, in opposite orders: in all, each is taken once.
    std::atomic<std::size_t> taken = 0;
    std::atomic<std::size_t> replayed = 0;
    const auto receive = [&](bool backwards) {
        ipsec::CryptoContext crypto;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const Bytes& esp = all[backwards ? all.size() - 1 - i : i];
            const auto reason = opened(*in, esp, crypto);
            if (reason == ipsec::DropReason::none) { taken.fetch_add(1); }
            if (reason == ipsec::DropReason::inbound_replay) { replayed.fetch_add(1); }
        }
    };
    std::thread third{receive, false};
    std::thread fourth{receive, true};
    third.join();
    fourth.join();
    EXPECT_EQ(taken.load(), 2 * each);
    EXPECT_EQ(replayed.load(), 2 * each);
    EXPECT_EQ(in->counters().packets, 2 * each);
}

}  // namespace
}  // namespace culvert::plane
