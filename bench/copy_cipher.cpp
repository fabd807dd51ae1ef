// The engine with its cipher replaced by a copy: linked into a bench in front of the real one
// (--wrap, see CMakeLists.txt). It protects nothing, and shows what everything but the cipher
// costs.

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "crypto/packet_cipher.hpp"

namespace {

using culvert::crypto::CipherJob;
using culvert::crypto::CipherLanes;
using culvert::crypto::PacketCipher;

constexpr std::size_t header_octets = 8;  // SPI and sequence number
constexpr std::size_t text_octets_max = 65536;

void copy_out(const PacketCipher& cipher, std::span<CipherJob> jobs) {
    for (CipherJob& job : jobs) {
        std::uint8_t* const place = job.packet + header_octets + cipher.iv_size();
        std::memmove(place, job.text != nullptr ? job.text : place, job.text_size);
        job.ok = true;
    }
}

// In place there is nothing to copy to: as much memory is read and written elsewhere.
void copy_in(const PacketCipher& cipher, std::span<CipherJob> jobs) {
    thread_local const auto scratch =
        std::make_unique_for_overwrite<std::uint8_t[]>(text_octets_max);
    for (CipherJob& job : jobs) {
        std::memcpy(scratch.get(), job.packet + header_octets + cipher.iv_size(), job.text_size);
        job.ok = true;
    }
}

}  // namespace

// The names that the linker makes of PacketCipher::seal and open.
extern "C" {
// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
void __wrap__ZNK7culvert6crypto12PacketCipher4sealERNS0_11CipherLanesESt4spanINS0_9CipherJobELm18446744073709551615EE(
    const PacketCipher* cipher, CipherLanes& lanes, std::span<CipherJob> jobs) {
    static_cast<void>(lanes);
    copy_out(*cipher, jobs);
}
void __wrap__ZNK7culvert6crypto12PacketCipher4openERNS0_11CipherLanesESt4spanINS0_9CipherJobELm18446744073709551615EE(
    const PacketCipher* cipher, CipherLanes& lanes, std::span<CipherJob> jobs) {
    static_cast<void>(lanes);
    copy_in(*cipher, jobs);
}
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
}
