// RFC 4301 4.4.1: order, ranges, protocols, ports, ICMP types, opaque ports; against a plain list.

#include "ipsec/spd.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::info_of;
using test::ip;
using test::make;
using test::Spec;
using test::ts;
using test::ts_list;

SpdEntry entry(PolicyAction action, std::string_view local, std::string_view remote,
               std::uint32_t priority, std::uint32_t reqid = 0) {
    return {.action = action,
            .reqid = ReqId{reqid},
            .local = ts_list({local}),
            .remote = ts_list({remote}),
            .priority = priority};
}

PolicyAction out(const Spd& spd, const Spec& spec) {
    return spd.lookup_outbound(info_of(make(spec))).action;
}

TEST(Spd, lower_priority_number_wins_and_equal_ones_keep_their_order) {
    const Spd spd{{entry(PolicyAction::discard, "10.1.0.0/16", "10.2.0.0/16", 20),
                   entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 10, 5),
                   entry(PolicyAction::bypass, "10.1.0.0/16", "10.2.0.0/16", 10)}};
    const SpdDecision decision = spd.lookup_outbound(info_of(make({})));
    EXPECT_EQ(decision.action, PolicyAction::protect);
    EXPECT_EQ(decision.reqid, ReqId{5});
    EXPECT_TRUE(decision.entry);
}

TEST(Spd, the_default_is_to_discard_what_leaves_and_to_let_clear_packets_in) {
    const Spd spd{std::vector<SpdEntry>{}};
    const SpdDecision decision = spd.lookup_outbound(info_of(make({})));
    EXPECT_EQ(decision.action, PolicyAction::discard);
    EXPECT_FALSE(decision.entry);
    EXPECT_EQ(spd.check_inbound_clear(info_of(make({}))), DropReason::none);
}

TEST(Spd, ranges_hold_at_both_ends) {
    const Spd spd{{entry(PolicyAction::protect, "0.0.0.0/0", "10.2.0.3-10.2.7.250", 1)}};
    EXPECT_EQ(out(spd, {.destination = "10.2.0.2"}), PolicyAction::discard);
    EXPECT_EQ(out(spd, {.destination = "10.2.0.3"}), PolicyAction::protect);
    EXPECT_EQ(out(spd, {.destination = "10.2.7.250"}), PolicyAction::protect);
    EXPECT_EQ(out(spd, {.destination = "10.2.7.251"}), PolicyAction::discard);
}

TEST(Spd, families_never_mix) {
    const Spd spd{{entry(PolicyAction::protect, "::/0", "::/0", 1)}};
    EXPECT_EQ(out(spd, {}), PolicyAction::discard);
    EXPECT_EQ(out(spd, {.source = "fd01::1", .destination = "fd02::1"}), PolicyAction::protect);
}

TEST(Spd, protocol_and_ports) {
    const Spd spd{{entry(PolicyAction::protect, "10.1.0.0/16[tcp]", "10.2.0.0/16[tcp/443]", 1),
                   entry(PolicyAction::bypass, "10.1.0.0/16[udp/500-600]", "10.2.0.0/16[udp]", 2)}};
    EXPECT_EQ(out(spd, {.protocol = protocol_tcp, .destination_port = 443}), PolicyAction::protect);
    EXPECT_EQ(out(spd, {.protocol = protocol_tcp, .destination_port = 444}), PolicyAction::discard);
    EXPECT_EQ(out(spd, {.protocol = protocol_udp, .destination_port = 443}), PolicyAction::discard);
    for (const auto& [port, action] : {std::pair{499, PolicyAction::discard},
                                       {500, PolicyAction::bypass},
                                       {600, PolicyAction::bypass},
                                       {601, PolicyAction::discard}}) {
        EXPECT_EQ(out(spd, {.source_port = static_cast<std::uint16_t>(port)}), action) << port;
    }
}

TEST(Spd, icmp_type_and_code) {
    const Spd spd{{entry(PolicyAction::protect, "10.1.0.0/16[icmp/8]", "10.2.0.0/16[icmp/8]", 1)}};
    EXPECT_EQ(out(spd, {.protocol = protocol_icmp, .source_port = 0x0800}), PolicyAction::protect);
    EXPECT_EQ(out(spd, {.protocol = protocol_icmp, .source_port = 0x0000}), PolicyAction::discard);
    EXPECT_EQ(out(spd, {.protocol = protocol_icmp, .source_port = 0x0304}), PolicyAction::discard);
    const Spd v6{{entry(PolicyAction::protect, "::/0[ipv6-icmp/128]", "::/0[ipv6-icmp/128]", 1)}};
    const Spec echo{.source = "fd01::1",
                    .destination = "fd02::1",
                    .protocol = protocol_icmpv6,
                    .source_port = 128U << 8U};
    EXPECT_EQ(out(v6, echo), PolicyAction::protect);
}

TEST(Spd, a_later_fragment_matches_any_and_opaque_ports_only) {
    const Spec later{.fragment_offset = 1480};
    const Spd port{{entry(PolicyAction::protect, "10.1.0.0/16[udp/1000]", "10.2.0.0/16[udp]", 1)}};
    EXPECT_EQ(out(port, {}), PolicyAction::protect);
    EXPECT_EQ(out(port, later), PolicyAction::discard);
    // Port 0 is a port; it is not "no port".
    const Spd zero{{entry(PolicyAction::protect, "10.1.0.0/16[udp/0]", "10.2.0.0/16[udp/0]", 1)}};
    EXPECT_EQ(out(zero, later), PolicyAction::discard);
    const Spd any{{entry(PolicyAction::protect, "10.1.0.0/16[udp]", "10.2.0.0/16[udp]", 1)}};
    EXPECT_EQ(out(any, later), PolicyAction::protect);
    const Spd opaque{
        {entry(PolicyAction::protect, "10.1.0.0/16[udp/opaque]", "10.2.0.0/16[udp/opaque]", 1)}};
    EXPECT_EQ(out(opaque, {}), PolicyAction::discard);
    EXPECT_EQ(out(opaque, later), PolicyAction::protect);
    // The first fragment shows its ports.
    EXPECT_EQ(out(port, {.more_fragments = true}), PolicyAction::protect);
    EXPECT_EQ(out(opaque, {.more_fragments = true}), PolicyAction::discard);
}

TEST(Spd, an_inbound_entry_says_nothing_about_what_leaves) {
    SpdEntry inbound = entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 1);
    inbound.direction = SpdDirection::inbound;
    const Spd spd{{inbound}};
    EXPECT_EQ(out(spd, {}), PolicyAction::discard);
    const Bytes arriving = make({.source = "10.2.0.1", .destination = "10.1.0.1"});
    EXPECT_EQ(spd.lookup_inbound(info_of(arriving)).action, PolicyAction::protect);
}

// Abuse I-02: clear text from the network that policy says must be protected.
TEST(Spd, I_02_clear_packets_that_a_protect_policy_covers_are_dropped) {
    const Spd spd{{entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 10),
                   entry(PolicyAction::discard, "10.1.0.0/16", "10.3.0.0/16", 10),
                   entry(PolicyAction::bypass, "10.1.0.0/16[udp/500]", "10.2.0.0/16[udp/500]", 5)}};
    const auto arriving = [&](const Spec& spec) {
        return spd.check_inbound_clear(info_of(make(spec)));
    };
    EXPECT_EQ(arriving({.source = "10.2.0.1", .destination = "10.1.0.1"}),
              DropReason::inbound_must_be_protected);
    EXPECT_EQ(arriving({.source = "10.3.0.1", .destination = "10.1.0.1"}),
              DropReason::inbound_discard);
    EXPECT_EQ(arriving({.source = "10.4.0.1", .destination = "10.1.0.1"}), DropReason::none);
    EXPECT_EQ(arriving({.source = "10.2.0.1",
                        .destination = "10.1.0.1",
                        .source_port = 500,
                        .destination_port = 500}),
              DropReason::none);
    // Leaving is the other way round: nothing of ours goes from 10.2 to 10.1.
    EXPECT_EQ(out(spd, {.source = "10.2.0.1", .destination = "10.1.0.1"}), PolicyAction::discard);
}

TEST(Spd, entries_of_sas_win_over_their_traps_and_narrow_ones_over_wide_ones) {
    const ChildSa sa = test::child_sa();
    Policy trap{.action = PolicyAction::protect,
                .reqid = sa.reqid,
                .local_ts = sa.local_ts,
                .remote_ts = sa.remote_ts};
    Policy pass{.action = PolicyAction::bypass,
                .local_ts = ts_list({"10.1.0.0/16"}),
                .remote_ts = ts_list({"10.0.0.0/8"})};
    EXPECT_LT(entry_of(sa).priority, entry_of(trap).priority);
    EXPECT_LT(entry_of(pass).priority, entry_of(sa).priority);
    EXPECT_TRUE(entry_of(trap).trap);
    EXPECT_FALSE(entry_of(sa).trap);
    Policy narrow = trap;
    narrow.remote_ts = ts_list({"10.2.0.0/24"});
    Policy wide = trap;
    wide.remote_ts = ts_list({"10.0.0.0/8"});
    EXPECT_LT(entry_of(narrow).priority, entry_of(wide).priority);
    trap.priority = 7;  // an operator's own number stands
    EXPECT_EQ(entry_of(trap).priority, 7U);
}

// Random selectors of every kind and random packets: the answer is that of a plain list.
class SpdModel : public ::testing::TestWithParam<std::uint64_t> {};

TrafficSelector random_selector(culvert::test::SeededRandom& random, bool v6, bool remote) {
    const std::string_view base = v6 ? (remote ? "fd02::" : "fd01::") : (remote ? "10.2" : "10.1");
    const auto number = [&random](std::uint64_t below) { return random.below(below); };
    const auto host = [&] {
        return v6 ? std::string{base} + std::to_string(number(4)) + ":" + std::to_string(number(9))
                  : std::string{base} + "." + std::to_string(number(4)) + "." +
                        std::to_string(number(9));
    };
    TrafficSelector out;
    switch (number(4)) {
        case 0: out.addresses = IpRange::parse(host()).value(); break;
        case 1: {
            const IpAddress a = ip(host());
            const IpAddress b = ip(host());
            out.addresses = *IpRange::make(std::min(a, b), std::max(a, b));
            break;
        }
        default: {
            const unsigned bits = v6 ? 128 : 32;
            const IpSubnet subnet{ip(host()), bits - static_cast<unsigned>(number(bits / 2))};
            out.addresses = subnet.range();
        }
    }
    constexpr std::array<std::uint8_t, 4> protocols{0, protocol_tcp, protocol_udp, protocol_icmp};
    out.protocol = protocols[number(4)];
    if (out.protocol != 0) {
        switch (number(4)) {
            case 0: out.port_first = out.port_last = static_cast<std::uint16_t>(number(4)); break;
            case 1:
                out.port_first = static_cast<std::uint16_t>(number(3));
                out.port_last = static_cast<std::uint16_t>(out.port_first + number(3));
                break;
            case 2:
                out.port_first = 65535;
                out.port_last = 0;
                break;
            default: break;
        }
    }
    return out;
}

PacketInfo random_packet(culvert::test::SeededRandom& random, bool v6) {
    const auto number = [&random](std::uint64_t below) {
        return std::to_string(random.below(below));
    };
    PacketInfo out;
    out.family = v6 ? IpFamily::v6 : IpFamily::v4;
    out.source = ip((v6 ? "fd01::" + number(4) + ":" : "10.1." + number(4) + ".") + number(9));
    out.destination = ip((v6 ? "fd02::" + number(4) + ":" : "10.2." + number(4) + ".") + number(9));
    constexpr std::array<std::uint8_t, 3> protocols{protocol_tcp, protocol_udp, protocol_icmp};
    out.protocol = protocols[random.below(3)];
    out.has_ports = random.chance(80);
    if (out.has_ports) {
        out.source_port = static_cast<std::uint16_t>(random.below(5));
        out.destination_port = static_cast<std::uint16_t>(random.below(5));
    }
    return out;
}

std::optional<std::size_t> plain_look_up(const std::vector<SpdEntry>& entries,
                                         const PacketInfo& packet) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!matches_outbound(packet, entries[i].local, entries[i].remote)) { continue; }
        if (!best || entries[i].priority < entries[*best].priority) { best = i; }
    }
    return best;
}

TEST_P(SpdModel, agrees_with_a_plain_list) {
    culvert::test::SeededRandom random{GetParam()};
    std::vector<SpdEntry> entries;
    const std::uint64_t count = 1 + random.below(60);
    for (std::uint32_t i = 0; i < count; ++i) {
        const bool v6 = random.chance(30);
        SpdEntry one;
        one.action = PolicyAction::protect;
        one.reqid = ReqId{i + 1};
        one.priority = static_cast<std::uint32_t>(random.below(12));
        one.local = {random_selector(random, v6, false)};
        one.remote = {random_selector(random, v6, true)};
        if (random.chance(30)) { one.remote.push_back(random_selector(random, v6, true)); }
        entries.push_back(one);
    }
    // Built in one, and built with others that are gone again.
    SpdBuilder builder;
    std::vector<SpdEntryId> passing;
    for (const SpdEntry& one : entries) {
        for (int i = 0; i < 2; ++i) {
            passing.push_back(builder.add(entries[random.below(count)]));
        }
        builder.add(one);
        if (random.chance(10)) { static_cast<void>(builder.snapshot()); }
    }
    for (const SpdEntryId id : passing) { builder.remove(id); }
    const Spd changed = builder.snapshot();
    const Spd spd{entries};
    std::size_t matched = 0;
    for (int i = 0; i < 2000; ++i) {
        const PacketInfo packet = random_packet(random, random.chance(30));
        const auto wanted = plain_look_up(entries, packet);
        const SpdDecision got = spd.lookup_outbound(packet);
        ASSERT_EQ(got.reqid, wanted ? entries[*wanted].reqid : ReqId{}) << "packet " << i;
        ASSERT_EQ(changed.lookup_outbound(packet).reqid, got.reqid) << "packet " << i;
        matched += wanted ? 1 : 0;
    }
    EXPECT_GT(matched, 0U);
}

// One plain rule lies in the classifier's table; with a second one, or one with a range of ports,
// under the same prefixes they lie elsewhere, and come back when they are alone again.
TEST(Spd, entries_under_the_same_prefixes_come_and_go_in_any_order) {
    culvert::test::SeededRandom random{3};
    const std::array<std::array<std::string_view, 2>, 6> selectors{{
        {"10.1.0.0/16", "10.2.0.0/16"},
        {"10.1.0.0/16", "10.2.0.0/16"},
        {"10.1.0.0/16[udp/1000-1001]", "10.2.0.0/16[udp]"},
        {"10.1.0.0/16[udp/1000]", "10.2.0.0/16[udp/1000-2000]"},
        {"10.1.0.0/16[udp/1000]", "10.2.0.0/16[udp/2000]"},
        {"fd01::/16", "fd02::/16"},
    }};
    SpdBuilder builder;
    std::map<SpdEntryId, SpdEntry> there;
    std::size_t matched = 0;
    for (std::uint32_t step = 0; step < 3000; ++step) {
        if (there.empty() || random.chance(there.size() < 12 ? 60 : 30)) {
            const auto& [local, remote] = selectors[random.below(selectors.size())];
            const SpdEntry one = entry(PolicyAction::protect, local, remote,
                                       static_cast<std::uint32_t>(random.below(4)), step + 1);
            there.emplace(builder.add(one), one);
        } else {
            const auto at =
                std::next(there.begin(), static_cast<std::ptrdiff_t>(random.below(there.size())));
            builder.remove(at->first);
            there.erase(at);
        }
        const Spd spd = builder.snapshot();
        for (const Spec& spec :
             {Spec{.source_port = 1000, .destination_port = 2000},
              Spec{.source_port = 1001, .destination_port = 2000},
              Spec{.source_port = 1000, .destination_port = 1999}, Spec{.fragment_offset = 1480},
              Spec{.source = "fd01::1", .destination = "fd02::1"}}) {
            const PacketInfo packet = info_of(make(spec));
            const std::pair<const SpdEntryId, SpdEntry>* best = nullptr;
            for (const auto& candidate : there) {
                if (matches_outbound(packet, candidate.second.local, candidate.second.remote) &&
                    (best == nullptr || candidate.second.priority < best->second.priority)) {
                    best = &candidate;
                }
            }
            const SpdDecision got = spd.lookup_outbound(packet);
            ASSERT_EQ(got.entry.has_value(), best != nullptr) << step;
            if (best == nullptr) { continue; }
            ASSERT_EQ(*got.entry, best->first) << step;
            ASSERT_EQ(got.reqid, best->second.reqid) << step;
            ++matched;
        }
    }
    EXPECT_GT(matched, 1000U);
}

// So many that tables split, and so few again that they are gone.
TEST(Spd, thousands_of_entries_come_and_go) {
    SpdBuilder builder;
    std::vector<SpdEntryId> ids;
    const auto remote = [](std::uint32_t i) {
        return "172." + std::to_string(16 + i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
               std::to_string(i % 256);
    };
    constexpr std::uint32_t count = 4000;
    for (std::uint32_t i = 0; i < count; ++i) {
        ids.push_back(
            builder.add(entry(PolicyAction::protect, "10.1.0.0/16", remote(i) + "/32", 10, i + 1)));
    }
    builder.add(entry(PolicyAction::bypass, "10.1.0.0/16", "172.16.0.0/12", 20));
    const Spd full = builder.snapshot();
    for (std::uint32_t i = 0; i < count; i += 2) { builder.remove(ids[i]); }
    const Spd half = builder.snapshot();
    for (std::uint32_t i = 1; i < count; i += 2) { builder.remove(ids[i]); }
    const Spd empty = builder.snapshot();
    for (std::uint32_t i = 0; i < count; ++i) {
        PacketInfo packet = info_of(make({}));
        packet.destination = ip(remote(i));
        ASSERT_EQ(full.lookup_outbound(packet).reqid, ReqId{i + 1});
        ASSERT_EQ(half.lookup_outbound(packet).reqid, i % 2 == 0 ? ReqId{} : ReqId{i + 1});
        ASSERT_EQ(empty.lookup_outbound(packet).action, PolicyAction::bypass);
        std::swap(packet.source, packet.destination);
        ASSERT_EQ(full.lookup_inbound(packet).reqid, ReqId{i + 1});
        ASSERT_EQ(half.check_inbound_clear(packet),
                  i % 2 == 0 ? DropReason::none : DropReason::inbound_must_be_protected);
    }
}

TEST(Spd, a_snapshot_stays_as_it_was) {
    SpdBuilder builder;
    const SpdEntryId first =
        builder.add(entry(PolicyAction::protect, "10.1.0.0/16", "10.2.0.0/16", 10, 5));
    const Spd before = builder.snapshot();
    builder.add(entry(PolicyAction::bypass, "10.1.0.0/16", "10.2.0.0/16", 9));
    const Spd between = builder.snapshot();
    builder.remove(first);
    EXPECT_EQ(out(before, {}), PolicyAction::protect);
    EXPECT_EQ(out(between, {}), PolicyAction::bypass);
    ASSERT_EQ(builder.entries().size(), 1U);
    EXPECT_EQ(builder.entries()[0].action, PolicyAction::bypass);
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpdModel, ::testing::Range<std::uint64_t>(1, 41));

}  // namespace
}  // namespace culvert::ipsec
