#pragma once
// Between packet_cipher.cpp and its engines. Not for others.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "base/assert.hpp"
#include "crypto/packet_cipher.hpp"

namespace culvert::crypto {

class PacketCipher::Engine {
 public:
    Engine() = default;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    Engine(Engine&&) = delete;
    Engine& operator=(Engine&&) = delete;
    virtual ~Engine() = default;
    virtual void seal(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const = 0;
    virtual void open(CipherLanes::Impl& lanes, std::span<CipherJob> jobs) const = 0;

    std::size_t iv_size = 0;
    std::size_t icv_size = 0;
    std::size_t block = 1;
    bool multi_buffer = false;
};

struct PacketKeys {
    PacketCipher::Parameters parameters;
    CipherSizes sizes;
    std::size_t icv_size = 0;
    ByteView key;  // without salt
    ByteView salt;
    ByteView integrity;
};

// Null: not served by this engine.
std::unique_ptr<PacketCipher::Engine> make_vaes_engine(const PacketKeys& keys);
std::unique_ptr<PacketCipher::Engine> make_ipsec_mb_engine(const PacketKeys& keys);
std::unique_ptr<PacketCipher::Engine> make_openssl_engine(const PacketKeys& keys);

// AES-128 of one block, cut to out.size(); slow.
void portable_aes128_block(const Secret& key, const std::array<std::uint8_t, 16>& in,
                           MutableByteView out);

// A table of expanded keys in memory that Secret locks and wipes. Secret's blocks are aligned to
// their size rounded up to a power of two, which the crypto library's tables need.
template <class T>
class KeyTable {
 public:
    KeyTable() : memory_(sizeof(T)), table_(new(memory_.write().data()) T{}) {
        static_assert(std::is_trivially_destructible_v<T>);
        ASSERT(reinterpret_cast<std::uintptr_t>(table_) % alignof(T) == 0);
    }
    T* operator->() { return table_; }
    const T* operator->() const { return table_; }
    T& operator*() { return *table_; }
    const T& operator*() const { return *table_; }

 private:
    Secret memory_;
    T* table_;
};

inline void put_u32(std::uint8_t* out, std::uint32_t value) {
    out[0] = static_cast<std::uint8_t>(value >> 24U);
    out[1] = static_cast<std::uint8_t>(value >> 16U);
    out[2] = static_cast<std::uint8_t>(value >> 8U);
    out[3] = static_cast<std::uint8_t>(value);
}

// What an AEAD authenticates beside the text: SPI and sequence number; with ESN the high word comes
// between (RFC 4106 5, RFC 4309 5, RFC 7634 2).
inline std::size_t esp_aad(const CipherJob& job, bool esn, std::array<std::uint8_t, 12>& aad) {
    std::copy_n(job.packet, 4, aad.begin());
    if (!esn) {
        std::copy_n(job.packet + 4, 4, aad.begin() + 4);
        return 8;
    }
    put_u32(aad.data() + 4, job.sequence_high);
    std::copy_n(job.packet + 4, 4, aad.begin() + 8);
    return 12;
}

// The eight octets that make a nonce with the salt: the explicit IV, or with an implicit one the
// sequence number, high word first, which is zero without ESN (RFC 8750 4).
inline void esp_nonce_iv(const CipherJob& job, bool implicit, bool esn, std::uint8_t* out) {
    if (!implicit) {
        std::copy_n(job.packet + 8, 8, out);
        return;
    }
    put_u32(out, esn ? job.sequence_high : 0);
    std::copy_n(job.packet + 4, 4, out + 4);
}

}  // namespace culvert::crypto
