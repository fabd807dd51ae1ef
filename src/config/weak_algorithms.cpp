// What is legal in a proposal, and weak.

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/sections.hpp"

namespace culvert::config {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;
using crypto::KeMethod;
using ike::TransformType;

struct Weak {
    TransformType type;
    std::uint16_t id;
    std::string_view name;
    bool warning;
};

constexpr std::array weak_transforms = std::to_array<Weak>({
    {TransformType::encr, std::to_underlying(EncryptionAlgorithm::des3_cbc), "3des", true},
    {TransformType::encr, std::to_underlying(EncryptionAlgorithm::null), "null", true},
    {TransformType::encr, 2, "des", true},
    {TransformType::encr, 7, "blowfish", true},
    {TransformType::encr, 6, "cast128", true},
    {TransformType::integ, std::to_underlying(IntegrityAlgorithm::hmac_md5_96), "md5", true},
    {TransformType::integ, std::to_underlying(IntegrityAlgorithm::hmac_sha1_96), "sha1", false},
    {TransformType::prf, 1, "prfmd5", true},
    {TransformType::prf, 2, "prfsha1", false},
    {TransformType::ke, std::to_underlying(KeMethod::modp768), "modp768", true},
    {TransformType::ke, std::to_underlying(KeMethod::modp1024), "modp1024", true},
    {TransformType::ke, std::to_underlying(KeMethod::modp1536), "modp1536", true},
    {TransformType::ke, std::to_underlying(KeMethod::modp1024s160), "modp1024s160", true},
    {TransformType::ke, std::to_underlying(KeMethod::ecp192), "ecp192", true},
});

}  // namespace

std::optional<Weakness> weakness_of(const ike::Proposals& proposals, ike::ProtocolId protocol) {
    if (proposals == ike::default_proposals(protocol)) { return std::nullopt; }
    std::vector<std::string_view> warned;
    std::vector<std::string_view> mentioned;
    for (const ike::Proposal& proposal : proposals) {
        for (const ike::Transform& transform : proposal.transforms) {
            for (const Weak& weak : weak_transforms) {
                if (weak.type != transform.type || weak.id != transform.id) { continue; }
                auto& list = weak.warning ? warned : mentioned;
                if (std::ranges::find(list, weak.name) == list.end()) { list.push_back(weak.name); }
            }
        }
    }
    if (!warned.empty()) {
        return Weakness{
            .warning = true,
            .what = fmt::format("weak, kept for old peers only: {}", fmt::join(warned, ", ")),
            .remedy =
                "use aes256gcm16-prfsha384-ecp384, or aes128-sha256-modp2048, if "
                "the peer can"};
    }
    if (!mentioned.empty()) {
        return Weakness{.what = fmt::format("old, though not broken in this use: {}",
                                            fmt::join(mentioned, ", ")),
                        .remedy = "use sha256 or better, if the peer can"};
    }
    return std::nullopt;
}

}  // namespace culvert::config
