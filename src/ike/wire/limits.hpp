#pragma once
// Bounds on what one message may make us do. All are far above what real peers send.

#include <cstddef>

namespace culvert::ike::wire {

constexpr std::size_t message_size_max = 65535;     // what UDP can carry
constexpr std::size_t payloads_max = 128;           // in one message, clear or inside SK
constexpr std::size_t proposals_max = 255;          // in an SA payload
constexpr std::size_t transforms_max = 255;         // in a proposal; the wire's own bound
constexpr std::size_t transforms_total_max = 2048;  // in an SA payload
constexpr std::size_t attributes_max = 8;           // in a transform
constexpr std::size_t selectors_max = 255;          // in a TS payload; the wire's own bound
constexpr std::size_t spis_max = 1024;              // in a Delete payload
constexpr std::size_t cp_attributes_max = 128;      // in a CP payload
constexpr std::size_t nonce_size_min = 16;          // RFC 7296 2.10, 3.9
constexpr std::size_t nonce_size_max = 256;         // RFC 7296 3.9
constexpr std::size_t fragments_max = 64;           // RFC 7383 2.6: a bound against hoarding

}  // namespace culvert::ike::wire
