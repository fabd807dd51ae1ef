#include "ike/eap/ms_chap_v2.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "crypto/hash.hpp"
#include "crypto/legacy.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {
namespace {

using crypto::HashAlgorithm;

std::string_view without_domain(std::string_view user) {
    const auto slash = user.rfind('\\');
    return slash == std::string_view::npos ? user : user.substr(slash + 1);
}

struct Decoded {
    std::uint32_t point = 0;
    std::size_t length = 0;  // octets that it took
};

// The next character; nothing if that is no UTF-8 (RFC 3629).
std::optional<Decoded> next_point(ByteView text) {
    const std::uint8_t lead = text.front();
    if (lead < 0x80) { return Decoded{lead, 1}; }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) { return std::nullopt; }
    std::uint32_t point = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((text[i] & 0xc0U) != 0x80) { return std::nullopt; }
        point = point << 6U | (text[i] & 0x3fU);
    }
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < least.at(length) || point > 0x10ffff || surrogate) { return std::nullopt; }
    return Decoded{point, length};
}

void put_u16(MutableByteView out, std::size_t& at, std::uint32_t value) {
    out[at++] = static_cast<std::uint8_t>(value);
    out[at++] = static_cast<std::uint8_t>(value >> 8U);
}

// UTF-16LE, in the first octets of what is returned; how many are in `used`.
Secret to_utf16(const Secret& password, std::size_t& used) {
    const ByteView text = password.reveal();
    Secret out{std::max<std::size_t>(1, 2 * text.size())};
    used = 0;
    bool valid = true;
    for (std::size_t i = 0; i < text.size() && valid;) {
        const auto next = next_point(text.subspan(i));
        valid = next.has_value();
        if (!valid) { break; }
        if (next->point >= 0x10000) {
            const std::uint32_t rest = next->point - 0x10000;
            put_u16(out.write(), used, 0xd800 + (rest >> 10U));
            put_u16(out.write(), used, 0xdc00 + (rest & 0x3ffU));
        } else {
            put_u16(out.write(), used, next->point);
        }
        i += next->length;
    }
    if (valid) { return out; }
    used = 0;
    for (const std::uint8_t octet : text) { put_u16(out.write(), used, octet); }
    return out;
}

// RFC 2759 8.2.
Bytes challenge_hash(const Challenge& peer, const Challenge& authenticator, std::string_view user) {
    Bytes out = hash(HashAlgorithm::sha1, {peer, authenticator, as_bytes(without_domain(user))});
    out.resize(8);
    return out;
}

// RFC 3079 3.4: GetAsymmetricStartKey, with 128 bits.
constexpr std::string_view to_authenticator =
    "On the client side, this is the send key; on the server side, it is the receive key.";
constexpr std::string_view from_authenticator =
    "On the client side, this is the receive key; on the server side, it is the send key.";

void start_key(const Secret& master, std::string_view magic, MutableByteView out) {
    const Bytes pad_1(40, 0x00);
    const Bytes pad_2(40, 0xf2);
    Bytes digest = hash(HashAlgorithm::sha1, {master.reveal(), pad_1, as_bytes(magic), pad_2});
    std::ranges::copy(ByteView{digest}.first(out.size()), out.begin());
    wipe(digest);
}

}  // namespace

Result<Secret> nt_hash(const Secret& password) {
    std::size_t used = 0;
    const Secret wide = to_utf16(password, used);
    return crypto::md4(wide.reveal().first(used));
}

NtResponse nt_response(const Challenge& authenticator, const Challenge& peer, std::string_view user,
                       const Secret& hash) {
    const Bytes challenge = challenge_hash(peer, authenticator, user);
    // RFC 2759 8.5: three keys of 7 octets out of 16, and zeros.
    Secret keys{21};
    std::ranges::copy(hash.reveal(), keys.write().begin());
    NtResponse out{};
    for (std::size_t i = 0; i < 3; ++i) {
        const auto block = crypto::des_encrypt(keys.reveal().subspan(7 * i, 7), challenge);
        std::ranges::copy(block, out.begin() + static_cast<std::ptrdiff_t>(8 * i));
    }
    return out;
}

Result<std::string> authenticator_response(const Secret& hash_of_password,
                                           const NtResponse& response, const Challenge& peer,
                                           const Challenge& authenticator, std::string_view user) {
    const auto twice = crypto::md4(hash_of_password.reveal());
    if (!twice) { return std::unexpected(twice.error()); }
    Bytes digest = hash(HashAlgorithm::sha1, {twice->reveal(), response,
                                              as_bytes("Magic server to client signing constant")});
    digest = hash(HashAlgorithm::sha1, {digest, challenge_hash(peer, authenticator, user),
                                        as_bytes("Pad to make it do more than one iteration")});
    std::string out = "S=";
    for (const char digit : to_hex(digest)) {
        out += static_cast<char>(std::toupper(static_cast<unsigned char>(digit)));
    }
    return out;
}

Result<Secret> master_key(const Secret& hash_of_password, const NtResponse& response) {
    const auto twice = crypto::md4(hash_of_password.reveal());
    if (!twice) { return std::unexpected(twice.error()); }
    Bytes digest = hash(HashAlgorithm::sha1,
                        {twice->reveal(), response, as_bytes("This is the MPPE Master Key")});
    Secret out = Secret::copy_of(ByteView{digest}.first(16));
    wipe(digest);
    return out;
}

Result<Secret> mschapv2_msk(const Secret& hash_of_password, const NtResponse& response) {
    const auto master = master_key(hash_of_password, response);
    if (!master) { return std::unexpected(master.error()); }
    Secret out{msk_size};
    start_key(*master, to_authenticator, out.write().first(16));
    start_key(*master, from_authenticator, out.write().subspan(16, 16));
    return out;
}

}  // namespace culvert::ike::eap
