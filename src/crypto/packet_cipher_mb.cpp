// The engine on libipsec-mb: its direct calls for AES-GCM and GMAC, its multi-buffer jobs for the
// rest.

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <intel-ipsec-mb.h>

#include "base/assert.hpp"
#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {
namespace {

struct FreeManager {
    void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

// Null on processors without AES-NI and carry-less multiplication: ipsec-mb would emulate them with
// tables that are slow and leak through the cache.
Manager make_manager() {
    Manager manager{alloc_mb_mgr(0)};
    if (!manager) { return nullptr; }
    constexpr std::uint64_t needed = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
    if ((manager->features & needed) != needed) { return nullptr; }
    IMB_ARCH arch{};
    init_mb_mgr_auto(manager.get(), &arch);
    if (imb_get_errno(manager.get()) != 0) { return nullptr; }
    return manager;
}

// For what needs no queue: key expansion and the direct calls. Only its table of functions is used,
// so that threads may share it.
IMB_MGR* functions() {
    static const Manager manager = make_manager();
    return manager.get();
}

constexpr std::size_t lane_jobs_max = 64;

}  // namespace

struct CipherLanes::Impl {
    Manager manager = make_manager();
    gcm_context_data gcm{};
    // Of each job that is under way: nonce or counter block, AAD, and the ICV that was computed.
    struct Scratch {
        alignas(16) std::array<std::uint8_t, 16> nonce;
        alignas(16) std::array<std::uint8_t, 16> aad;
        alignas(16) std::array<std::uint8_t, 64> icv;
        alignas(16) std::array<std::uint8_t, 64> received;
    };
    std::array<Scratch, lane_jobs_max> scratch{};
    // AES-GCM: those of a batch.
    std::array<std::array<std::uint8_t, 12>, lane_jobs_max> nonces{};
    std::array<std::array<std::uint8_t, 12>, lane_jobs_max> aads{};
};

CipherLanes::CipherLanes() : impl_(std::make_unique<Impl>()) {}
CipherLanes::CipherLanes(CipherLanes&&) noexcept = default;
CipherLanes& CipherLanes::operator=(CipherLanes&&) noexcept = default;
CipherLanes::~CipherLanes() = default;

namespace {

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
                encrypt_(&keys_->key, &lanes.gcm, text, job.text == nullptr ? text : job.text,
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
                decrypt_(&keys_->key, &lanes.gcm, text, text, job.text_size, lanes.nonces[i].data(),
                         aad_of(lanes, job, i), aad_size(), icv.data(), icv_);
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
            authenticate(lanes.gcm, job, text + job.text_size);
            job.ok = true;
        }
    }

    void open(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::array<std::uint8_t, 16> icv;
            authenticate(lanes.gcm, job, icv.data());
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

struct JobKeys {
    alignas(16) std::array<std::uint8_t, 16 * 15> encrypt;
    alignas(16) std::array<std::uint8_t, 16 * 15> decrypt;
    alignas(16) std::array<std::uint64_t, 3 * 16> des;
    std::array<const void*, 3> des_schedules;
    alignas(16) std::array<std::uint8_t, 64> inner;  // HMAC: state after key xor ipad
    alignas(16) std::array<std::uint8_t, 64> outer;
    alignas(16) std::array<std::uint8_t, 16 * 11> mac_key;  // XCBC and CMAC
    alignas(16) std::array<std::uint8_t, 16> mac_key_2;
    alignas(16) std::array<std::uint8_t, 16> mac_key_3;
    alignas(16) std::array<std::uint8_t, 32> raw;  // ChaCha20 takes its key as it is
    std::array<std::uint8_t, 4> salt;
};

using OneBlock = void (*)(const void*, void*);

// HMAC's two states (RFC 2104) from a key no longer than a block.
void hmac_states(OneBlock one_block, std::size_t block, ByteView key, JobKeys& keys) {
    std::array<std::uint8_t, 128> pad{};
    for (std::size_t i = 0; i < block; ++i) {
        pad[i] = static_cast<std::uint8_t>((i < key.size() ? key[i] : 0U) ^ 0x36U);
    }
    one_block(pad.data(), keys.inner.data());
    for (std::size_t i = 0; i < block; ++i) {
        pad[i] = static_cast<std::uint8_t>(pad[i] ^ 0x36U ^ 0x5cU);
    }
    one_block(pad.data(), keys.outer.data());
    wipe(pad);
}

// Everything that ipsec-mb does as jobs: CBC, CTR, 3DES and NULL with a MAC, CCM,
// ChaCha20-Poly1305. A batch fills its lanes.
class MbJobs final : public PacketCipher::Engine {
 public:
    static bool serves(const PacketKeys& keys) {
        using enum EncryptionAlgorithm;
        const bool ccm =
            keys.parameters.encryption == aes_ccm_8 || keys.parameters.encryption == aes_ccm_12 ||
            keys.parameters.encryption == aes_ccm_16 || keys.parameters.encryption == aes_ccm_8_iiv;
        return !(ccm && keys.key.size() == 24);  // ipsec-mb 1.3 has CCM with 128 and 256 bits only
    }

    explicit MbJobs(const PacketKeys& keys)
        : esn_(keys.parameters.esn), implicit_(keys.sizes.iv == 0), icv_(keys.icv_size) {
        multi_buffer = true;
        key_size_ = keys.key.size();
        salt_size_ = keys.salt.size();
        std::ranges::copy(keys.salt, keys_->salt.begin());
        set_cipher(keys);
        if (!is_aead(keys.parameters.encryption)) { set_integrity(keys); }
    }

    void seal(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        run(lanes, jobs, IMB_DIR_ENCRYPT);
    }
    void open(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const override {
        run(lanes, jobs, IMB_DIR_DECRYPT);
    }

 private:
    void set_cipher(const PacketKeys& keys);
    void set_aes(ByteView key);
    void set_integrity(const PacketKeys& keys);
    void run(CipherLanes::Impl& lanes, std::span<CipherJob> jobs,
             IMB_CIPHER_DIRECTION direction) const;
    void fill(IMB_JOB& job, CipherJob& packet, CipherLanes::Impl::Scratch& scratch,
              IMB_CIPHER_DIRECTION direction) const;
    void fill_cipher(IMB_JOB& job, const CipherJob& packet,
                     CipherLanes::Impl::Scratch& scratch) const;
    void fill_hash(IMB_JOB& job, const CipherJob& packet,
                   CipherLanes::Impl::Scratch& scratch) const;
    void finish(const IMB_JOB& job, IMB_CIPHER_DIRECTION direction) const;

    KeyTable<JobKeys> keys_;
    IMB_CIPHER_MODE cipher_ = IMB_CIPHER_NULL;
    IMB_HASH_ALG hash_ = IMB_AUTH_NULL;
    std::size_t key_size_ = 0;
    std::size_t salt_size_ = 0;
    std::size_t computed_icv_ = 0;  // what the library writes; cut to icv_
    bool esn_;
    bool implicit_;
    std::size_t icv_;
};

void MbJobs::set_aes(ByteView key) {
    IMB_MGR* const mb = functions();
    switch (key.size()) {
        case 16:
            IMB_AES_KEYEXP_128(mb, key.data(), keys_->encrypt.data(), keys_->decrypt.data());
            break;
        case 24:
            IMB_AES_KEYEXP_192(mb, key.data(), keys_->encrypt.data(), keys_->decrypt.data());
            break;
        default:
            IMB_AES_KEYEXP_256(mb, key.data(), keys_->encrypt.data(), keys_->decrypt.data());
            break;
    }
}

void MbJobs::set_cipher(const PacketKeys& keys) {
    using enum EncryptionAlgorithm;
    switch (keys.parameters.encryption) {
        case aes_cbc:
            cipher_ = IMB_CIPHER_CBC;
            set_aes(keys.key);
            break;
        case aes_ctr:
            cipher_ = IMB_CIPHER_CNTR;
            set_aes(keys.key);
            break;
        case des3_cbc:
            cipher_ = IMB_CIPHER_DES3;
            for (std::size_t i = 0; i < 3; ++i) {
                std::uint64_t* const schedule = keys_->des.data() + 16 * i;
                functions()->des_key_sched(schedule, keys.key.data() + 8 * i);
                keys_->des_schedules[i] = schedule;
            }
            break;
        case aes_ccm_8:
        case aes_ccm_12:
        case aes_ccm_16:
        case aes_ccm_8_iiv:
            cipher_ = IMB_CIPHER_CCM;
            hash_ = IMB_AUTH_AES_CCM;
            computed_icv_ = icv_;
            set_aes(keys.key);
            break;
        case chacha20_poly1305:
        case chacha20_poly1305_iiv:
            cipher_ = IMB_CIPHER_CHACHA20_POLY1305;
            hash_ = IMB_AUTH_CHACHA20_POLY1305;
            computed_icv_ = 16;
            std::ranges::copy(keys.key, keys_->raw.begin());
            break;
        default: cipher_ = IMB_CIPHER_NULL; break;
    }
}

void MbJobs::set_integrity(const PacketKeys& keys) {
    using enum IntegrityAlgorithm;
    IMB_MGR* const mb = functions();
    const ByteView key = keys.integrity;
    computed_icv_ = icv_;
    switch (keys.parameters.integrity) {
        case hmac_md5_96:
            hash_ = IMB_AUTH_MD5;
            hmac_states(mb->md5_one_block, 64, key, *keys_);
            break;
        case hmac_sha1_96:
            hash_ = IMB_AUTH_HMAC_SHA_1;
            hmac_states(mb->sha1_one_block, 64, key, *keys_);
            break;
        case hmac_sha2_256_96:
        case hmac_sha2_256_128:
            hash_ = IMB_AUTH_HMAC_SHA_256;
            computed_icv_ = 16;
            hmac_states(mb->sha256_one_block, 64, key, *keys_);
            break;
        case hmac_sha2_384_192:
            hash_ = IMB_AUTH_HMAC_SHA_384;
            hmac_states(mb->sha384_one_block, 128, key, *keys_);
            break;
        case hmac_sha2_512_256:
            hash_ = IMB_AUTH_HMAC_SHA_512;
            hmac_states(mb->sha512_one_block, 128, key, *keys_);
            break;
        case aes_xcbc_96:
            hash_ = IMB_AUTH_AES_XCBC;
            IMB_AES_XCBC_KEYEXP(mb, key.data(), keys_->mac_key.data(), keys_->mac_key_2.data(),
                                keys_->mac_key_3.data());
            break;
        default: {  // aes_cmac_96
            hash_ = IMB_AUTH_AES_CMAC;
            std::array<std::uint8_t, 16 * 11> unused{};
            IMB_AES_KEYEXP_128(mb, key.data(), keys_->mac_key.data(), unused.data());
            wipe(unused);
            IMB_AES_CMAC_SUBKEY_GEN_128(mb, keys_->mac_key.data(), keys_->mac_key_2.data(),
                                        keys_->mac_key_3.data());
            break;
        }
    }
}

void MbJobs::run(CipherLanes::Impl& lanes, std::span<CipherJob> jobs,
                 IMB_CIPHER_DIRECTION direction) const {
    IMB_MGR* const mb = lanes.manager.get();
    while (!jobs.empty()) {
        const auto now = jobs.first(std::min(jobs.size(), lane_jobs_max));
        jobs = jobs.subspan(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
            IMB_JOB* const job = IMB_GET_NEXT_JOB(mb);
            fill(*job, now[i], lanes.scratch[i], direction);
            IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(mb);
            while (done != nullptr) {
                finish(*done, direction);
                done = IMB_GET_COMPLETED_JOB(mb);
            }
        }
        while (IMB_JOB* const done = IMB_FLUSH_JOB(mb)) { finish(*done, direction); }
    }
}

void MbJobs::fill(IMB_JOB& job, CipherJob& packet, CipherLanes::Impl::Scratch& scratch,
                  IMB_CIPHER_DIRECTION direction) const {
    std::uint8_t* const text = packet.packet + 8 + iv_size;
    std::uint8_t* const icv = text + packet.text_size;
    packet.ok = false;
    if (direction == IMB_DIR_ENCRYPT) {
        if (packet.text != nullptr) { std::memcpy(text, packet.text, packet.text_size); }
    } else {
        std::memcpy(scratch.received.data(), icv, icv_);
    }
    job.cipher_mode = cipher_;
    job.cipher_direction = direction;
    job.hash_alg = hash_;
    // A MAC is taken of the ciphertext; CCM's of the plaintext, which the library wants said so.
    const bool cipher_first = (direction == IMB_DIR_ENCRYPT) != (cipher_ == IMB_CIPHER_CCM);
    job.chain_order = cipher_first ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job.src = packet.packet;
    job.dst = text;
    job.cipher_start_src_offset_in_bytes = 8 + iv_size;
    job.msg_len_to_cipher_in_bytes = packet.text_size;
    job.auth_tag_output = scratch.icv.data();
    job.auth_tag_output_len_in_bytes = computed_icv_;
    job.user_data = &packet;
    job.user_data2 = &scratch;
    job.sgl_state = IMB_SGL_INIT;
    fill_cipher(job, packet, scratch);
    fill_hash(job, packet, scratch);
}

void MbJobs::fill_cipher(IMB_JOB& job, const CipherJob& packet,
                         CipherLanes::Impl::Scratch& scratch) const {
    job.key_len_in_bytes = key_size_;
    job.iv = packet.packet + 8;
    job.iv_len_in_bytes = iv_size;
    switch (cipher_) {
        case IMB_CIPHER_DES3:
            job.enc_keys = keys_->des_schedules.data();
            job.dec_keys = keys_->des_schedules.data();
            break;
        case IMB_CIPHER_CHACHA20_POLY1305:
            job.enc_keys = keys_->raw.data();
            job.dec_keys = keys_->raw.data();
            break;
        default:
            job.enc_keys = keys_->encrypt.data();
            job.dec_keys = keys_->decrypt.data();
            break;
    }
    if (salt_size_ == 0) { return; }
    // CTR (RFC 3686 4), CCM (RFC 4309 4) and ChaCha20 (RFC 7634 2): salt, then the IV.
    std::copy_n(keys_->salt.begin(), salt_size_, scratch.nonce.begin());
    esp_nonce_iv(packet, implicit_, esn_, scratch.nonce.data() + salt_size_);
    job.iv = scratch.nonce.data();
    job.iv_len_in_bytes = salt_size_ + 8;
}

void MbJobs::fill_hash(IMB_JOB& job, const CipherJob& packet,
                       CipherLanes::Impl::Scratch& scratch) const {
    job.hash_start_src_offset_in_bytes = 8 + iv_size;
    job.msg_len_to_hash_in_bytes = packet.text_size;
    if (hash_ == IMB_AUTH_AES_CCM || hash_ == IMB_AUTH_CHACHA20_POLY1305) {
        std::array<std::uint8_t, 12> aad;
        const std::size_t aad_size = esp_aad(packet, esn_, aad);
        std::ranges::copy(aad, scratch.aad.begin());
        if (hash_ == IMB_AUTH_AES_CCM) {
            job.u.CCM.aad = scratch.aad.data();
            job.u.CCM.aad_len_in_bytes = aad_size;
        } else {
            job.u.CHACHA20_POLY1305.aad = scratch.aad.data();
            job.u.CHACHA20_POLY1305.aad_len_in_bytes = aad_size;
            job.u.CHACHA20_POLY1305.ctx = nullptr;
        }
        return;
    }
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = 8 + iv_size + packet.text_size;
    if (esn_) {
        // The high word is authenticated behind the text without being sent (RFC 4303 2.2.1): it
        // stands where the ICV will be, or was.
        put_u32(packet.packet + 8 + iv_size + packet.text_size, packet.sequence_high);
        job.msg_len_to_hash_in_bytes += 4;
    }
    switch (hash_) {
        case IMB_AUTH_AES_XCBC:
            job.u.XCBC._k1_expanded = reinterpret_cast<const std::uint32_t*>(keys_->mac_key.data());
            job.u.XCBC._k2 = keys_->mac_key_2.data();
            job.u.XCBC._k3 = keys_->mac_key_3.data();
            break;
        case IMB_AUTH_AES_CMAC:
            job.u.CMAC._key_expanded = keys_->mac_key.data();
            job.u.CMAC._skey1 = keys_->mac_key_2.data();
            job.u.CMAC._skey2 = keys_->mac_key_3.data();
            break;
        default:
            job.u.HMAC._hashed_auth_key_xor_ipad = keys_->inner.data();
            job.u.HMAC._hashed_auth_key_xor_opad = keys_->outer.data();
            break;
    }
}

void MbJobs::finish(const IMB_JOB& job, IMB_CIPHER_DIRECTION direction) const {
    CipherJob& packet = *static_cast<CipherJob*>(job.user_data);
    const auto& scratch = *static_cast<CipherLanes::Impl::Scratch*>(job.user_data2);
    const bool completed = job.status == IMB_STATUS_COMPLETED;
    if (direction == IMB_DIR_ENCRYPT) {
        std::memcpy(packet.packet + 8 + iv_size + packet.text_size, scratch.icv.data(), icv_);
        packet.ok = completed;
    } else {
        packet.ok =
            constant_time_equal({scratch.icv.data(), icv_}, {scratch.received.data(), icv_}) &&
            completed;
    }
}

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
        default: break;
    }
    if (!MbJobs::serves(keys)) { return nullptr; }
    return std::make_unique<MbJobs>(keys);
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
