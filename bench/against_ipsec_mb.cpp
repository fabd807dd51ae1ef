// What the engine makes of what ipsec-mb can: whole tunnel-mode packets, headers, sequence numbers,
// replay window and selectors included, against ipsec-mb's bare calls on texts of the same size in
// the same buffers. One core. Exit status 1 when a target is missed.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <intel-ipsec-mb.h>

#include "ipsec/esp.hpp"
#include "packets.hpp"
#include "ratio.hpp"

namespace culvert::ipsec {
namespace {

using culvert::bench::Bound;
using namespace bench;
constexpr std::size_t batch = batch_max;
constexpr std::size_t front = 64;  // of a buffer, before the ESP header

// The engine on one ring of buffers; the same octets are ipsec-mb's.
class Ours {
 public:
    Ours(const ChildSa& sa, std::size_t inner)
        : out_(*OutboundSa::create(sa, random_, Instant{})),
          in_(*InboundSa::create(sa, Instant{})),
          inner_(udp_packet(inner)),
          // As packets lie in a receive buffer, in whole lines; an odd number of them uses the
          // cache evenly.
          stride_(((front + inner + overhead_max) / 64 | 1) * 64),
          ring_(batch * stride_),
          clear_(batch * stride_ + trailer_size_max) {
        for (std::size_t i = 0; i < batch; ++i) {
            std::ranges::copy(inner_, clear_.begin() + static_cast<std::ptrdiff_t>(i * stride_));
        }
        sad_.add(in_);
    }
    // Clear packets to whole outer ones.
    void send() {
        for (std::size_t i = 0; i < batch; ++i) {
            const MutableByteView packet{clear_.data() + i * stride_, inner_.size()};
            if (!parse_packet(packet, infos_[i])) { std::abort(); }
            jobs_[i] = {.packet = packet,
                        .info = &infos_[i],
                        .tail_room = true,
                        .out = {slot(i), stride_ - front}};
        }
        encapsulate(*out_, jobs_, crypto_, Instant{});
        for (std::size_t i = 0; i < batch; ++i) {
            const MutableByteView header{slot(i) - 20, 20};
            if (jobs_[i].dropped != DropReason::none ||
                build_outer_header(*out_, jobs_[i], 1, header) != 20) {
                std::abort();
            }
        }
    }
    // And back.
    void receive() {
        for (std::size_t i = 0; i < batch; ++i) {
            const MutableByteView packet{slot(i) - 20, 20 + std::size_t{jobs_[i].size}};
            if (prepare_decap(packet, false, opened_[i]) != DropReason::none) { std::abort(); }
        }
        // As the plane does: the SA once for a run of one SPI.
        const auto spi = peek_spi(opened_[0]);
        std::size_t same = 1;
        while (same < batch && peek_spi(opened_[same]) == spi) { ++same; }
        if (same != batch || sad_.find(*spi) != in_.get()) { std::abort(); }
        decapsulate(*in_, opened_, crypto_, Instant{});
        for (const DecapJob& job : opened_) {
            if (job.dropped != DropReason::none) { std::abort(); }
        }
    }
    std::uint8_t* slot(std::size_t i) { return ring_.data() + i * stride_ + front; }
    const std::uint8_t* clear(std::size_t i) const { return clear_.data() + i * stride_; }

 private:
    FixedRandom random_;
    std::shared_ptr<OutboundSa> out_;
    std::shared_ptr<InboundSa> in_;
    CryptoContext crypto_;
    Bytes inner_;
    std::size_t stride_;
    Bytes ring_;
    Bytes clear_;
    Sad sad_;
    std::array<PacketInfo, batch> infos_{};
    std::array<EncapJob, batch> jobs_;
    std::array<DecapJob, batch> opened_;
};

struct FreeManager {
    void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

Manager manager() {
    Manager out{alloc_mb_mgr(0)};
    IMB_ARCH arch{};
    init_mb_mgr_auto(out.get(), &arch);
    return out;
}

// Rounds in turns: ours to send, bare to seal, ours to receive, bare to open.
template <class Bare>
bool compare(const std::string& name, Ours& ours, Bare& bare, double target) {
    std::array<std::vector<double>, 4> times;
    for (std::size_t round = 0; round < culvert::bench::rounds() * 4; ++round) {
        times[0].push_back(culvert::bench::nanoseconds([&] { ours.send(); }));
        times[2].push_back(culvert::bench::nanoseconds([&] { ours.receive(); }));
        times[1].push_back(culvert::bench::nanoseconds([&] { bare.seal(); }));
        times[3].push_back(culvert::bench::nanoseconds([&] { bare.open(); }));
    }
    std::array<double, 4> ns{};
    for (std::size_t i = 0; i < ns.size(); ++i) {
        ns[i] = culvert::bench::median(times[i]) / batch;
    }
    const auto detail = [](double us, double them) {
        return fmt::format("{:.0f} ns a packet, ipsec-mb {:.0f} ns", us, them);
    };
    bool good = culvert::bench::report(name + ", out", ns[1] / ns[0], Bound::at_least, target,
                                       detail(ns[0], ns[1]));
    good &= culvert::bench::report(name + ", in", ns[3] / ns[2], Bound::at_least, target,
                                   detail(ns[2], ns[3]));
    return good;
}

class BareGcm {
 public:
    BareGcm(Ours& ours, std::size_t text) : ours_(ours), text_(text) {
        const std::array<std::uint8_t, 32> key{};
        IMB_AES256_GCM_PRE(manager_.get(), key.data(), &key_);
    }
    void seal() {
        for (std::size_t i = 0; i < batch; ++i) {
            std::uint8_t* const esp = ours_.slot(i);
            std::memcpy(nonce_.data() + 4, esp + 8, 8);
            IMB_AES256_GCM_ENC(manager_.get(), &key_, &context_, esp + 16, ours_.clear(i), text_,
                               nonce_.data(), esp, 8, esp + 16 + text_, 16);
        }
    }
    void open() {
        for (std::size_t i = 0; i < batch; ++i) {
            std::uint8_t* const esp = ours_.slot(i);
            std::memcpy(nonce_.data() + 4, esp + 8, 8);
            std::array<std::uint8_t, 16> icv;
            IMB_AES256_GCM_DEC(manager_.get(), &key_, &context_, esp + 16, esp + 16, text_,
                               nonce_.data(), esp, 8, icv.data(), 16);
            if (std::memcmp(icv.data(), esp + 16 + text_, 16) != 0) { std::abort(); }
        }
    }

 private:
    Manager manager_ = manager();
    Ours& ours_;
    std::size_t text_;
    alignas(64) gcm_key_data key_{};
    gcm_context_data context_{};
    std::array<std::uint8_t, 12> nonce_{};
};

// AES-128-CBC and HMAC-SHA256-128 as jobs, submitted without end: the queue is never flushed.
class BareCbc {
 public:
    BareCbc(Ours& ours, std::size_t text) : ours_(ours), text_(text) {
        const std::array<std::uint8_t, 16> key{};
        IMB_AES_KEYEXP_128(manager_.get(), key.data(), encrypt_.data(), decrypt_.data());
        std::array<std::uint8_t, 64> pad;
        pad.fill(0x36);
        IMB_SHA256_ONE_BLOCK(manager_.get(), pad.data(), inner_.data());
        pad.fill(0x5c);
        IMB_SHA256_ONE_BLOCK(manager_.get(), pad.data(), outer_.data());
    }
    void seal() { run(IMB_DIR_ENCRYPT); }
    void open() { run(IMB_DIR_DECRYPT); }

 private:
    void run(IMB_CIPHER_DIRECTION direction) {
        const bool sealing = direction == IMB_DIR_ENCRYPT;
        for (std::size_t i = 0; i < batch; ++i) {
            std::uint8_t* const esp = ours_.slot(i);
            IMB_JOB* const job = IMB_GET_NEXT_JOB(manager_.get());
            job->cipher_mode = IMB_CIPHER_CBC;
            job->cipher_direction = direction;
            job->chain_order = sealing ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
            job->hash_alg = IMB_AUTH_HMAC_SHA_256;
            job->enc_keys = encrypt_.data();
            job->dec_keys = decrypt_.data();
            job->key_len_in_bytes = 16;
            job->iv = esp + 8;
            job->iv_len_in_bytes = 16;
            // Source offsets count from src, the hash covers header and IV too.
            job->src = esp;
            job->dst = esp + 24;
            job->cipher_start_src_offset_in_bytes = 24;
            job->msg_len_to_cipher_in_bytes = text_;
            job->hash_start_src_offset_in_bytes = 0;
            job->msg_len_to_hash_in_bytes = 24 + text_;
            job->auth_tag_output = icv_[i].data();
            job->auth_tag_output_len_in_bytes = 16;
            job->u.HMAC._hashed_auth_key_xor_ipad = inner_.data();
            job->u.HMAC._hashed_auth_key_xor_opad = outer_.data();
            const IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(manager_.get());
            while (done != nullptr) {
                if (done->status != IMB_STATUS_COMPLETED) { std::abort(); }
                done = IMB_GET_COMPLETED_JOB(manager_.get());
            }
        }
    }

    Manager manager_ = manager();
    Ours& ours_;
    std::size_t text_;
    alignas(16) std::array<std::uint8_t, 16 * 15> encrypt_{};
    alignas(16) std::array<std::uint8_t, 16 * 15> decrypt_{};
    alignas(16) std::array<std::uint8_t, 32> inner_{};
    alignas(16) std::array<std::uint8_t, 32> outer_{};
    std::array<std::array<std::uint8_t, 16>, batch> icv_{};
};

bool gcm(std::size_t inner, double target) {
    const IpsecSuite suite{.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 256};
    Ours ours{child(suite, 36, 0), inner};
    BareGcm bare{ours, (inner + 2 + 3) / 4 * 4};
    return compare(fmt::format("AES-256-GCM, {} octets", inner), ours, bare, target);
}

bool cbc() {
    const IpsecSuite suite{.encryption = crypto::EncryptionAlgorithm::aes_cbc,
                           .key_bits = 128,
                           .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128};
    Ours ours{child(suite, 16, 32), 1420};
    BareCbc bare{ours, (1420 + 2 + 15) / 16 * 16};
    return compare("AES-128-CBC + HMAC-SHA256, 1420 octets", ours, bare, 0.6);
}

}  // namespace
}  // namespace culvert::ipsec

// Arguments: which of them, all without.
int main(int argc, char** argv) {
    const std::vector<std::string_view> wanted(argv + 1, argv + argc);
    const auto chosen = [&](std::string_view name) {
        return wanted.empty() || std::ranges::find(wanted, name) != wanted.end();
    };
    bool good = true;
    if (chosen("gcm1420")) { good &= culvert::ipsec::gcm(1420, 0.8); }
    if (chosen("gcm64")) { good &= culvert::ipsec::gcm(64, 0.5); }
    if (chosen("cbc")) { good &= culvert::ipsec::cbc(); }
    return good ? 0 : 1;
}
