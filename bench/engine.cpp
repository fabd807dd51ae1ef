// The packet engine in memory, one thread: what a 1348-octet segment costs each way, with and
// without replay protection, and small packets one by one. "items" are packets a CPU second.

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "ipsec/checksum.hpp"
#include "ipsec/coalesce.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/flow_cache.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/replay_window.hpp"
#include "ipsec/segment.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t segments_of_train = 44;

class FixedRandom final : public Random {
 public:
    void fill(MutableByteView out) override {
        for (auto& octet : out) { octet = 7; }
    }
};

ChildSa child_sa(std::uint16_t bits, std::uint32_t window) {
    ChildSa sa;
    sa.id = ChildSaId{1};
    sa.reqid = ReqId{1};
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = bits};
    sa.local = *Endpoint::parse("192.0.2.1:4500");
    sa.remote = *Endpoint::parse("192.0.2.1:4500");
    sa.udp_encap = true;
    sa.inbound_spi = EspSpi{0x1000};
    sa.outbound_spi = EspSpi{0x1000};
    sa.inbound.encryption = Secret(std::size_t{bits} / 8 + 4);
    sa.outbound.encryption = Secret(std::size_t{bits} / 8 + 4);
    sa.local_ts = {*TrafficSelector::parse("10.0.0.0/8")};
    sa.remote_ts = sa.local_ts;
    sa.replay_window = window;
    return sa;
}

Bytes tcp_packet(std::size_t payload) {
    Bytes packet(52 + payload, 5);
    const MutableByteView view = packet;
    std::fill_n(packet.begin(), 52, std::uint8_t{0});
    packet[0] = 0x45;
    set_u16(view, 2, static_cast<std::uint16_t>(packet.size()));
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = protocol_tcp;
    packet[12] = packet[16] = 10;
    packet[19] = 1;
    set_ipv4_checksum(view.first(20));
    set_u16(view, 22, 5201);
    packet[32] = 0x80;
    packet[33] = 0x10;
    set_u16(view, 36,
            fold(std::uint32_t{internet_sum(view.subspan(12, 8))} + protocol_tcp +
                 static_cast<std::uint32_t>(packet.size() - 20)));
    return packet;
}

class Nowhere final : public PacketSink {
 public:
    void write(const Coalesced& packet) override { benchmark::DoNotOptimize(packet.packets); }
};

// A super-packet to ESP, as the user plane does it.
class Sender {
 public:
    Sender(const ChildSa& sa, std::size_t payload)
        : sa_(*OutboundSa::create(sa, random_, Instant{})),
          packet_(tcp_packet(payload * segments_of_train)),
          payload_(payload) {
        parse_packet(packet_, info_);
        room_.resize(65536 + 4096);
    }
    std::size_t run() {
        Segments& segments = segments_;
        segments.begin(packet_, info_, payload_);
        const PacketInfo full = segments.info(0);
        stride_ = sa_->esp_size(full.total_size);
        const std::size_t front = sa_->text_offset();
        for (std::size_t i = 0; i < segments.count(); ++i) {
            const MutableByteView slot = MutableByteView{room_}.subspan(i * stride_, stride_);
            segments.write(i, slot.data() + front);
            jobs_[i] = {
                .packet = slot.subspan(front, segments.size(i)), .info = &full, .out = slot};
        }
        encapsulate(*sa_, std::span{jobs_}.first(segments.count()), crypto_, Instant{});
        return segments.count();
    }
    MutableByteView esp() { return MutableByteView{room_}.first(stride_ * segments_of_train); }
    std::size_t stride() const { return stride_; }

 private:
    FixedRandom random_;
    std::shared_ptr<OutboundSa> sa_;
    CryptoContext crypto_;
    Bytes packet_;
    PacketInfo info_;
    std::size_t payload_;
    std::size_t stride_ = 0;
    Segments segments_;
    std::array<EncapJob, batch_max> jobs_;
    Bytes room_;
};

void segment_and_encrypt(benchmark::State& state) {
    const auto bits = static_cast<std::uint16_t>(state.range(0));
    Sender sender{child_sa(bits, 4096), static_cast<std::size_t>(state.range(1))};
    std::int64_t packets = 0;
    for ([[maybe_unused]] const auto step : state) {
        packets += static_cast<std::int64_t>(sender.run());
    }
    state.SetItemsProcessed(packets);
}
BENCHMARK(segment_and_encrypt)
    ->ArgsProduct({{128, 256}, {1348, 64}})
    ->ArgNames({"bits", "payload"});

void segment_only(benchmark::State& state) {
    const Bytes packet = tcp_packet(1348 * segments_of_train);
    PacketInfo info;
    parse_packet(packet, info);
    Bytes room(65536);
    Segments segments;
    for ([[maybe_unused]] const auto step : state) {
        segments.begin(packet, info, 1348);
        for (std::size_t i = 0; i < segments.count(); ++i) {
            segments.write(i, room.data() + i * 1400);
        }
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(segments_of_train));
}
BENCHMARK(segment_only);

// The sender's share is taken out of the time.
void decrypt_and_coalesce(benchmark::State& state) {
    const auto bits = static_cast<std::uint16_t>(state.range(0));
    const ChildSa sa = child_sa(bits, static_cast<std::uint32_t>(state.range(2)));
    Sender sender{sa, static_cast<std::size_t>(state.range(1))};
    const auto inbound = *InboundSa::create(sa, Instant{});
    CryptoContext crypto;
    Nowhere nowhere;
    Coalescer coalescer{nowhere, {}};
    std::array<DecapJob, batch_max> jobs;
    std::int64_t dropped = 0;
    for ([[maybe_unused]] const auto step : state) {
        state.PauseTiming();
        sender.run();
        state.ResumeTiming();
        for (std::size_t i = 0; i < segments_of_train; ++i) {
            jobs[i] = {.esp = sender.esp().subspan(i * sender.stride(), sender.stride()),
                       .outer_source = sa.remote.address,
                       .outer_destination = sa.local.address};
        }
        decapsulate(*inbound, std::span{jobs}.first(segments_of_train), crypto, Instant{});
        for (std::size_t i = 0; i < segments_of_train; ++i) {
            if (jobs[i].dropped == DropReason::none) {
                coalescer.add(jobs[i].packet, jobs[i].info);
            } else {
                ++dropped;
            }
        }
        coalescer.flush();
    }
    if (dropped != 0) { state.SkipWithError("packets were dropped"); }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(segments_of_train));
}
BENCHMARK(decrypt_and_coalesce)
    ->ArgsProduct({{128, 256}, {1348, 64}, {0, 4096}})
    ->ArgNames({"bits", "payload", "window"});

void replay_window(benchmark::State& state) {
    ReplayWindow window{4096, true};
    std::uint64_t sequence = 0;
    for ([[maybe_unused]] const auto step : state) {
        benchmark::DoNotOptimize(window.fresh(++sequence));
        benchmark::DoNotOptimize(window.accept(sequence));
    }
}
BENCHMARK(replay_window);

void flow_look_up(benchmark::State& state) {
    FlowCache cache;
    const Bytes packet = tcp_packet(100);
    PacketInfo info;
    parse_packet(packet, info);
    cache.put(info, 1, {});
    for ([[maybe_unused]] const auto step : state) {
        parse_packet(packet, info);
        benchmark::DoNotOptimize(cache.find(info, 1));
    }
}
BENCHMARK(flow_look_up);

}  // namespace
}  // namespace culvert::ipsec

BENCHMARK_MAIN();
