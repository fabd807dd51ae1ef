// Our own AES-GCM against the library's: every size, in place and apart, at the edge of memory.

#include "crypto/gcm_vaes.hpp"

#include <array>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/aead.hpp"
#include "support/seeded_random.hpp"

namespace culvert::crypto {
namespace {

// Two pages, of which the second may not be touched: what ends at their border shows every octet
// that is read or written too far.
class Edge {
 public:
    Edge() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
        void* const memory =
            mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT_NE(memory, MAP_FAILED);
        first_ = static_cast<std::uint8_t*>(memory);
        EXPECT_EQ(mprotect(first_ + page_, page_, PROT_NONE), 0);
    }
    Edge(const Edge&) = delete;
    Edge& operator=(const Edge&) = delete;
    Edge(Edge&&) = delete;
    Edge& operator=(Edge&&) = delete;
    ~Edge() { munmap(first_, 2 * page_); }

    std::uint8_t* last(std::size_t size) { return first_ + page_ - size; }

 private:
    std::size_t page_;
    std::uint8_t* first_ = nullptr;
};

std::array<std::uint32_t, 3> words_of(ByteView octets) {
    std::array<std::uint32_t, 3> out{};
    std::memcpy(out.data(), octets.data(), octets.size());
    return out;
}

// Both ways beside the library, which was tried with other people's vectors.
void expect_equal(const Aead& library, const GcmVaesKey& key, std::size_t aad_size,
                  std::size_t size, Edge& in, Edge& out, Random& random) {
    const Bytes nonce = random.bytes(12);
    const Bytes aad = random.bytes(aad_size);
    const Bytes text = random.bytes(size);
    const Bytes sealed = library.seal(nonce, aad, text);
    GcmVaesPacket packet{.nonce = words_of(nonce),
                         .aad = words_of(aad),
                         .aad_size = aad_size,
                         .in = in.last(size),
                         .out = out.last(size),
                         .size = size};
    const auto result = [&packet](const std::array<std::uint8_t, 16>& tag) {
        return to_hex({packet.out, packet.size}) + " " + to_hex(tag);
    };
    const std::string tag = to_hex(ByteView{sealed}.subspan(size));
    const std::string cipher = to_hex(ByteView{sealed}.first(size)) + " " + tag;
    const std::string clear = to_hex(text) + " " + tag;
    std::ranges::copy(text, in.last(size));
    std::memset(out.last(size) - 1, 0x5a, size + 1);
    ASSERT_EQ(result(gcm_vaes_seal(key, packet)), cipher);
    ASSERT_EQ(*(out.last(size) - 1), 0x5a);
    std::ranges::copy(ByteView{sealed}.first(size), in.last(size));
    ASSERT_EQ(result(gcm_vaes_open(key, packet)), clear);
    packet.out = in.last(size);
    ASSERT_EQ(result(gcm_vaes_open(key, packet)), clear);
    ASSERT_EQ(result(gcm_vaes_seal(key, packet)), cipher);
}

TEST(GcmVaes, IsTheLibrarysAesGcmAtEverySize) {
    if (!gcm_vaes_runs()) { GTEST_SKIP() << "this processor has no wide AES instructions"; }
    test::SeededRandom random{4106};
    Edge in;
    Edge out;
    for (const std::uint16_t bits : std::array<std::uint16_t, 3>{128, 192, 256}) {
        for (std::size_t size = 0; size <= 700; ++size) {
            SCOPED_TRACE(std::to_string(bits) + " bits, " + std::to_string(size) + " octets");
            const Bytes octets = random.bytes(bits / 8U);
            const Aead library{EncryptionAlgorithm::aes_gcm_16, bits, octets};
            GcmVaesKey key{};
            gcm_vaes_expand(octets, key);
            for (const std::size_t aad : {8U, 12U}) {
                expect_equal(library, key, aad, size, in, out, random);
                if (HasFatalFailure()) { return; }
            }
        }
    }
}

}  // namespace
}  // namespace culvert::crypto
