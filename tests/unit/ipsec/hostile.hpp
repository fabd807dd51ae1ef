#pragma once
// What somebody who has the keys can send that the engine never would. For the tests of abuse.

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "base/writer.hpp"
#include "crypto/packet_cipher.hpp"
#include "packets.hpp"

namespace culvert::ipsec::test {

// ESP under the keys of child_sa() with anything inside, trailer included.
inline Bytes sealed(ByteView text, std::uint32_t spi = 0x2002, std::uint32_t sequence = 1) {
    Secret key(20);
    const auto cipher = crypto::PacketCipher::create(
        {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128}, key, Secret{});
    Writer out;
    out.u32(spi);
    out.u32(sequence);
    out.u64(sequence);
    out.bytes(text);
    out.zeros(16);
    Bytes esp = out.take();
    crypto::CipherLanes lanes;
    std::array<crypto::CipherJob, 1> jobs{
        crypto::CipherJob{.packet = esp.data(), .text_size = text.size()}};
    cipher->seal(lanes, jobs);
    Bytes packet = make({.source = "192.0.2.1",
                         .destination = "192.0.2.2",
                         .protocol = protocol_esp,
                         .payload = esp.size()});
    std::copy(esp.begin(), esp.end(), packet.begin() + 20);
    return packet;
}

inline Bytes with_trailer(ByteView inner, std::uint8_t next_header, std::size_t tfc = 0) {
    Bytes text = to_bytes(inner);
    text.insert(text.end(), tfc, 0);
    std::uint8_t padding = 0;
    while ((text.size() + 2) % 4 != 0) { text.push_back(++padding); }
    text.push_back(padding);
    text.push_back(next_header);
    return text;
}

// Refused for `reason`, and what comes after is taken.
inline void refuses(const Pair& pair, ByteView outer, DropReason reason) {
    EXPECT_EQ(open(*pair.in, outer).dropped, reason)
        << name(reason) << " expected, " << name(open(*pair.in, outer).dropped) << " came";
}

}  // namespace culvert::ipsec::test
