#pragma once
// What EAP methods of old stand on and nothing else may: MD4 and MD5, and DES on single blocks (RFC
// 2759, RFC 3748 5.4).

#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

namespace culvert::crypto {

constexpr std::size_t md4_size = 16;
constexpr std::size_t md5_size = 16;
constexpr std::size_t des_block_size = 8;

// Fails with `unsupported` where OpenSSL's legacy provider cannot be loaded.
Result<Secret> md4(ByteView data);

std::array<std::uint8_t, md5_size> md5(std::initializer_list<ByteView> data);

// One block under 56 bits of key, given as 7 octets: the parity bits are put in between (RFC 2759
// 8.6, DesEncrypt).
std::array<std::uint8_t, des_block_size> des_encrypt(ByteView key, ByteView block);

}  // namespace culvert::crypto
