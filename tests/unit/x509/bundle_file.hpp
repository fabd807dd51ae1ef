#pragma once
// Bundles of certificates and lists, as RFC 7296 3.6 has them.

#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"

namespace culvert::x509 {

inline Bytes der_element(std::uint8_t tag, ByteView content) {
    Bytes out{tag, 0x83};
    for (const unsigned shift : {16U, 8U, 0U}) {
        out.push_back(static_cast<std::uint8_t>(content.size() >> shift));
    }
    append(out, content);
    return out;
}
inline Bytes bundle_of(std::initializer_list<Bytes> entries) {
    Bytes all;
    for (const Bytes& one : entries) { append(all, one); }
    return der_element(0x30, all);
}
inline Bytes bundled_certificate(ByteView der) { return der_element(0xa0, der); }
inline Bytes bundled_list(ByteView der) { return der_element(0xa1, der); }

}  // namespace culvert::x509
