#pragma once
// AH (RFC 4302): encapsulate() and decapsulate() of esp.hpp come here for SAs of AH. Not for
// others, but for its tests.

#include <cstddef>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"
#include "crypto/packet_mac.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/sad.hpp"

namespace culvert::ipsec {

// Octets of AH with IV, ICV and the padding that makes it a multiple of 4 over IPv4 and of 8 over
// IPv6 (RFC 4302 2.6).
std::size_t ah_size(const crypto::PacketMac& mac, IpFamily outer);

// An IP header, options or extension headers included, as the ICV covers it (RFC 4302 3.3.3.1):
// what may change on the way is zero, what changes predictably is as it will arrive. Both have the
// same size. False: what cannot be predicted (malformed options, routing headers of unknown types
// that are still to be followed), which protects nothing and is neither sent nor believed.
bool immutable_header(ByteView header, MutableByteView out);

DropReason encapsulate_ah(OutboundSa& sa, EncapJob& job, CryptoContext::Impl& context, Instant now);
DropReason decapsulate_ah(InboundSa& sa, DecapJob& job, CryptoContext::Impl& context, Instant now);

}  // namespace culvert::ipsec
