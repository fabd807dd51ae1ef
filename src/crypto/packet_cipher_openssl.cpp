// The engine on OpenSSL: every suite, one packet at a time. For processors and key sizes that
// ipsec-mb does not serve, and as a second opinion in tests.

#include <array>
#include <cstring>
#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"
#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {
namespace {

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;
struct FreeMacContext {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMacContext>;
struct FreeMac {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};

int size_of(std::size_t size) { return static_cast<int>(size); }

enum class Mode : std::uint8_t { null, cbc, ctr, gcm, gmac, ccm, chacha };

const EVP_CIPHER* pick(std::size_t key, const EVP_CIPHER* a, const EVP_CIPHER* b,
                       const EVP_CIPHER* c) {
    return key == 16 ? a : key == 24 ? b : c;
}

class OpensslEngine final : public PacketCipher::Engine {
 public:
    explicit OpensslEngine(const PacketKeys& keys)
        : key_(Secret::copy_of(keys.key)),
          salt_(Secret::copy_of(keys.salt)),
          integrity_key_(Secret::copy_of(keys.integrity)),
          integrity_(keys.parameters.integrity),
          esn_(keys.parameters.esn),
          implicit_(keys.sizes.iv == 0) {
        set_cipher(keys.parameters.encryption, keys.key.size());
        set_mac();
    }

    bool usable() const { return mode_ == Mode::null || cipher_ != nullptr; }

    void seal(CipherLanes::Impl& /*lanes*/, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::uint8_t* const text = job.packet + 8 + iv_size;
            if (job.text != nullptr) { std::memcpy(text, job.text, job.text_size); }
            job.ok = aead() ? seal_aead(job, text) : seal_then_mac(job, text);
        }
    }

    void open(CipherLanes::Impl& /*lanes*/, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::uint8_t* const text = job.packet + 8 + iv_size;
            job.ok = aead() ? open_aead(job, text) : check_then_open(job, text);
        }
    }

 private:
    bool aead() const { return mode_ >= Mode::gcm; }
    void set_cipher(EncryptionAlgorithm algorithm, std::size_t key);
    void set_mac();
    bool start_aead(EVP_CIPHER_CTX* context, const CipherJob& job, const std::uint8_t* text,
                    bool encrypt, const std::uint8_t* icv) const;
    bool seal_aead(const CipherJob& job, std::uint8_t* text) const;
    bool open_aead(const CipherJob& job, std::uint8_t* text) const;
    bool seal_then_mac(const CipherJob& job, std::uint8_t* text) const;
    bool check_then_open(const CipherJob& job, std::uint8_t* text) const;
    bool transform(const CipherJob& job, std::uint8_t* text, bool encrypt) const;
    bool mac(const CipherJob& job, std::array<std::uint8_t, 64>& out) const;
    bool xcbc(const CipherJob& job, std::array<std::uint8_t, 64>& out) const;

    Secret key_;
    Secret salt_;
    Secret integrity_key_;
    Mode mode_ = Mode::null;
    const EVP_CIPHER* cipher_ = nullptr;
    IntegrityAlgorithm integrity_;
    std::unique_ptr<EVP_MAC, FreeMac> mac_;
    std::string digest_;
    bool esn_;
    bool implicit_;
};

void OpensslEngine::set_cipher(EncryptionAlgorithm algorithm, std::size_t key) {
    using enum EncryptionAlgorithm;
    switch (algorithm) {
        case des3_cbc:
            mode_ = Mode::cbc;
            cipher_ = EVP_des_ede3_cbc();
            break;
        case aes_cbc:
            mode_ = Mode::cbc;
            cipher_ = pick(key, EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc());
            break;
        case aes_ctr:
            mode_ = Mode::ctr;
            cipher_ = pick(key, EVP_aes_128_ctr(), EVP_aes_192_ctr(), EVP_aes_256_ctr());
            break;
        case aes_ccm_8:
        case aes_ccm_12:
        case aes_ccm_16:
        case aes_ccm_8_iiv:
            mode_ = Mode::ccm;
            cipher_ = pick(key, EVP_aes_128_ccm(), EVP_aes_192_ccm(), EVP_aes_256_ccm());
            break;
        case aes_gcm_8:
        case aes_gcm_12:
        case aes_gcm_16:
        case aes_gcm_16_iiv:
        case null_auth_aes_gmac:
            mode_ = algorithm == null_auth_aes_gmac ? Mode::gmac : Mode::gcm;
            cipher_ = pick(key, EVP_aes_128_gcm(), EVP_aes_192_gcm(), EVP_aes_256_gcm());
            break;
        case chacha20_poly1305:
        case chacha20_poly1305_iiv:
            mode_ = Mode::chacha;
            cipher_ = EVP_chacha20_poly1305();
            break;
        case none:
        case null: break;
    }
}

void OpensslEngine::set_mac() {
    using enum IntegrityAlgorithm;
    switch (integrity_) {
        case hmac_md5_96: digest_ = "MD5"; break;
        case hmac_sha1_96: digest_ = "SHA1"; break;
        case hmac_sha2_256_96:
        case hmac_sha2_256_128: digest_ = "SHA256"; break;
        case hmac_sha2_384_192: digest_ = "SHA384"; break;
        case hmac_sha2_512_256: digest_ = "SHA512"; break;
        case aes_cmac_96: digest_ = "AES-128-CBC"; break;
        default: return;
    }
    mac_.reset(EVP_MAC_fetch(nullptr, integrity_ == aes_cmac_96 ? "CMAC" : "HMAC", nullptr));
}

// Up to and with the associated data.
bool OpensslEngine::start_aead(EVP_CIPHER_CTX* context, const CipherJob& job,
                               const std::uint8_t* text, bool encrypt,
                               const std::uint8_t* icv) const {
    std::array<std::uint8_t, 12> nonce{};
    std::memcpy(nonce.data(), salt_.reveal().data(), salt_.size());
    esp_nonce_iv(job, implicit_, esn_, nonce.data() + salt_.size());
    const int nonce_size = size_of(salt_.size() + 8);
    const int direction = encrypt ? 1 : 0;
    int written = 0;
    bool ok = EVP_CipherInit_ex(context, cipher_, nullptr, nullptr, nullptr, direction) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, nonce_size, nullptr) == 1;
    if (mode_ == Mode::ccm || !encrypt) {
        // CCM wants to know the ICV's length, and the text's, beforehand.
        std::array<std::uint8_t, 16> tag{};
        if (!encrypt) { std::memcpy(tag.data(), icv, icv_size); }
        ok = ok && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, size_of(icv_size),
                                       encrypt ? nullptr : tag.data()) == 1;
    }
    ok = ok && EVP_CipherInit_ex(context, nullptr, nullptr, key_.reveal().data(), nonce.data(),
                                 direction) == 1;
    if (mode_ == Mode::ccm) {
        ok = ok &&
             EVP_CipherUpdate(context, nullptr, &written, nullptr, size_of(job.text_size)) == 1;
    }
    std::array<std::uint8_t, 12> aad;
    const std::size_t aad_size = esp_aad(job, esn_, aad);
    ok = ok && EVP_CipherUpdate(context, nullptr, &written, aad.data(), size_of(aad_size)) == 1;
    if (mode_ == Mode::gmac) {  // RFC 4543 3.2: IV and text are associated data too
        ok = ok && EVP_CipherUpdate(context, nullptr, &written, job.packet + 8, 8) == 1 &&
             EVP_CipherUpdate(context, nullptr, &written, text, size_of(job.text_size)) == 1;
    }
    return ok;
}

bool OpensslEngine::seal_aead(const CipherJob& job, std::uint8_t* text) const {
    const CipherContext context{EVP_CIPHER_CTX_new()};
    int written = 0;
    std::array<std::uint8_t, 16> rest{};
    bool ok = start_aead(context.get(), job, text, true, nullptr);
    if (mode_ != Mode::gmac) {
        ok = ok &&
             EVP_CipherUpdate(context.get(), text, &written, text, size_of(job.text_size)) == 1;
    }
    return ok && EVP_CipherFinal_ex(context.get(), rest.data(), &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, size_of(icv_size),
                               text + job.text_size) == 1;
}

bool OpensslEngine::open_aead(const CipherJob& job, std::uint8_t* text) const {
    const CipherContext context{EVP_CIPHER_CTX_new()};
    int written = 0;
    std::array<std::uint8_t, 16> rest{};
    if (!start_aead(context.get(), job, text, false, text + job.text_size)) { return false; }
    if (mode_ != Mode::gmac &&
        EVP_CipherUpdate(context.get(), text, &written, text, size_of(job.text_size)) != 1) {
        return false;
    }
    if (mode_ == Mode::ccm) { return true; }  // its update has checked the ICV
    return EVP_CipherFinal_ex(context.get(), rest.data(), &written) == 1;
}

bool OpensslEngine::transform(const CipherJob& job, std::uint8_t* text, bool encrypt) const {
    if (mode_ == Mode::null) { return true; }
    const CipherContext context{EVP_CIPHER_CTX_new()};
    std::array<std::uint8_t, 16> iv{};
    if (mode_ == Mode::ctr) {  // RFC 3686 4: nonce, IV, block counter from 1
        std::memcpy(iv.data(), salt_.reveal().data(), 4);
        std::memcpy(iv.data() + 4, job.packet + 8, 8);
        iv[15] = 1;
    } else {
        std::memcpy(iv.data(), job.packet + 8, iv_size);
    }
    int written = 0;
    return EVP_CipherInit_ex(context.get(), cipher_, nullptr, key_.reveal().data(), iv.data(),
                             encrypt ? 1 : 0) == 1 &&
           EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
           EVP_CipherUpdate(context.get(), text, &written, text, size_of(job.text_size)) == 1;
}

bool OpensslEngine::seal_then_mac(const CipherJob& job, std::uint8_t* text) const {
    std::array<std::uint8_t, 64> icv{};
    if (!transform(job, text, true) || !mac(job, icv)) { return false; }
    std::memcpy(text + job.text_size, icv.data(), icv_size);
    return true;
}

bool OpensslEngine::check_then_open(const CipherJob& job, std::uint8_t* text) const {
    std::array<std::uint8_t, 64> icv{};
    if (!mac(job, icv) ||
        !constant_time_equal({icv.data(), icv_size}, {text + job.text_size, icv_size})) {
        return false;
    }
    return transform(job, text, false);
}

bool OpensslEngine::mac(const CipherJob& job, std::array<std::uint8_t, 64>& out) const {
    if (integrity_ == IntegrityAlgorithm::aes_xcbc_96) { return xcbc(job, out); }
    const MacContext context{EVP_MAC_CTX_new(mac_.get())};
    std::string name = digest_;
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(integrity_ == IntegrityAlgorithm::aes_cmac_96
                                             ? OSSL_MAC_PARAM_CIPHER
                                             : OSSL_MAC_PARAM_DIGEST,
                                         name.data(), 0),
        OSSL_PARAM_construct_end()};
    std::array<std::uint8_t, 4> high{};
    put_u32(high.data(), job.sequence_high);
    std::size_t size = 0;
    return EVP_MAC_init(context.get(), integrity_key_.reveal().data(), integrity_key_.size(),
                        parameters.data()) == 1 &&
           EVP_MAC_update(context.get(), job.packet, 8 + iv_size + job.text_size) == 1 &&
           (!esn_ || EVP_MAC_update(context.get(), high.data(), high.size()) == 1) &&
           EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1;
}

// AES-XCBC-MAC (RFC 3566 4), straight down.
bool OpensslEngine::xcbc(const CipherJob& job, std::array<std::uint8_t, 64>& out) const {
    using Block = std::array<std::uint8_t, 16>;
    const auto derive = [this](std::uint8_t value) {
        Block in;
        in.fill(value);
        Secret key(16);
        portable_aes128_block(integrity_key_, in, key.write());
        return key;
    };
    const Secret k1 = derive(1);
    const std::size_t sent = 8 + iv_size + job.text_size;
    const std::size_t size = sent + (esn_ ? 4 : 0);
    std::array<std::uint8_t, 4> high{};
    put_u32(high.data(), job.sequence_high);
    Block state{};
    std::size_t filled = 0;
    for (std::size_t i = 0; i < size; ++i) {
        if (filled == 16) {
            const Block in = state;
            portable_aes128_block(k1, in, state);
            filled = 0;
        }
        state[filled++] ^= i < sent ? job.packet[i] : high[i - sent];
    }
    const Secret last = derive(filled == 16 ? 2 : 3);
    if (filled < 16) { state[filled] ^= 0x80U; }
    for (std::size_t i = 0; i < 16; ++i) { state[i] ^= last.reveal()[i]; }
    portable_aes128_block(k1, state, MutableByteView{out.data(), 16});
    return true;
}

}  // namespace

void portable_aes128_block(const Secret& key, const std::array<std::uint8_t, 16>& in,
                           MutableByteView out) {
    ASSERT(key.size() == 16 && out.size() <= 16);
    const CipherContext context{EVP_CIPHER_CTX_new()};
    std::array<std::uint8_t, 32> block{};
    int written = 0;
    MUST(EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, key.reveal().data(),
                            nullptr) == 1);
    MUST(EVP_EncryptUpdate(context.get(), block.data(), &written, in.data(), 16) == 1);
    std::memcpy(out.data(), block.data(), out.size());
}

std::unique_ptr<PacketCipher::Engine> make_openssl_engine(const PacketKeys& keys) {
    auto engine = std::make_unique<OpensslEngine>(keys);
    if (!engine->usable()) { return nullptr; }
    return engine;
}

}  // namespace culvert::crypto
