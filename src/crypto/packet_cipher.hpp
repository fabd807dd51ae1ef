#pragma once
// What protects ESP packets in one direction: a cipher with its integrity algorithm, or an AEAD
// (RFC 4303 with RFC 3602, 3686, 4106, 4309, 4543, 7634, 8750...). Works in place on batches; a
// const PacketCipher may be used by many threads at a time, each with CipherLanes of its own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

// The multi-buffer queues of the crypto library, and scratch memory. One a thread.
class CipherLanes {
 public:
    CipherLanes();
    CipherLanes(CipherLanes&&) noexcept;
    CipherLanes& operator=(CipherLanes&&) noexcept;
    CipherLanes(const CipherLanes&) = delete;
    CipherLanes& operator=(const CipherLanes&) = delete;
    ~CipherLanes();

    struct Impl;
    Impl& impl() { return *impl_; }

 private:
    std::unique_ptr<Impl> impl_;
};

// Octets of one packet: SPI (4), sequence number (4), IV (iv_size()), text (text_size), ICV
// (icv_size()), in one run from `packet` on.
struct CipherJob {
    std::uint8_t* packet = nullptr;
    // Seal: plaintext with the ESP trailer; a multiple of block(). Open: ciphertext.
    std::size_t text_size = 0;
    // Seal only: where the plaintext lies. Null: already in its place behind the IV.
    const std::uint8_t* text = nullptr;
    std::uint32_t sequence_high = 0;  // with ESN
    bool ok = false;                  // out
};

class PacketCipher {
 public:
    struct Parameters {
        EncryptionAlgorithm encryption = EncryptionAlgorithm::none;
        std::uint16_t key_bits = 0;
        IntegrityAlgorithm integrity = IntegrityAlgorithm::none;
        bool esn = false;
    };
    // `ipsec_mb`: not our own AES-GCM; `portable`: OpenSSL alone, as on processors that ipsec-mb
    // does not serve.
    enum class Backend : std::uint8_t { automatic, ipsec_mb, portable };

    static bool supports(const Parameters& parameters);
    // `encryption_key` ends with the salt where there is one. Fails with unsupported or
    // bad_key_material (wrong size).
    static Result<PacketCipher> create(const Parameters& parameters, const Secret& encryption_key,
                                       const Secret& integrity_key,
                                       Backend backend = Backend::automatic);
    // Of SAs that do not encrypt (AH): all sizes are of nothing, and it seals and opens no packet.
    static PacketCipher absent() { return PacketCipher{}; }
    PacketCipher(PacketCipher&&) noexcept;
    PacketCipher& operator=(PacketCipher&&) noexcept;
    PacketCipher(const PacketCipher&) = delete;
    PacketCipher& operator=(const PacketCipher&) = delete;
    ~PacketCipher();

    std::size_t iv_size() const { return iv_size_; }
    std::size_t icv_size() const { return icv_size_; }
    // Text is a multiple of this; ESP aligns to 4 besides.
    std::size_t block() const { return block_; }
    // Works on several packets at a time: the more of them in a call, the better.
    bool multi_buffer() const { return multi_buffer_; }

    // Encrypts and writes the ICV behind the text. The IV lies in the packet already. ok is false
    // only when the crypto library refused: nothing may then be sent.
    void seal(CipherLanes& lanes, std::span<CipherJob> jobs) const;
    // Checks the ICV in constant time and decrypts in place. Where ok is false the text is
    // worthless and must not be looked at.
    void open(CipherLanes& lanes, std::span<CipherJob> jobs) const;

    class Engine;

 private:
    PacketCipher();
    explicit PacketCipher(std::unique_ptr<const Engine> engine);
    std::unique_ptr<const Engine> engine_;
    std::size_t iv_size_ = 0;
    std::size_t icv_size_ = 0;
    std::size_t block_ = 1;
    bool multi_buffer_ = false;
};

// AES-128 on single blocks under a key that never leaves: unpredictable CBC IVs from a counter
// (NIST SP 800-38A appendix C, first method).
class BlockGenerator {
 public:
    // `key` has 16 octets.
    explicit BlockGenerator(const Secret& key);
    BlockGenerator(BlockGenerator&&) noexcept;
    BlockGenerator& operator=(BlockGenerator&&) noexcept;
    BlockGenerator(const BlockGenerator&) = delete;
    BlockGenerator& operator=(const BlockGenerator&) = delete;
    ~BlockGenerator();

    // The first out.size() (at most 16) octets of the cipher of `counter`. Any thread.
    void block(std::uint64_t counter, MutableByteView out) const;

 private:
    Secret table_;
    Secret key_;
};

}  // namespace culvert::crypto
