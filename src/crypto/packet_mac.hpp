#pragma once
// What protects AH packets in one direction (RFC 4302): an integrity algorithm over the pieces of a
// packet. A const PacketMac may be used by many threads at a time.

#include <cstddef>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class PacketMac {
 public:
    static bool supports(IntegrityAlgorithm algorithm);
    // `key` ends with the salt for AES-GMAC (RFC 4543 5.1). Fails with unsupported or
    // bad_key_material (wrong size).
    static Result<PacketMac> create(IntegrityAlgorithm algorithm, const Secret& key);
    PacketMac(PacketMac&&) noexcept;
    PacketMac& operator=(PacketMac&&) noexcept;
    PacketMac(const PacketMac&) = delete;
    PacketMac& operator=(const PacketMac&) = delete;
    ~PacketMac();

    // AES-GMAC carries an IV in front of its ICV (RFC 4543 4); the others have none.
    std::size_t iv_size() const { return iv_size_; }
    std::size_t icv_size() const { return icv_size_; }

    // Writes icv_size() octets: the ICV of pieces[0] | pieces[1] | ... `iv` has iv_size() octets.
    // False: the crypto library refused, and nothing may be sent or believed.
    bool compute(std::span<const ByteView> pieces, ByteView iv, MutableByteView out) const;

 private:
    struct Impl;
    explicit PacketMac(std::unique_ptr<const Impl> impl);
    std::unique_ptr<const Impl> impl_;
    std::size_t iv_size_ = 0;
    std::size_t icv_size_ = 0;
};

}  // namespace culvert::crypto
