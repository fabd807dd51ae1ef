#include "crypto/key_exchange.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "crypto/dh_group.hpp"

namespace culvert::crypto {
namespace {

const DhGroup* group_of(KeMethod method) {
    if (const DhGroup* const group = modp_group(method)) { return group; }
    if (const DhGroup* const group = ecp_group(method)) { return group; }
    return montgomery_group(method);
}

Error unsupported_group(KeMethod method) {
    return {.code = ErrorCode::unsupported,
            .wanted = "a key exchange method that is built in",
            .received = fmt::format("number {}", std::to_underlying(method)),
            .remedy = "leave it out of the proposals"};
}

Error wrong_length(KeMethod method, std::size_t wanted, std::size_t received) {
    return bad_public_value(
        fmt::format("a public value of {} octets for group {}", wanted, std::to_underlying(method)),
        fmt::format("{} octets", received));
}

}  // namespace

struct KeyExchange::Impl {
    KeMethod method;
    const DhGroup* group;
    std::unique_ptr<DhKey> key;
};

bool KeyExchange::supports(KeMethod method) { return group_of(method) != nullptr; }

std::size_t KeyExchange::public_size(KeMethod method) {
    const DhGroup* const group = group_of(method);
    return group == nullptr ? 0 : group->public_size();
}

Result<KeyExchange> KeyExchange::create(KeMethod method, Random& random) {
    const DhGroup* const group = group_of(method);
    if (group == nullptr) { return std::unexpected(unsupported_group(method)); }
    return from_private(method, group->draw_private(random));
}

Result<KeyExchange> KeyExchange::from_private(KeMethod method, Secret private_value) {
    const DhGroup* const group = group_of(method);
    if (group == nullptr) { return std::unexpected(unsupported_group(method)); }
    auto key = group->key(std::move(private_value));
    if (!key) { return std::unexpected(std::move(key).error()); }
    return KeyExchange{
        std::make_unique<Impl>(Impl{.method = method, .group = group, .key = std::move(*key)})};
}

KeyExchange::KeyExchange(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyExchange::KeyExchange(KeyExchange&&) noexcept = default;
KeyExchange& KeyExchange::operator=(KeyExchange&&) noexcept = default;
KeyExchange::~KeyExchange() = default;

KeMethod KeyExchange::method() const { return impl_->method; }
const Bytes& KeyExchange::public_value() const { return impl_->key->public_value(); }

Result<Secret> KeyExchange::derive(ByteView peer_public_value) const {
    // RFC 7296 3.4: a MODP value has the length of the modulus, with leading zeros if need be; the
    // curves' values have one length each.
    const std::size_t wanted = impl_->group->public_size();
    if (peer_public_value.size() != wanted) {
        return std::unexpected(wrong_length(impl_->method, wanted, peer_public_value.size()));
    }
    return impl_->key->shared(peer_public_value);
}

Error bad_public_value(std::string_view wanted, std::string_view received) {
    return {.code = ErrorCode::bad_key_material,
            .wanted = std::string{wanted},
            .received = std::string{received},
            .remedy = "none on our side: the peer is broken, or someone tampers"};
}

Error bad_private_value() {
    return {.code = ErrorCode::bad_key_material,
            .wanted = "a private value of the group",
            .received = "one out of its range",
            .remedy = ""};
}

}  // namespace culvert::crypto
