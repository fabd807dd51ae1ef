// The engine on gcm_vaes: AES-GCM (RFC 4106, RFC 8750) on processors where that is the fastest.

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/gcm_vaes.hpp"
#include "crypto/packet_cipher_engine.hpp"

namespace culvert::crypto {
namespace {

std::uint32_t word_at(const std::uint8_t* octets) {
    std::uint32_t out = 0;
    std::memcpy(&out, octets, sizeof out);
    return out;
}
// As word_at() reads it from a packet.
std::uint32_t word_of(std::uint32_t value) {
    std::array<std::uint8_t, 4> octets{};
    put_u32(octets.data(), value);
    return word_at(octets.data());
}

struct Keys {
    GcmVaesKey cipher;
    std::uint32_t salt;
};

class VaesGcm final : public PacketCipher::Engine {
 public:
    explicit VaesGcm(const PacketKeys& keys)
        : esn_(keys.parameters.esn), implicit_(keys.sizes.iv == 0), icv_(keys.icv_size) {
        gcm_vaes_expand(keys.key, keys_->cipher);
        keys_->salt = word_at(keys.salt.data());
    }

    void seal(CipherLanes::Impl&, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::uint8_t* const text = job.packet + 8 + iv_size;
            const auto tag =
                gcm_vaes_seal(keys_->cipher, packet_of(job, job.text == nullptr ? text : job.text));
            std::copy_n(tag.data(), icv_, text + job.text_size);
            job.ok = true;
        }
    }

    void open(CipherLanes::Impl&, std::span<CipherJob> jobs) const override {
        for (CipherJob& job : jobs) {
            std::uint8_t* const text = job.packet + 8 + iv_size;
            const auto tag = gcm_vaes_open(keys_->cipher, packet_of(job, text));
            job.ok = constant_time_equal({tag.data(), icv_}, {text + job.text_size, icv_});
        }
    }

 private:
    GcmVaesPacket packet_of(const CipherJob& job, const std::uint8_t* text) const {
        const std::uint32_t spi = word_at(job.packet);
        const std::uint32_t low = word_at(job.packet + 4);
        const std::uint32_t high = esn_ ? word_of(job.sequence_high) : 0;
        GcmVaesPacket out{.nonce = {keys_->salt, high, low},
                          .aad = {spi, low, 0},
                          .aad_size = 8,
                          .in = text,
                          .out = job.packet + 8 + iv_size,
                          .size = job.text_size};
        if (!implicit_) {
            out.nonce[1] = word_at(job.packet + 8);
            out.nonce[2] = word_at(job.packet + 12);
        }
        if (esn_) {
            out.aad = {spi, high, low};
            out.aad_size = 12;
        }
        return out;
    }

    KeyTable<Keys> keys_;
    bool esn_;
    bool implicit_;
    std::size_t icv_;
};

}  // namespace

std::unique_ptr<PacketCipher::Engine> make_vaes_engine(const PacketKeys& keys) {
    using enum EncryptionAlgorithm;
    if (!gcm_vaes_serves()) { return nullptr; }
    switch (keys.parameters.encryption) {
        case aes_gcm_8:
        case aes_gcm_12:
        case aes_gcm_16:
        case aes_gcm_16_iiv: return std::make_unique<VaesGcm>(keys);
        default: return nullptr;
    }
}

}  // namespace culvert::crypto
