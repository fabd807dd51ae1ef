// SPD and SAD as they grow: what look-ups cost with many entries against few, what a change costs,
// and what an SA pair takes of memory. Exit status 1 when a target is missed.

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>

#include "ipsec/flow_cache.hpp"
#include "ipsec/sad.hpp"
#include "ipsec/spd.hpp"
#include "ratio.hpp"

namespace {
std::size_t octets_in_use = 0;

void* counted(void* block) {
    if (block == nullptr) { throw std::bad_alloc{}; }
    octets_in_use += malloc_usable_size(block);
    return block;
}
void uncounted(void* block) noexcept {
    if (block != nullptr) { octets_in_use -= malloc_usable_size(block); }
    std::free(block);
}
}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t align) {
    const auto to = static_cast<std::size_t>(align);
    return counted(std::aligned_alloc(to, (size + to - 1) / to * to));
}
void operator delete(void* block) noexcept { uncounted(block); }
void operator delete(void* block, std::size_t) noexcept { uncounted(block); }
void operator delete(void* block, std::align_val_t) noexcept { uncounted(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { uncounted(block); }

namespace culvert::ipsec {
namespace {

using bench::Bound;
using Rng = std::mt19937;

constexpr std::size_t flows_of_round = 1024;

std::uint32_t below(Rng& random, std::uint32_t bound) {
    return std::uniform_int_distribution<std::uint32_t>{0, bound - 1}(random);
}

// A gateway's entries: networks and hosts of many peers, of both families, some with ports.
SpdEntry entry_number(std::uint32_t i) {
    SpdEntry out{.action = PolicyAction::protect, .reqid = ReqId{i + 1}, .local = {}, .remote = {}};
    std::string local;
    std::string remote;
    switch (i % 8) {
        case 0:
        case 1:
        case 2:
            remote = fmt::format("20.{}.{}.{}/32", i >> 16U & 255U, i >> 8U & 255U, i & 255U);
            break;
        case 3:
        case 4:
            remote = fmt::format("{}.{}.{}.0/24", 32 + (i >> 16U & 63U), i >> 8U & 255U, i & 255U);
            break;
        case 5:
            remote = fmt::format("{}.{}.{}.{}/30", 100 + (i >> 14U & 63U), i >> 6U & 255U,
                                 (i & 63U) << 2U, 0);
            break;
        case 6: remote = fmt::format("2001:db8:{:x}:{:x}::/64", i >> 16U, i & 0xffffU); break;
        default:
            remote =
                fmt::format("60.{}.{}.{}/32[tcp/443]", i >> 16U & 255U, i >> 8U & 255U, i & 255U);
            break;
    }
    local = i % 8 == 6 ? "fd00::/16" : "10.0.0.0/8";
    out.local = {*TrafficSelector::parse(local)};
    out.remote = {*TrafficSelector::parse(remote)};
    out.priority = computed_priority(out.action, false, out.local, out.remote);
    return out;
}

PacketInfo packet_for(const SpdEntry& entry, Rng& random) {
    PacketInfo out;
    const TrafficSelector& remote = entry.remote[0];
    out.family = remote.addresses.family();
    out.destination = remote.addresses.first;
    out.source = out.family == IpFamily::v4
                     ? IpAddress::v4(10U << 24U | below(random, 1U << 24U))
                     : *IpAddress::parse(fmt::format("fd00::{:x}", below(random, 0xffff)));
    out.protocol = protocol_tcp;
    out.has_ports = true;
    out.source_port = static_cast<std::uint16_t>(1024 + below(random, 60000));
    out.destination_port = 443;
    return out;
}

struct SpdOfSize {
    explicit SpdOfSize(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) { builder.add(entry_number(i)); }
        spd = std::make_unique<Spd>(builder.snapshot());
        for (std::uint32_t i = 0; i < count; ++i) { entries.push_back(entry_number(i)); }
    }
    SpdBuilder builder;
    std::unique_ptr<Spd> spd;
    std::vector<SpdEntry> entries;
};

// Nanoseconds of each round: a flow-cache hit, a miss that asks the SPD and is remembered, and a
// change. Misses come in bursts, as a worker takes packets from the TUN device, and one by one.
class SpdRounds {
 public:
    explicit SpdRounds(std::uint32_t count) : of_(count) {}

    void round() {
        const auto flows_count = static_cast<double>(flows_of_round);
        std::vector<PacketInfo> flows;
        make_flows(flows);
        ++generation_;  // of before, nothing is known any more
        alone_.push_back(bench::nanoseconds([&] { miss(flows); }) / flows_count);
        ++generation_;
        make_flows(flows);
        misses_.push_back(bench::nanoseconds([&] {
                              for (std::size_t i = 0; i < flows_of_round; i += burst) {
                                  miss_burst(std::span{flows}.subspan(i, burst));
                              }
                          }) /
                          flows_count);
        // Two flows may want one slot.
        std::erase_if(flows, [&](const auto& f) { return cache_.find(f, generation_) == nullptr; });
        hits_.push_back(bench::nanoseconds([&] { hit(flows); }) /
                        static_cast<double>(flows.size()));
        change();
    }
    double hit_time() const { return bench::median(hits_); }
    double miss_time() const { return bench::median(misses_); }
    double lone_miss_time() const { return bench::median(alone_); }
    double change_time() const { return bench::median(changes_); }
    std::size_t wrong() const { return wrong_; }

 private:
    static constexpr std::size_t burst = 16;  // plane/limits.hpp: tun_burst_max
    static_assert(flows_of_round % burst == 0);

    void make_flows(std::vector<PacketInfo>& flows) {
        flows.clear();
        for (std::size_t i = 0; i < flows_of_round; ++i) {
            const auto which = below(random_, static_cast<std::uint32_t>(of_.entries.size()));
            flows.push_back(packet_for(of_.entries[which], random_));
        }
    }
    void miss_burst(std::span<const PacketInfo> flows) {
        for (const PacketInfo& flow : flows) {
            if (cache_.find(flow, generation_) == nullptr) { of_.spd->approach_outbound(flow); }
        }
        miss(flows);
    }
    void miss(std::span<const PacketInfo> flows) {
        for (const PacketInfo& flow : flows) {
            if (cache_.find(flow, generation_) != nullptr) { continue; }
            const SpdDecision decision = of_.spd->lookup_outbound(flow);
            wrong_ += decision.action == PolicyAction::protect ? 0U : 1U;
            cache_.put(flow, generation_, {.decision = decision});
        }
    }
    void hit(const std::vector<PacketInfo>& flows) {
        std::size_t found = 0;
        for (const PacketInfo& flow : flows) {
            const auto* entry = cache_.find(flow, generation_);
            if (entry != nullptr && entry->decision.entry) { ++found; }
        }
        wrong_ += flows.size() - found;
    }
    // And what it takes until workers see it.
    void change() {
        SpdEntry more = entry_number(static_cast<std::uint32_t>(1'000'000 + changes_.size()));
        SpdEntryId id{};
        changes_.push_back(bench::nanoseconds([&] {
            id = of_.builder.add(std::move(more));
            const Spd snapshot = of_.builder.snapshot();
        }));
        of_.builder.remove(id);
    }

    SpdOfSize of_;
    Rng random_{1};
    FlowCache cache_;
    std::uint64_t generation_ = 1;
    std::vector<double> hits_;
    std::vector<double> misses_;
    std::vector<double> alone_;
    std::vector<double> changes_;
    std::size_t wrong_ = 0;
};

bool spd() {
    SpdRounds small{10};
    SpdRounds large{100'000};
    // In turns, as the clock changes; not round by round, where each would find the caches full of
    // what is the other's.
    constexpr std::size_t turn = 16;
    for (std::size_t round = 0; round < bench::rounds(); round += turn) {
        for (std::size_t i = 0; i < turn; ++i) { small.round(); }
        for (std::size_t i = 0; i < turn; ++i) { large.round(); }
    }
    if (small.wrong() + large.wrong() != 0) {
        std::printf("%zu look-ups went wrong\n", small.wrong() + large.wrong());
        std::exit(2);
    }
    const auto report = [](const char* what, double one, double other, double target) {
        return bench::report(what, one / other, Bound::at_most, target,
                             fmt::format("{:.1f} ns : {:.1f} ns", one, other));
    };
    bool good =
        report("SPD: flow-cache hit, 100,000 entries : 10", large.hit_time(), small.hit_time(), 2);
    good &= report("SPD: miss : hit, 100,000 entries", large.miss_time(), large.hit_time(), 20);
    std::printf("       a miss that comes alone: %.1f ns, %.1f hits\n", large.lone_miss_time(),
                large.lone_miss_time() / large.hit_time());
    good &= report("SPD: a change and its snapshot, 100,000 entries : 10", large.change_time(),
                   small.change_time(), 10);
    return good;
}

ChildSa child(std::uint32_t i, crypto::EncryptionAlgorithm encryption, std::uint16_t bits,
              std::size_t key) {
    ChildSa sa;
    sa.id = ChildSaId{i + 1};
    sa.reqid = ReqId{i + 1};
    sa.suite = {.encryption = encryption, .key_bits = bits};
    sa.local = *Endpoint::parse("192.0.2.1:4500");
    sa.remote = *Endpoint::parse("192.0.2.2:4500");
    sa.inbound_spi = EspSpi{256 + i * 0x9e3779b1U % 0xfffffe00U};
    sa.outbound_spi = sa.inbound_spi;
    sa.inbound.encryption = Secret(key);
    sa.outbound.encryption = Secret(key);
    sa.local_ts = {*TrafficSelector::parse("10.0.0.0/8")};
    sa.remote_ts = {*TrafficSelector::parse("10.1.0.0/16")};
    return sa;
}

struct SadOfSize {
    explicit SadOfSize(std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            ChildSa sa = child(i, crypto::EncryptionAlgorithm::chacha20_poly1305, 0, 36);
            sa.replay_window = 32;  // the window is no matter here
            auto made = *InboundSa::create(sa, Instant{});
            spis.push_back(made->spi());
            sad.add(std::move(made));
        }
    }
    Sad sad;
    std::vector<EspSpi> spis;
};

// Nanoseconds a look-up, in batches as packets arrive.
double look_up(const SadOfSize& of, Rng& random) {
    constexpr std::size_t batch = 64;
    constexpr std::size_t batches = 64;
    std::vector<EspSpi> wanted(batch * batches);
    for (EspSpi& spi : wanted) {
        spi = of.spis[below(random, static_cast<std::uint32_t>(of.spis.size()))];
    }
    std::array<InboundSa*, batch> found{};
    std::size_t missing = 0;
    const double time = bench::nanoseconds([&] {
        for (std::size_t i = 0; i < wanted.size(); i += batch) {
            of.sad.find(std::span{wanted}.subspan(i, batch), found);
            for (const InboundSa* sa : found) { missing += sa == nullptr ? 1U : 0U; }
        }
    });
    if (missing != 0) {
        std::printf("%zu SAs were not found\n", missing);
        std::exit(2);
    }
    return time / static_cast<double>(wanted.size());
}

// A change and what it takes until workers see it.
double change(SadOfSize& of, Rng& random) {
    const EspSpi spi = of.spis[below(random, static_cast<std::uint32_t>(of.spis.size()))];
    const auto held = of.sad;
    ChildSa sa = child(0, crypto::EncryptionAlgorithm::chacha20_poly1305, 0, 36);
    sa.inbound_spi = spi;
    auto made = *InboundSa::create(sa, Instant{});
    return bench::nanoseconds([&] {
        of.sad.add(std::move(made));
        const Sad snapshot = of.sad;
    });
}

bool sad() {
    SadOfSize few{100};
    const std::size_t before = octets_in_use;
    SadOfSize many{1'000'000};
    const std::size_t taken = octets_in_use - before;
    Rng random{2};
    std::array<std::vector<double>, 4> times;
    for (std::size_t round = 0; round < bench::rounds(); ++round) {
        times[0].push_back(look_up(few, random));
        times[1].push_back(look_up(many, random));
        times[2].push_back(change(few, random));
        times[3].push_back(change(many, random));
    }
    const double small = bench::median(times[0]);
    const double large = bench::median(times[1]);
    bool good = bench::report("SAD: look-up, 1,000,000 SAs : 100", large / small, Bound::at_most, 3,
                              fmt::format("{:.1f} ns : {:.1f} ns", large, small));
    const double one = bench::median(times[2]);
    const double other = bench::median(times[3]);
    good &= bench::report("SAD: a change and its snapshot, 1,000,000 SAs : 100", other / one,
                          Bound::at_most, 10, fmt::format("{:.0f} ns : {:.0f} ns", other, one));
    std::printf("       a million inbound SAs and their table take %zu octets each\n",
                taken / many.spis.size());
    return good;
}

// Expanded keys lie in locked pages, which are no part of this.
bool memory() {
    constexpr std::uint32_t pairs = 1000;
    std::mt19937 seed{3};
    class Fixed final : public Random {
     public:
        void fill(MutableByteView out) override {
            for (auto& octet : out) { octet = 7; }
        }
    } random;
    Sad sad;
    const std::size_t before = octets_in_use;
    for (std::uint32_t i = 0; i < pairs; ++i) {
        const ChildSa sa = child(i, crypto::EncryptionAlgorithm::aes_gcm_16, 256, 36);
        sad.add(*InboundSa::create(sa, Instant{}));
        sad.add(*OutboundSa::create(sa, random, Instant{}));
    }
    const double pair = static_cast<double>(octets_in_use - before) / pairs;
    return bench::report("SA pair, AES-256-GCM, window 1024, SAD included: octets", pair,
                         Bound::at_most, 4096, "without expanded keys");
}

}  // namespace
}  // namespace culvert::ipsec

int main() {
    bool good = culvert::ipsec::memory();
    good &= culvert::ipsec::spd();
    good &= culvert::ipsec::sad();
    return good ? 0 : 1;
}
