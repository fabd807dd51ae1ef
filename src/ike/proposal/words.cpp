#include "ike/proposal/words.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace culvert::ike {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;
using crypto::KeMethod;
using crypto::PrfAlgorithm;
using enum Standing;

constexpr Word encr(std::string_view text, EncryptionAlgorithm id, std::uint16_t key_bits,
                    Standing standing = good) {
    return {text, TransformType::encr, std::to_underlying(id), key_bits, standing};
}
constexpr Word integ(std::string_view text, IntegrityAlgorithm id, Standing standing = good) {
    return {text, TransformType::integ, std::to_underlying(id), 0, standing};
}
constexpr Word prf(std::string_view text, PrfAlgorithm id, Standing standing = good) {
    return {text, TransformType::prf, std::to_underlying(id), 0, standing};
}
constexpr Word ke(std::string_view text, KeMethod id, Standing standing = good) {
    return {text, TransformType::ke, std::to_underlying(id), 0, standing};
}
// The number matters only for what is printed of a peer's offer.
constexpr Word missing(std::string_view text, TransformType type, std::uint16_t id,
                       std::uint16_t key_bits = 0) {
    return {text, type, id, key_bits, not_built};
}

using E = EncryptionAlgorithm;
using I = IntegrityAlgorithm;
using P = PrfAlgorithm;
using K = KeMethod;
using T = TransformType;

constexpr std::array words{
    encr("aes128", E::aes_cbc, 128),
    encr("aes192", E::aes_cbc, 192),
    encr("aes256", E::aes_cbc, 256),
    encr("aes", E::aes_cbc, 128),
    encr("aes128ctr", E::aes_ctr, 128),
    encr("aes192ctr", E::aes_ctr, 192),
    encr("aes256ctr", E::aes_ctr, 256),
    encr("aes128gcm16", E::aes_gcm_16, 128),
    encr("aes192gcm16", E::aes_gcm_16, 192),
    encr("aes256gcm16", E::aes_gcm_16, 256),
    encr("aes128gcm128", E::aes_gcm_16, 128),
    encr("aes192gcm128", E::aes_gcm_16, 192),
    encr("aes256gcm128", E::aes_gcm_16, 256),
    encr("aes128gcm12", E::aes_gcm_12, 128),
    encr("aes192gcm12", E::aes_gcm_12, 192),
    encr("aes256gcm12", E::aes_gcm_12, 256),
    encr("aes128gcm96", E::aes_gcm_12, 128),
    encr("aes192gcm96", E::aes_gcm_12, 192),
    encr("aes256gcm96", E::aes_gcm_12, 256),
    encr("aes128gcm8", E::aes_gcm_8, 128),
    encr("aes192gcm8", E::aes_gcm_8, 192),
    encr("aes256gcm8", E::aes_gcm_8, 256),
    encr("aes128gcm64", E::aes_gcm_8, 128),
    encr("aes192gcm64", E::aes_gcm_8, 192),
    encr("aes256gcm64", E::aes_gcm_8, 256),
    encr("aes128ccm16", E::aes_ccm_16, 128),
    encr("aes192ccm16", E::aes_ccm_16, 192),
    encr("aes256ccm16", E::aes_ccm_16, 256),
    encr("aes128ccm128", E::aes_ccm_16, 128),
    encr("aes192ccm128", E::aes_ccm_16, 192),
    encr("aes256ccm128", E::aes_ccm_16, 256),
    encr("aes128ccm12", E::aes_ccm_12, 128),
    encr("aes192ccm12", E::aes_ccm_12, 192),
    encr("aes256ccm12", E::aes_ccm_12, 256),
    encr("aes128ccm96", E::aes_ccm_12, 128),
    encr("aes192ccm96", E::aes_ccm_12, 192),
    encr("aes256ccm96", E::aes_ccm_12, 256),
    encr("aes128ccm8", E::aes_ccm_8, 128),
    encr("aes192ccm8", E::aes_ccm_8, 192),
    encr("aes256ccm8", E::aes_ccm_8, 256),
    encr("aes128ccm64", E::aes_ccm_8, 128),
    encr("aes192ccm64", E::aes_ccm_8, 192),
    encr("aes256ccm64", E::aes_ccm_8, 256),
    encr("chacha20poly1305", E::chacha20_poly1305, 0),
    // RFC 8750. The names are ours: swanctl has none.
    encr("aes128gcm16iiv", E::aes_gcm_16_iiv, 128, esp_only),
    encr("aes192gcm16iiv", E::aes_gcm_16_iiv, 192, esp_only),
    encr("aes256gcm16iiv", E::aes_gcm_16_iiv, 256, esp_only),
    encr("aes128ccm8iiv", E::aes_ccm_8_iiv, 128, esp_only),
    encr("aes192ccm8iiv", E::aes_ccm_8_iiv, 192, esp_only),
    encr("aes256ccm8iiv", E::aes_ccm_8_iiv, 256, esp_only),
    encr("chacha20poly1305iiv", E::chacha20_poly1305_iiv, 0, esp_only),
    encr("3des", E::des3_cbc, 0, legacy),
    encr("null", E::null, 0, esp_only),
    encr("aes128gmac", E::null_auth_aes_gmac, 128, esp_only),
    encr("aes192gmac", E::null_auth_aes_gmac, 192, esp_only),
    encr("aes256gmac", E::null_auth_aes_gmac, 256, esp_only),
    missing("des", T::encr, 2),
    missing("cast128", T::encr, 6, 128),
    missing("blowfish128", T::encr, 7, 128),
    missing("blowfish192", T::encr, 7, 192),
    missing("blowfish256", T::encr, 7, 256),
    missing("blowfish", T::encr, 7, 128),
    missing("camellia128", T::encr, 23, 128),
    missing("camellia192", T::encr, 23, 192),
    missing("camellia256", T::encr, 23, 256),
    missing("camellia", T::encr, 23, 128),
    missing("camellia128ctr", T::encr, 24, 128),
    missing("camellia192ctr", T::encr, 24, 192),
    missing("camellia256ctr", T::encr, 24, 256),
    missing("camellia128ccm8", T::encr, 25, 128),
    missing("camellia192ccm8", T::encr, 25, 192),
    missing("camellia256ccm8", T::encr, 25, 256),
    missing("camellia128ccm12", T::encr, 26, 128),
    missing("camellia192ccm12", T::encr, 26, 192),
    missing("camellia256ccm12", T::encr, 26, 256),
    missing("camellia128ccm16", T::encr, 27, 128),
    missing("camellia192ccm16", T::encr, 27, 192),
    missing("camellia256ccm16", T::encr, 27, 256),
    missing("serpent128", T::encr, 1030, 128),
    missing("serpent192", T::encr, 1030, 192),
    missing("serpent256", T::encr, 1030, 256),
    missing("serpent", T::encr, 1030, 128),
    missing("twofish128", T::encr, 1031, 128),
    missing("twofish192", T::encr, 1031, 192),
    missing("twofish256", T::encr, 1031, 256),
    missing("twofish", T::encr, 1031, 128),

    integ("sha256", I::hmac_sha2_256_128),
    integ("sha2_256", I::hmac_sha2_256_128),
    integ("sha384", I::hmac_sha2_384_192),
    integ("sha2_384", I::hmac_sha2_384_192),
    integ("sha512", I::hmac_sha2_512_256),
    integ("sha2_512", I::hmac_sha2_512_256),
    integ("sha1", I::hmac_sha1_96, legacy),
    integ("sha", I::hmac_sha1_96, legacy),
    integ("aesxcbc", I::aes_xcbc_96),
    integ("aescmac", I::aes_cmac_96),
    integ("aes128gmac", I::aes128_gmac, ah_only),
    integ("aes192gmac", I::aes192_gmac, ah_only),
    integ("aes256gmac", I::aes256_gmac, ah_only),
    integ("sha256_96", I::hmac_sha2_256_96, legacy),
    integ("sha2_256_96", I::hmac_sha2_256_96, legacy),
    missing("md5", T::integ, 1),
    missing("md5_128", T::integ, 6),
    missing("sha1_160", T::integ, 7),
    missing("camelliaxcbc", T::integ, 1027),

    prf("prfsha256", P::hmac_sha2_256),
    prf("prfsha384", P::hmac_sha2_384),
    prf("prfsha512", P::hmac_sha2_512),
    prf("prfsha1", P::hmac_sha1, legacy),
    prf("prfaesxcbc", P::aes128_xcbc),
    prf("prfaescmac", P::aes128_cmac),
    missing("prfmd5", T::prf, 1),
    missing("prfcamelliaxcbc", T::prf, 1026),

    ke("none", K::none),
    ke("modpnone", K::none),
    ke("modp2048", K::modp2048),
    ke("modp3072", K::modp3072),
    ke("modp4096", K::modp4096),
    ke("modp6144", K::modp6144),
    ke("modp8192", K::modp8192),
    ke("modp1024", K::modp1024, legacy),
    ke("modp1536", K::modp1536, legacy),
    ke("ecp256", K::ecp256),
    ke("ecp384", K::ecp384),
    ke("ecp521", K::ecp521),
    ke("ecp256bp", K::ecp256bp),
    ke("ecp384bp", K::ecp384bp),
    ke("ecp512bp", K::ecp512bp),
    ke("curve25519", K::curve25519),
    ke("x25519", K::curve25519),
    ke("curve448", K::curve448),
    ke("x448", K::curve448),
    missing("modp768", T::ke, 1),
    missing("modp1024s160", T::ke, 22),
    missing("modp2048s224", T::ke, 23),
    missing("modp2048s256", T::ke, 24),
    missing("ecp192", T::ke, 25),
    missing("ecp224", T::ke, 26),
    missing("ecp224bp", T::ke, 27),
    missing("mlkem512", T::ke, 35),
    missing("mlkem768", T::ke, 36),
    missing("mlkem1024", T::ke, 37),

    Word{"esn", T::esn, 1, 0, esp_only},
    Word{"noesn", T::esn, 0, 0, esp_only},
};

// Levenshtein's distance.
std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) { row[j] = j; }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t swap = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, swap});
        }
    }
    return row.back();
}

std::string_view prefix_of(TransformType type) {
    switch (type) {
        case TransformType::encr: return "encr";
        case TransformType::prf: return "prf";
        case TransformType::integ: return "integ";
        case TransformType::ke: return "ke";
        case TransformType::esn: return "esn";
        case TransformType::addke1:
        case TransformType::addke7: break;
    }
    return {};
}

}  // namespace

std::span<const Word> all_words() { return words; }

const Word* find_word(std::string_view text, ProtocolId protocol) {
    const bool ah = protocol == ProtocolId::ah;
    const auto fits = [&](const Word& word) {
        return word.text == text && (word.standing == ah_only) == ah;
    };
    auto found = std::ranges::find_if(words, fits);
    if (found == words.end()) { found = std::ranges::find(words, text, &Word::text); }
    return found == words.end() ? nullptr : &*found;
}

const Word* word_of(const Transform& transform) {
    const TransformType type =
        is_additional_ke(transform.type) ? TransformType::ke : transform.type;
    const auto found = std::ranges::find_if(words, [&](const Word& word) {
        return word.type == type && word.id == transform.id &&
               word.key_bits == transform.key_bits.value_or(0);
    });
    return found == words.end() ? nullptr : &*found;
}

std::string_view nearest_word(std::string_view text) {
    // "aes256gcm": of the words that only add the size of a tag to it, the one with the whole tag.
    const std::string whole = fmt::format("{}16", text.substr(0, 64));
    const auto tagged = std::ranges::find(words, std::string_view{whole}, &Word::text);
    if (tagged != words.end()) { return tagged->text; }
    const auto distance = [text](const Word& word) {
        return 2 * edits(text.substr(0, 64), word.text) + (word.standing == not_built ? 1 : 0);
    };
    return std::ranges::min(words, {}, distance).text;
}

std::string spell(const Transform& transform) {
    const Word* word = word_of(transform);
    if (word != nullptr && !transform.unknown_attributes) {
        return is_additional_ke(transform.type)
                   ? fmt::format("ke{}_{}", std::to_underlying(transform.type) - 5, word->text)
                   : std::string{word->text};
    }
    const auto type = std::to_underlying(transform.type);
    const std::string_view prefix = prefix_of(transform.type);
    std::string out = prefix.empty() && type >= 6 && type <= 12
                          ? fmt::format("ke{}_{}", type - 5, transform.id)
                      : prefix.empty() ? fmt::format("type{}_{}", type, transform.id)
                                       : fmt::format("{}{}", prefix, transform.id);
    if (transform.key_bits) { out += fmt::format("/{}", *transform.key_bits); }
    if (transform.unknown_attributes) { out += "/unknown-attributes"; }
    return out;
}

std::string_view name(TransformType type) {
    switch (type) {
        case TransformType::encr: return "encryption";
        case TransformType::prf: return "PRF";
        case TransformType::integ: return "integrity";
        case TransformType::ke: return "key exchange";
        case TransformType::esn: return "extended sequence numbers";
        case TransformType::addke1:
        case TransformType::addke7: break;
    }
    return "additional key exchange";
}

}  // namespace culvert::ike
