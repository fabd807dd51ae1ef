#pragma once
// Bounds on what a peer may make EAP do.

#include <cstddef>

namespace culvert::ike::eap {

constexpr unsigned rounds_max = 100;              // requests of one conversation (S-10)
constexpr std::size_t identity_size_max = 512;    // octets of an EAP identity or user name (E-02)
constexpr std::size_t password_size_max = 512;    // octets that a peer may send for one
constexpr std::size_t type_data_size_max = 2048;  // of methods that do not fragment
constexpr std::size_t nak_types_max = 16;         // types of a Nak that are looked at
constexpr unsigned password_tries_max = 3;        // EAP-MSCHAPv2: of one conversation
constexpr std::size_t challenge_size = 16;        // ours; RFC 2759 has it so
constexpr std::size_t challenge_size_max = 255;   // EAP-MD5: what its length field can say
constexpr std::size_t tls_message_max = 65536;    // EAP-TLS: of all fragments (P-09)
constexpr std::size_t tls_fragment_size = 1024;   // octets of ours
constexpr std::size_t msk_size = 64;              // RFC 3748 7.10

}  // namespace culvert::ike::eap
