#include "crypto/mac.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "crypto/openssl_memory.hpp"

namespace culvert::crypto {
namespace {

constexpr std::size_t block_octets_max = 128;

// MD5 apart from the others: a library in FIPS mode has none, and does without until somebody asks.
const EVP_MD* digest_of(MacAlgorithm algorithm) {
    if (algorithm == MacAlgorithm::hmac_md5) {
        static const EVP_MD* const md5 = fetch_digest("MD5");
        return md5;
    }
    static const EVP_MD* const sha1 = fetch_digest("SHA1");
    static const EVP_MD* const sha2_256 = fetch_digest("SHA2-256");
    static const EVP_MD* const sha2_384 = fetch_digest("SHA2-384");
    static const EVP_MD* const sha2_512 = fetch_digest("SHA2-512");
    switch (algorithm) {
        case MacAlgorithm::hmac_sha1: return sha1;
        case MacAlgorithm::hmac_sha2_256: return sha2_256;
        case MacAlgorithm::hmac_sha2_384: return sha2_384;
        case MacAlgorithm::hmac_sha2_512: return sha2_512;
        case MacAlgorithm::hmac_md5:
        case MacAlgorithm::aes128_xcbc:
        case MacAlgorithm::aes128_cmac: break;
    }
    std::unreachable();
}

// Where hashes are finished. One a thread: to make one takes longer than to hash what there is.
EVP_MD_CTX* workbench() {
    thread_local const Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    ASSERT(context != nullptr);
    return context.get();
}

void begin(EVP_MD_CTX* context, const EVP_MD* digest, ByteView block) {
    or_no_memory(EVP_DigestInit_ex2(context, digest, nullptr) == 1);
    ASSERT(EVP_DigestUpdate(context, block.data(), block.size()) == 1);
}

// RFC 2104 2: the key, or its hash if it is longer than a block, with zeros up to a block, XOR a
// pad.
class PaddedKey {
 public:
    PaddedKey(const EVP_MD* digest, ByteView key)
        : size_(static_cast<std::size_t>(EVP_MD_get_block_size(digest))) {
        ASSERT(size_ <= block_octets_max);
        if (key.size() <= size_) {
            std::ranges::copy(key, octets_.begin());
        } else {
            EVP_MD_CTX* const context = workbench();
            begin(context, digest, key);
            ASSERT(EVP_DigestFinal_ex(context, octets_.data(), nullptr) == 1);
            or_no_memory(EVP_DigestInit_ex2(context, digest, nullptr) == 1);
        }
        for (std::uint8_t& octet : octets_) { octet ^= inner_pad; }
    }
    PaddedKey(const PaddedKey&) = delete;
    PaddedKey& operator=(const PaddedKey&) = delete;
    PaddedKey(PaddedKey&&) = delete;
    PaddedKey& operator=(PaddedKey&&) = delete;
    ~PaddedKey() { wipe(octets_); }

    ByteView inner() const { return {octets_.data(), size_}; }
    // Once, and there is no inner one any more.
    ByteView outer() {
        for (std::uint8_t& octet : octets_) { octet ^= inner_pad ^ outer_pad; }
        return {octets_.data(), size_};
    }

 private:
    static constexpr std::uint8_t inner_pad = 0x36;
    static constexpr std::uint8_t outer_pad = 0x5c;

    std::size_t size_;
    std::array<std::uint8_t, block_octets_max> octets_{};
};

// A context that knows its cipher and has a key, which is always replaced: the library copies none
// without.
const EVP_MAC_CTX* cmac_prototype() {
    static const auto prototype = [] {
        EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "CMAC", nullptr);
        ASSERT(mac != nullptr);
        Handle<EVP_MAC_CTX> context{EVP_MAC_CTX_new(mac)};
        EVP_MAC_free(mac);  // the context holds its own reference
        ASSERT(context != nullptr);
        std::string cipher = "AES-128-CBC";
        const std::array parameters{
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher.data(), 0),
            OSSL_PARAM_construct_end()};
        static constexpr std::array<std::uint8_t, 16> no_key{};
        or_no_memory(EVP_MAC_init(context.get(), no_key.data(), no_key.size(), parameters.data()) ==
                     1);
        return context;
    }();
    return prototype.get();
}

Handle<EVP_MD_CTX> begun_with(const EVP_MD* digest, ByteView block) {
    Handle<EVP_MD_CTX> context{EVP_MD_CTX_new()};
    or_no_memory(context != nullptr);
    begin(context.get(), digest, block);
    return context;
}

}  // namespace

std::size_t mac_size(MacAlgorithm algorithm) {
    switch (algorithm) {
        case MacAlgorithm::hmac_sha1: return 20;
        case MacAlgorithm::hmac_sha2_256: return 32;
        case MacAlgorithm::hmac_sha2_384: return 48;
        case MacAlgorithm::hmac_sha2_512: return 64;
        case MacAlgorithm::aes128_xcbc:
        case MacAlgorithm::hmac_md5:
        case MacAlgorithm::aes128_cmac: return 16;
    }
    return 0;
}

Mac::Hmac::Hmac(MacAlgorithm algorithm, ByteView key) {
    const EVP_MD* const digest = digest_of(algorithm);
    PaddedKey padded{digest, key};
    inner = begun_with(digest, padded.inner());
    outer = begun_with(digest, padded.outer());
}

// H(K XOR opad, H(K XOR ipad, text)).
Secret Mac::Hmac::compute(std::span<const ByteView> data, std::size_t size) const {
    EVP_MD_CTX* const context = workbench();
    Secret out{size};
    or_no_memory(EVP_MD_CTX_copy_ex(context, inner.get()) == 1);
    for (const ByteView part : data) {
        ASSERT(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
    }
    ASSERT(EVP_DigestFinal_ex(context, out.write().data(), nullptr) == 1);
    or_no_memory(EVP_MD_CTX_copy_ex(context, outer.get()) == 1);
    ASSERT(EVP_DigestUpdate(context, out.reveal().data(), size) == 1);
    ASSERT(EVP_DigestFinal_ex(context, out.write().data(), nullptr) == 1);
    // Nothing of the key stays behind.
    or_no_memory(EVP_DigestInit_ex2(context, EVP_MD_CTX_get0_md(outer.get()), nullptr) == 1);
    return out;
}

Secret mac_once(MacAlgorithm algorithm, ByteView key, std::span<const ByteView> data) {
    const bool is_hmac =
        algorithm != MacAlgorithm::aes128_xcbc && algorithm != MacAlgorithm::aes128_cmac;
    if (!is_hmac) { return Mac{algorithm, key}.compute(data); }
    const EVP_MD* const digest = digest_of(algorithm);
    PaddedKey padded{digest, key};
    Secret out{mac_size(algorithm)};
    EVP_MD_CTX* const context = workbench();
    begin(context, digest, padded.inner());
    for (const ByteView part : data) {
        ASSERT(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
    }
    ASSERT(EVP_DigestFinal_ex(context, out.write().data(), nullptr) == 1);
    begin(context, digest, padded.outer());
    ASSERT(EVP_DigestUpdate(context, out.reveal().data(), out.size()) == 1);
    ASSERT(EVP_DigestFinal_ex(context, out.write().data(), nullptr) == 1);
    // Nothing of the key stays behind.
    or_no_memory(EVP_DigestInit_ex2(context, digest, nullptr) == 1);
    return out;
}

Mac::Cmac::Cmac(ByteView key) : keyed(EVP_MAC_CTX_dup(cmac_prototype())) {
    ASSERT(key.size() == 16);
    ASSERT(keyed != nullptr);
    or_no_memory(EVP_MAC_init(keyed.get(), key.data(), key.size(), nullptr) == 1);
}

Secret Mac::Cmac::compute(std::span<const ByteView> data, std::size_t size) const {
    const Handle<EVP_MAC_CTX> context{EVP_MAC_CTX_dup(keyed.get())};
    ASSERT(context != nullptr);
    for (const ByteView part : data) {
        ASSERT(EVP_MAC_update(context.get(), part.data(), part.size()) == 1);
    }
    Secret out{size};
    std::size_t length = 0;
    ASSERT(EVP_MAC_final(context.get(), out.write().data(), &length, out.size()) == 1);
    ASSERT(length == out.size());
    return out;
}

Mac::Method Mac::method_of(MacAlgorithm algorithm, ByteView key) {
    if (algorithm == MacAlgorithm::aes128_xcbc) { return Method{std::in_place_type<Xcbc>, key}; }
    if (algorithm == MacAlgorithm::aes128_cmac) { return Method{std::in_place_type<Cmac>, key}; }
    return Method{std::in_place_type<Hmac>, algorithm, key};
}

Mac::Mac(MacAlgorithm algorithm, ByteView key)
    : algorithm_(algorithm), method_(method_of(algorithm, key)) {}

Secret Mac::compute(std::span<const ByteView> data) const {
    const std::size_t size = mac_size(algorithm_);
    return std::visit(Overloaded{[&](const Hmac& hmac) { return hmac.compute(data, size); },
                                 [&](const Cmac& cmac) { return cmac.compute(data, size); },
                                 [&](const Xcbc& xcbc) { return xcbc.compute(data); }},
                      method_);
}

}  // namespace culvert::crypto
