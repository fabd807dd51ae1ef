// The engine on libipsec-mb: its direct calls for AES-GCM and GMAC; jobs are in
// packet_cipher_jobs.cpp.

#include <algorithm>
#include <array>
#include <cstring>

#include <intel-ipsec-mb.h>

#include "base/assert.hpp"
#include "crypto/ipsec_mb.hpp"
#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {

void ipsec_mb::FreeManager::operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }

ipsec_mb::Manager ipsec_mb::make_manager() {
    Manager manager{alloc_mb_mgr(0)};
    if (!manager) { return nullptr; }
    constexpr std::uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
    if ((manager->features & needed) != needed) { return nullptr; }
    IMB_ARCH arch{};
    init_mb_mgr_auto(manager.get(), &arch);
    if (imb_get_errno(manager.get()) != 0) { return nullptr; }
    return manager;
}

IMB_MGR* ipsec_mb::functions() {
    static const Manager manager = make_manager();
    return manager.get();
}

CipherLanes::Impl::Impl()
    : manager(ipsec_mb::make_manager()), gcm(std::make_unique<gcm_context_data>()) {}
CipherLanes::Impl::~Impl() = default;

CipherLanes::CipherLanes() : impl_(std::make_unique<Impl>()) {}
CipherLanes::CipherLanes(CipherLanes&&) noexcept = default;
CipherLanes& CipherLanes::operator=(CipherLanes&&) noexcept = default;
CipherLanes::~CipherLanes() = default;

namespace {

using ipsec_mb::functions;
using ipsec_mb::lane_jobs_max;

struct GcmKeys {
    gcm_key_data key;
    std::array<std::uint8_t, 4> salt;
};

// AES-GCM (RFC 4106, RFC 8750): one call a packet, keys expanded beforehand.
class MbGcm final : public PacketCipher::Engine {
 public:
    explicit MbGcm(const PacketKeys& keys)
        : esn_(keys.parameters.esn), implicit_(keys.sizes.iv == 0), icv_(keys.icv_size) {
        IMB_MGR* const mb = functions();
        switch (keys.key.size()) {
            case 16:
                IMB_AES128_GCM_PRE(mb, keys.key.data(), &keys_->key);
                encrypt_ = mb->gcm128_enc;
                decrypt_ = mb->gcm128_dec;
                break;
            case 24:
                IMB_AES192_GCM_PRE(mb, keys.key.data(), &keys_->key);
                encrypt_ = mb->gcm192_enc;
                decrypt_ = mb->gcm192_dec;
                break;
            default:
                IMB_AES256_GCM_PRE(mb, keys.key.data(), &keys_->key);
                encrypt_ = mb->gcm256_enc;
                decrypt_ = mb->gcm256_dec;
                break;
        }
        std::ranges::copy(keys.salt, keys_->salt.begin());
    }

    void seal(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        in_pieces(jobs, [&](std::span<CipherJob> piece) {
            prepare(lanes, piece);
            for (std::size_t i = 0; i < piece.size(); ++i) {
                CipherJob& job = piece[i];
                std::uint8_t* const text = job.packet + 8 + iv_size;
                encrypt_(&keys_->key, lanes.gcm.get(), text, job.text == nullptr ? text : job.text,
                         job.text_size, lanes.nonces[i].data(), aad_of(lanes, job, i), aad_size(),
                         text + job.text_size, icv_);
                job.ok = true;
            }
        });
    }

    void open(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        in_pieces(jobs, [&](std::span<CipherJob> piece) {
            prepare(lanes, piece);
            for (std::size_t i = 0; i < piece.size(); ++i) {
                CipherJob& job = piece[i];
                std::uint8_t* const text = job.packet + 8 + iv_size;
                std::array<std::uint8_t, 16> icv;
                decrypt_(&keys_->key, lanes.gcm.get(), text, text, job.text_size,
                         lanes.nonces[i].data(), aad_of(lanes, job, i), aad_size(), icv.data(),
                         icv_);
                job.ok = constant_time_equal({icv.data(), icv_}, {text + job.text_size, icv_});
            }
        });
    }

 private:
    static void in_pieces(std::span<CipherJob> jobs, auto&& each) {
        while (!jobs.empty()) {
            const auto piece = jobs.first(std::min(jobs.size(), lane_jobs_max));
            each(piece);
            jobs = jobs.subspan(piece.size());
        }
    }
    std::size_t aad_size() const { return esn_ ? 12 : 8; }
    // Without ESN it lies in the packet as it is.
    const std::uint8_t* aad_of(const CipherLanes::Impl& lanes, const CipherJob& job,
                               std::size_t index) const {
        return esn_ ? lanes.aads[index].data() : job.packet;
    }
    // All nonces before the first cipher: the library reads each in one piece, and would wait for
    // octets that were written just before in several.
    void prepare(CipherLanes::Impl& lanes, std::span<const CipherJob> jobs) const {
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            std::uint8_t* const nonce = lanes.nonces[i].data();
            std::ranges::copy(keys_->salt, nonce);
            esp_nonce_iv(jobs[i], implicit_, esn_, nonce + 4);
            if (esn_) { esp_aad(jobs[i], esn_, lanes.aads[i]); }
        }
    }

    KeyTable<GcmKeys> keys_;
    aes_gcm_enc_dec_t encrypt_ = nullptr;
    aes_gcm_enc_dec_t decrypt_ = nullptr;
    bool esn_;
    bool implicit_;
    std::size_t icv_;
};

// ENCR_NULL_AUTH_AES_GMAC (RFC 4543): all of SPI, sequence number, IV and text is authenticated,
// none encrypted.
class MbGmac final : public PacketCipher::Engine {
 public:
    explicit MbGmac(const PacketKeys& keys) : esn_(keys.parameters.esn) {
        IMB_MGR* const mb = functions();
        switch (keys.key.size()) {
            case 16:
                IMB_AES128_GCM_PRE(mb, keys.key.data(), &keys_->key);
                init_ = mb->gmac128_init;
                update_ = mb->gmac128_update;
                finalize_ = mb->gmac128_finalize;
                break;
            case 24:
                IMB_AES192_GCM_PRE(mb, keys.key.data(), &keys_->key);
                init_ = mb->gmac192_init;
                update_ = mb->gmac192_update;
                finalize_ = mb->gmac192_finalize;
                break;
            default:
                IMB_AES256_GCM_PRE(mb, keys.key.data(), &keys_->key);
                init_ = mb->gmac256_init;
                update_ = mb->gmac256_update;
                finalize_ = mb->gmac256_finalize;
                break;
        }
        std::ranges::copy(keys.salt, keys_->salt.begin());
    }

    void seal(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::uint8_t* const text = job.packet + 16;
            if (job.text != nullptr) { std::copy_n(job.text, job.text_size, text); }
            authenticate(*lanes.gcm, job, text + job.text_size);
            job.ok = true;
        }
    }

    void open(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::array<std::uint8_t, 16> icv;
            authenticate(*lanes.gcm, job, icv.data());
            job.ok = constant_time_equal(icv, {job.packet + 16 + job.text_size, icv.size()});
        }
    }

 private:
    void authenticate(gcm_context_data& context, const CipherJob& job, std::uint8_t* icv) const {
        std::array<std::uint8_t, 12> nonce;
        std::ranges::copy(keys_->salt, nonce.begin());
        std::copy_n(job.packet + 8, 8, nonce.begin() + 4);
        init_(&keys_->key, &context, nonce.data(), nonce.size());
        if (!esn_) {
            update_(&keys_->key, &context, job.packet, 16 + job.text_size);
        } else {
            // SPI, high word, low word, IV, and 12 octets of text make two whole blocks, so that
            // the rest can follow from where it lies.
            std::array<std::uint8_t, 32> start{};
            std::copy_n(job.packet, 4, start.begin());
            put_u32(start.data() + 4, job.sequence_high);
            const std::size_t taken = std::min<std::size_t>(12, job.text_size);
            std::copy_n(job.packet + 4, 12 + taken, start.begin() + 8);
            update_(&keys_->key, &context, start.data(), 20 + taken);
            if (job.text_size > taken) {
                update_(&keys_->key, &context, job.packet + 16 + taken, job.text_size - taken);
            }
        }
        finalize_(&keys_->key, &context, icv, 16);
    }

    KeyTable<GcmKeys> keys_;
    aes_gmac_init_t init_ = nullptr;
    aes_gmac_update_t update_ = nullptr;
    aes_gmac_finalize_t finalize_ = nullptr;
    bool esn_;
};

}  // namespace

std::unique_ptr<PacketCipher::Engine> make_ipsec_mb_engine(const PacketKeys& keys) {
    using enum EncryptionAlgorithm;
    if (functions() == nullptr) { return nullptr; }
    switch (keys.parameters.encryption) {
        case aes_gcm_8:
        case aes_gcm_12:
        case aes_gcm_16:
        case aes_gcm_16_iiv: return std::make_unique<MbGcm>(keys);
        case null_auth_aes_gmac: return std::make_unique<MbGmac>(keys);
        default: return ipsec_mb::make_jobs_engine(keys);
    }
}

BlockGenerator::BlockGenerator(const Secret& key) {
    ASSERT(key.size() == 16);
    if (functions() == nullptr) {
        key_ = key.clone();
        return;
    }
    table_ = Secret(16 * 11);
    std::array<std::uint8_t, 16 * 11> unused{};
    IMB_AES_KEYEXP_128(functions(), key.reveal().data(), table_.write().data(), unused.data());
    wipe(unused);
}
BlockGenerator::BlockGenerator(BlockGenerator&&) noexcept = default;
BlockGenerator& BlockGenerator::operator=(BlockGenerator&&) noexcept = default;
BlockGenerator::~BlockGenerator() = default;

void BlockGenerator::block(std::uint64_t counter, MutableByteView out) const {
    ASSERT(out.size() <= 16);
    alignas(16) std::array<std::uint8_t, 16> in{};
    put_u32(in.data() + 8, static_cast<std::uint32_t>(counter >> 32U));
    put_u32(in.data() + 12, static_cast<std::uint32_t>(counter));
    if (table_.empty()) {
        portable_aes128_block(key_, in, out);
        return;
    }
    // CFB of zeros is the bare cipher of the "IV".
    constexpr std::array<std::uint8_t, 16> zeros{};
    IMB_AES128_CFB_ONE(functions(), out.data(), zeros.data(), in.data(), table_.reveal().data(),
                       out.size());
}

}  // namespace culvert::crypto
