#pragma once
// Integrity algorithms (transform type 3) of IKE and ESP: a MAC cut to the length of its ICV.

#include <initializer_list>
#include <memory>

#include "base/bytes.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

class Integrity {
 public:
    static bool supports(IntegrityAlgorithm algorithm);

    // `algorithm` must be supported and the key of exactly sizes_of(algorithm).key octets.
    Integrity(IntegrityAlgorithm algorithm, ByteView key);
    Integrity(Integrity&&) noexcept;
    Integrity& operator=(Integrity&&) noexcept;
    Integrity(const Integrity&) = delete;
    Integrity& operator=(const Integrity&) = delete;
    ~Integrity();

    std::size_t icv_size() const;
    // The ICV of data[0] | data[1] | ...
    Bytes icv(std::initializer_list<ByteView> data) const;
    // Compares in constant time.
    bool verify(std::initializer_list<ByteView> data, ByteView icv) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::crypto
