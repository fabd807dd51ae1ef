// A gateway's work on one core, in two forms:
//  - packet by packet, as DPDK's ipsec-secgw does it (AES-128-GCM, tunnel mode over IPv4, policy
//  and
//    SA looked up for each): millions of packets a CPU second, with and without replay protection,
//    and those of ipsec-mb's bare calls;
//  - super-packets of 44 segments of 1348 octets, all checks on: nanoseconds a segment beside those
//    that the cipher in use takes alone on the same buffers.
// Exit status 1 when a target is missed. The rates to beat were measured with ipsec-secgw (one
// core, librte_ipsec, replay off) on an EPYC of the Zen 4 kind at 2.6 GHz: compare on such a
// machine only.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <intel-ipsec-mb.h>
#include <time.h>

#include "crypto/packet_cipher.hpp"
#include "ipsec/coalesce.hpp"
#include "ipsec/flow_cache.hpp"
#include "ipsec/segment.hpp"
#include "ipsec/spd.hpp"
#include "packets.hpp"
#include "ratio.hpp"

namespace culvert::ipsec {
namespace {

using culvert::bench::Bound;
using culvert::bench::median;
using culvert::bench::report;
using culvert::bench::rounds;
using namespace bench;

constexpr std::size_t front = 64;  // of a buffer, before the ESP header
constexpr std::size_t flows = 64;

// Of this thread: what others do on the machine is not counted.
double cpu_nanoseconds(auto&& work) {
    const auto now = [] {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    };
    const double began = now();
    work();
    return now() - began;
}

// ESP packets that lie `stride` octets apart.
struct EspPackets {
    std::uint8_t* first;
    std::size_t stride;
    std::size_t count;
    std::size_t text;
};

// ipsec-mb's AES-128-GCM by itself.
class Library {
 public:
    Library() {
        IMB_ARCH arch{};
        init_mb_mgr_auto(manager_.get(), &arch);
        const std::array<std::uint8_t, 16> key{};
        IMB_AES128_GCM_PRE(manager_.get(), key.data(), &key_);
    }
    void seal(const EspPackets& packets) {
        for (std::size_t i = 0; i < packets.count; ++i) {
            std::uint8_t* const esp = packets.first + i * packets.stride;
            std::memcpy(nonce_.data() + 4, esp + 8, 8);
            manager_->gcm128_enc(&key_, &context_, esp + 16, esp + 16, packets.text, nonce_.data(),
                                 esp, 8, esp + 16 + packets.text, 16);
        }
    }

 private:
    struct FreeManager {
        void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
    };
    std::unique_ptr<IMB_MGR, FreeManager> manager_{alloc_mb_mgr(0)};
    alignas(64) gcm_key_data key_{};
    gcm_context_data context_{};
    std::array<std::uint8_t, 12> nonce_{};
};

// What the engine has for AES-256-GCM on this machine, by itself.
class Cipher {
 public:
    explicit Cipher(const EspPackets& packets)
        : cipher_(*crypto::PacketCipher::create(
              {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 256}, Secret(36),
              Secret())) {
        for (std::size_t i = 0; i < packets.count; ++i) {
            jobs_.push_back(
                {.packet = packets.first + i * packets.stride, .text_size = packets.text});
        }
    }
    void seal() { cipher_.seal(lanes_, jobs_); }
    void open() { cipher_.open(lanes_, jobs_); }

 private:
    crypto::PacketCipher cipher_;
    crypto::CipherLanes lanes_;
    std::vector<crypto::CipherJob> jobs_;
};

// Policies and SAs of some peers; one of them carries the packets of `flows` flows.
class Gateway {
 public:
    Gateway(std::size_t inner, std::uint32_t window)
        : stride_(((front + inner + overhead_max) / 64 | 1) * 64),
          ring_(batch_max * stride_),
          clear_(batch_max * stride_ + trailer_size_max) {
        const IpsecSuite suite{.encryption = crypto::EncryptionAlgorithm::aes_gcm_16,
                               .key_bits = 128};
        for (std::uint32_t peer = 0; peer < 16; ++peer) {
            ChildSa sa = child(suite, 20, 0);
            sa.id = ChildSaId{peer + 1};
            sa.reqid = ReqId{peer + 1};
            sa.inbound_spi = sa.outbound_spi = EspSpi{0x1000 + peer};
            sa.local_ts =
                sa.remote_ts = {*TrafficSelector::parse(fmt::format("10.{}.0.0/16", peer))};
            sa.replay_window = window;
            spd_builder_.add(entry_of(sa));
            sad_.add(*OutboundSa::create(sa, random_, Instant{}));
            sad_.add(*InboundSa::create(sa, Instant{}));
        }
        spd_ = std::make_unique<Spd>(spd_builder_.snapshot());
        for (std::size_t i = 0; i < batch_max; ++i) {
            Bytes packet = udp_packet(inner);
            set_u16(packet, 20, static_cast<std::uint16_t>(4000 + i % flows));
            std::ranges::copy(packet, clear_.begin() + static_cast<std::ptrdiff_t>(i * stride_));
        }
        inner_ = inner;
    }

    // Clear packets to whole outer ones, each looked up by itself.
    void send() {
        OutboundSa* sa = nullptr;
        for (std::size_t i = 0; i < batch_max; ++i) {
            const MutableByteView packet{clear_.data() + i * stride_, inner_};
            if (!parse_packet(packet, infos_[i])) { std::abort(); }
            OutboundSa* const its = decide(infos_[i]);
            if (its == nullptr || (sa != nullptr && its != sa)) { std::abort(); }
            sa = its;
            jobs_[i] = {.packet = packet,
                        .info = &infos_[i],
                        .tail_room = true,
                        .out = {slot(i), stride_ - front}};
        }
        encapsulate(*sa, jobs_, crypto_, Instant{});
        for (std::size_t i = 0; i < batch_max; ++i) {
            const MutableByteView header{slot(i) - 20, 20};
            if (jobs_[i].dropped != DropReason::none ||
                build_outer_header(*sa, jobs_[i], 1, header) != 20) {
                std::abort();
            }
        }
    }
    void receive() {
        InboundSa* sa = nullptr;
        for (std::size_t i = 0; i < batch_max; ++i) {
            const MutableByteView packet{slot(i) - 20, 20 + std::size_t{jobs_[i].size}};
            if (prepare_decap(packet, false, opened_[i]) != DropReason::none) { std::abort(); }
            InboundSa* const its = sad_.find(*peek_spi(opened_[i]));
            if (its == nullptr || (sa != nullptr && its != sa)) { std::abort(); }
            sa = its;
        }
        decapsulate(*sa, opened_, crypto_, Instant{});
        for (const DecapJob& job : opened_) {
            if (job.dropped != DropReason::none) { std::abort(); }
        }
    }
    EspPackets esp() {
        return {.first = slot(0),
                .stride = stride_,
                .count = batch_max,
                .text = (inner_ + 2 + 3) / 4 * 4};
    }

 private:
    OutboundSa* decide(const PacketInfo& info) {
        if (const auto* known = cache_.find(info, 1)) { return known->sa; }
        FlowCache::Entry entry{.decision = spd_->lookup_outbound(info), .sa = nullptr};
        entry.sa = sad_.outbound(entry.decision.reqid, info);
        cache_.put(info, 1, entry);
        return entry.sa;
    }
    std::uint8_t* slot(std::size_t i) { return ring_.data() + i * stride_ + front; }

    FixedRandom random_;
    CryptoContext crypto_;
    SpdBuilder spd_builder_;
    std::unique_ptr<Spd> spd_;
    Sad sad_;
    FlowCache cache_;
    std::size_t inner_ = 0;
    std::size_t stride_;
    Bytes ring_;
    Bytes clear_;
    std::array<PacketInfo, batch_max> infos_{};
    std::array<EncapJob, batch_max> jobs_;
    std::array<DecapJob, batch_max> opened_;
};

void packets(std::size_t inner, std::uint32_t window, double to_beat) {
    Gateway gateway{inner, window};
    Library library;
    const EspPackets esp = gateway.esp();
    constexpr int batches = 8;  // a clock's own cost is spread over them
    std::array<std::vector<double>, 3> times;
    for (std::size_t round = 0; round < rounds(); ++round) {
        times[2].push_back(cpu_nanoseconds([&] {
                               for (int i = 0; i < batches; ++i) { library.seal(esp); }
                           }) /
                           (batches * batch_max));
        const double out = cpu_nanoseconds([&] {
            for (int i = 0; i < batches; ++i) { gateway.send(); }
        });
        // Opened in place: each batch is sent anew, and what that takes is taken off.
        const double in = cpu_nanoseconds([&] {
            for (int i = 0; i < batches; ++i) {
                gateway.send();
                gateway.receive();
            }
        });
        times[0].push_back(out / (batches * batch_max));
        times[1].push_back((in - out) / (batches * batch_max));
    }
    const double out = 1e3 / median(times[0]);
    const double in = 1e3 / median(times[1]);
    std::printf(
        "       AES-128-GCM, %4zu octets, window %4u: %5.2f million packets a CPU second out "
        "(ipsec-secgw there %.1f), %5.2f in; ipsec-mb alone %5.2f here\n",
        inner, window, out, to_beat, in, 1e3 / median(times[2]));
}

constexpr std::size_t segment_octets = 1348;
constexpr std::size_t segments_of_train = 44;

class Nowhere final : public PacketSink {
 public:
    void write(const Coalesced& packet) override { packets += packet.packets; }
    std::size_t packets = 0;
};

constexpr IpsecSuite aes_256_gcm{.encryption = crypto::EncryptionAlgorithm::aes_gcm_16,
                                 .key_bits = 256};

// A super-packet to ESP and back to a super-packet, in batches as the SA likes them.
class Train {
 public:
    // `together_max`: packets that the cipher gets in one call.
    explicit Train(const IpsecSuite& suite = aes_256_gcm, std::size_t key = 36, std::size_t mac = 0,
                   std::size_t together_max = batch_max)
        : packet_(tcp_super_packet(segment_octets * segments_of_train)),
          room_(65536 + 8192),
          together_max_(together_max) {
        ChildSa sa = child(suite, key, mac);
        sa.replay_window = 4096;
        spd_builder_.add(entry_of(sa));
        spd_ = std::make_unique<Spd>(spd_builder_.snapshot());
        sad_.add(*OutboundSa::create(sa, random_, Instant{}));
        sad_.add(*InboundSa::create(sa, Instant{}));
        remote_ = sa.remote.address;
    }
    void send() {
        PacketInfo info;
        if (!parse_packet(packet_, info)) { std::abort(); }
        const auto* known = cache_.find(info, 1);
        if (known == nullptr) {
            FlowCache::Entry entry{.decision = spd_->lookup_outbound(info), .sa = nullptr};
            entry.sa = sad_.outbound(entry.decision.reqid, info);
            cache_.put(info, 1, entry);
            known = cache_.find(info, 1);
        }
        OutboundSa& sa = *known->sa;
        if (!segments_.begin(packet_, info, segment_octets)) { std::abort(); }
        const PacketInfo full = segments_.info(0);
        const PacketInfo last = segments_.info(segments_.count() - 1);
        stride_ = sa.esp_size(full.total_size);
        const std::size_t text = sa.text_offset();
        const std::size_t clear_stride = full.total_size + trailer_size_max;
        const bool apart = sa.reads_elsewhere();
        const std::size_t hot = std::min(together_max_, sa.batch_of(stride_));
        for (std::size_t at = 0; at < segments_.count(); at += hot) {
            const std::size_t count = std::min(hot, segments_.count() - at);
            for (std::size_t i = 0; i < count; ++i) {
                const MutableByteView place =
                    MutableByteView{room_}.subspan((at + i) * stride_, stride_);
                std::uint8_t* const clear =
                    apart ? clear_.data() + i * clear_stride : place.data() + text;
                segments_.write(at + i, clear);
                jobs_[i] = {.packet = {clear, segments_.size(at + i)},
                            .info = at + i + 1 == segments_.count() ? &last : &full,
                            .tail_room = apart,
                            .out = place};
            }
            encapsulate(sa, std::span{jobs_}.first(count), crypto_, Instant{});
        }
    }
    void receive() {
        for (std::size_t i = 0; i < segments_of_train; ++i) {
            opened_[i].arrive(MutableByteView{room_}.subspan(i * stride_, stride_), remote_,
                              remote_, 0, 64, 0);
        }
        std::span<DecapJob> jobs = std::span{opened_}.first(segments_of_train);
        InboundSa* const sa = sad_.find(*peek_spi(jobs[0]));
        while (!jobs.empty()) {
            const auto hot =
                jobs.first(std::min({jobs.size(), together_max_, sa->batch_of(stride_)}));
            decapsulate(*sa, hot, crypto_, Instant{});
            for (DecapJob& job : hot) {
                if (job.dropped != DropReason::none) { std::abort(); }
                coalescer_.add(job.packet, job.info);
            }
            jobs = jobs.subspan(hot.size());
        }
        coalescer_.flush();
    }
    EspPackets esp() {
        return {.first = room_.data(),
                .stride = stride_,
                .count = segments_of_train,
                .text = stride_ - 32};
    }

 private:
    FixedRandom random_;
    CryptoContext crypto_;
    SpdBuilder spd_builder_;
    std::unique_ptr<Spd> spd_;
    Sad sad_;
    FlowCache cache_;
    Bytes packet_;
    Bytes room_;
    Bytes clear_ = Bytes(65536);
    IpAddress remote_;
    std::size_t together_max_;
    std::size_t stride_ = 0;
    Segments segments_;
    Nowhere nowhere_;
    Coalescer coalescer_{nowhere_, {}};
    std::array<EncapJob, batch_max> jobs_;
    std::array<DecapJob, batch_max> opened_;
};

bool segments() {
    Train train;
    train.send();
    Cipher cipher{train.esp()};
    std::array<std::vector<double>, 4> times;
    for (std::size_t round = 0; round < rounds() * 2; ++round) {
        times[1].push_back(cpu_nanoseconds([&] { cipher.seal(); }));
        times[3].push_back(cpu_nanoseconds([&] { cipher.open(); }));
        times[0].push_back(cpu_nanoseconds([&] { train.send(); }));
        times[2].push_back(cpu_nanoseconds([&] { train.receive(); }));
    }
    std::array<double, 4> ns{};
    for (std::size_t i = 0; i < ns.size(); ++i) { ns[i] = median(times[i]) / segments_of_train; }
    const auto line = [](const char* way, double all, double bare, double target) {
        return report(fmt::format("1348-octet segment beyond the cipher, {}: ns", way), all - bare,
                      Bound::at_most, target,
                      fmt::format("{:.0f} ns in all, the cipher {:.0f} ns", all, bare));
    };
    bool good = line("out", ns[0], ns[1], 110);
    good &= line("in", ns[2], ns[3], 90);
    return good;
}

// What ciphers that work on several packets at a time gain from a train.
void multi_buffer(const char* name, const IpsecSuite& suite, std::size_t key, std::size_t mac) {
    Train together{suite, key, mac};
    Train alone{suite, key, mac, 1};
    std::array<std::vector<double>, 4> times;
    for (std::size_t round = 0; round < rounds() / 2; ++round) {
        times[0].push_back(cpu_nanoseconds([&] { together.send(); }));
        times[1].push_back(cpu_nanoseconds([&] { together.receive(); }));
        times[2].push_back(cpu_nanoseconds([&] { alone.send(); }));
        times[3].push_back(cpu_nanoseconds([&] { alone.receive(); }));
    }
    std::array<double, 4> ns{};
    for (std::size_t i = 0; i < ns.size(); ++i) { ns[i] = median(times[i]) / segments_of_train; }
    std::printf(
        "       1348-octet segment, %-22s: %5.0f ns out, %5.0f ns in; packet by packet %5.0f and "
        "%5.0f\n",
        name, ns[0], ns[1], ns[2], ns[3]);
}

void multi_buffer() {
    using enum crypto::EncryptionAlgorithm;
    multi_buffer("ChaCha20-Poly1305", {.encryption = chacha20_poly1305}, 36, 0);
    multi_buffer("AES-128-CBC + SHA-256",
                 {.encryption = aes_cbc,
                  .key_bits = 128,
                  .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128},
                 16, 32);
}

}  // namespace
}  // namespace culvert::ipsec

// Arguments: which of them, all without.
int main(int argc, char** argv) {
    const std::vector<std::string_view> wanted(argv + 1, argv + argc);
    const auto chosen = [&](std::string_view name) {
        return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
    };
    for (const std::uint32_t window : {0U, 1024U}) {
        if (!chosen("packets")) { break; }
        culvert::ipsec::packets(64, window, 5.8);
        culvert::ipsec::packets(1420, window, 3.2);
    }
    if (chosen("multi-buffer")) { culvert::ipsec::multi_buffer(); }
    return !chosen("segments") || culvert::ipsec::segments() ? 0 : 1;
}
