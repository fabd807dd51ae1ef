#include "crypto/prf.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/assert.hpp"
#include "crypto/mac.hpp"

namespace culvert::crypto {
namespace {

constexpr std::size_t aes_key_size = 16;

std::optional<MacAlgorithm> mac_of(PrfAlgorithm algorithm) {
    switch (algorithm) {
        case PrfAlgorithm::hmac_sha1: return MacAlgorithm::hmac_sha1;
        case PrfAlgorithm::aes128_xcbc: return MacAlgorithm::aes128_xcbc;
        case PrfAlgorithm::hmac_sha2_256: return MacAlgorithm::hmac_sha2_256;
        case PrfAlgorithm::hmac_sha2_384: return MacAlgorithm::hmac_sha2_384;
        case PrfAlgorithm::hmac_sha2_512: return MacAlgorithm::hmac_sha2_512;
        case PrfAlgorithm::aes128_cmac: return MacAlgorithm::aes128_cmac;
        case PrfAlgorithm::none:
        case PrfAlgorithm::hmac_md5: break;  // RFC 8247 2.2: MUST NOT
    }
    return std::nullopt;
}

bool is_aes(MacAlgorithm algorithm) {
    return algorithm == MacAlgorithm::aes128_xcbc || algorithm == MacAlgorithm::aes128_cmac;
}

// A key of 16 octets is used as it is, a longer one replaced by its MAC under the zero key; a
// shorter one is padded with zeros for XCBC (RFC 4434 2) and MACed too for CMAC (RFC 4615 3).
Secret fixed_size_key(MacAlgorithm algorithm, ByteView key) {
    Secret out{aes_key_size};
    const bool pad = algorithm == MacAlgorithm::aes128_xcbc && key.size() < aes_key_size;
    if (key.size() != aes_key_size && !pad) {
        const std::array data{key};
        return Mac{algorithm, out.reveal()}.compute(data);
    }
    std::ranges::copy(key, out.write().begin());
    return out;
}

Mac keyed(PrfAlgorithm algorithm, ByteView key) {
    const MacAlgorithm mac = *mac_of(algorithm);
    if (!is_aes(mac)) { return Mac{mac, key}; }
    return Mac{mac, fixed_size_key(mac, key).reveal()};
}

}  // namespace

bool Prf::supports(PrfAlgorithm algorithm) { return mac_of(algorithm).has_value(); }

Prf::Prf(PrfAlgorithm algorithm) : algorithm_(algorithm) { ASSERT(supports(algorithm)); }

std::size_t Prf::output_size() const { return mac_size(*mac_of(algorithm_)); }

std::size_t Prf::nonce_part_for_skeyseed() const { return is_aes(*mac_of(algorithm_)) ? 8 : 0; }

Secret Prf::operator()(ByteView key, std::initializer_list<ByteView> data) const {
    const MacAlgorithm mac = *mac_of(algorithm_);
    if (!is_aes(mac)) { return mac_once(mac, key, data); }
    return mac_once(mac, fixed_size_key(mac, key).reveal(), data);
}

Secret Prf::plus(ByteView key, std::initializer_list<ByteView> data, std::size_t length) const {
    // RFC 7296 2.13: T1 = prf(K, S | 0x01), Tn = prf(K, T(n-1) | S | n), n is one octet.
    ASSERT(length <= 255 * output_size());
    const Mac mac = keyed(algorithm_, key);
    std::uint8_t count = 0;
    Secret block;
    std::vector<ByteView> input(data.size() + 2);
    std::ranges::copy(data, input.begin() + 1);
    input.back() = ByteView{&count, 1};
    Secret out{length};
    MutableByteView rest = out.write();
    while (!rest.empty()) {
        ++count;
        input.front() = block.reveal();
        block = mac.compute(input);
        const std::size_t part = std::min(rest.size(), block.size());
        std::ranges::copy(block.reveal().first(part), rest.begin());
        rest = rest.subspan(part);
    }
    return out;
}

}  // namespace culvert::crypto
