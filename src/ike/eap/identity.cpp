#include "ike/eap/identity.hpp"

#include <algorithm>

namespace culvert::ike::eap {

std::string to_text(const Identity& identity) {
    switch (identity.type) {
        case IdType::fqdn:
        case IdType::rfc822_addr:
        case IdType::key_id: return std::string{as_text(identity.data)};
        default: return identity.to_string();
    }
}

Identity from_text(ByteView text) {
    const Identity raw{.type = IdType::key_id, .data = to_bytes(text)};
    const bool plain =
        std::ranges::all_of(text, [](std::uint8_t c) { return c >= 0x20 && c != 0x7f; });
    if (!plain || text.empty()) { return raw; }
    auto parsed = Identity::parse(as_text(text));
    if (!parsed || parsed->type == IdType::any || parsed->type == IdType::null) { return raw; }
    return *std::move(parsed);
}

}  // namespace culvert::ike::eap
