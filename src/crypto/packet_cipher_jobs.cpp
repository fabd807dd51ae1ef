// The engine on libipsec-mb's multi-buffer jobs: everything but AES-GCM and GMAC.

#include <algorithm>
#include <array>
#include <cstring>

#include <intel-ipsec-mb.h>

#include "crypto/ipsec_mb.hpp"
#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {
namespace {

using ipsec_mb::functions;
using ipsec_mb::lane_jobs_max;

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

std::unique_ptr<PacketCipher::Engine> ipsec_mb::make_jobs_engine(const PacketKeys& keys) {
    if (!MbJobs::serves(keys)) { return nullptr; }
    return std::make_unique<MbJobs>(keys);
}

}  // namespace culvert::crypto
