#pragma once
// Bounds of certificate handling (style.md, rule 5).

#include <chrono>
#include <cstddef>

namespace culvert::x509 {

// Octets of one certificate or CRL that a peer or a file may bring.
constexpr std::size_t certificate_octets_max = 64 * 1024;
constexpr std::size_t crl_octets_max = 16 * 1024 * 1024;
constexpr std::size_t ocsp_octets_max = 64 * 1024;
// How far ahead of ours the clock of a responder may be.
constexpr std::chrono::minutes clock_skew_max{5};
// Certificates between a peer's own and the trust anchor.
constexpr int intermediates_max = 6;
// Bits of security (NIST SP 800-57): RSA 2048, SHA-2.
constexpr unsigned strength_min = 112;

}  // namespace culvert::x509
