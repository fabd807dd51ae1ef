#pragma once
// Every keyword of swanctl.conf, and what becomes of it here. docs/configuration.md shows this
// table; a test compares the two.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace culvert::config {

enum class SectionKind : std::uint8_t { connection, local, remote, child, secret, pool, authority };

enum class KeywordStatus : std::uint8_t {
    built,      // does what strongSwan's does
    refused,    // not built, and security or connectivity would be another: an error
    warned,     // not built, and nothing depends on it: a warning
    no_effect,  // means something only for what is not there (certificates, IKEv1, a kernel plane)
};

struct Keyword {
    SectionKind section{};
    std::string_view name;      // "<suffix>" stands for anything; secrets as "ike<suffix>.secret"
    std::string_view type;      // for people
    std::string_view standard;  // the default, for people
    KeywordStatus status = KeywordStatus::built;
    // Of what is not built: values, joined by "|", that are what happens anyway. Not a word is lost
    // about them.
    std::string_view harmless{};
    std::string_view note{};  // for people: what is special, or what to do instead
};

// In the order of strongSwan's description: connections, local, remote, child, secrets, pools,
// authorities.
std::span<const Keyword> keywords();

// The keyword that `name` stands for in a section of this kind ("cert-2" is "cert<suffix>"); null:
// none.
const Keyword* find_keyword(SectionKind section, std::string_view name);

// For "did you mean": keywords without a suffix.
std::vector<std::string_view> names_of(SectionKind section);

std::string_view name(SectionKind section);   // "connections.<conn>"
std::string_view name(KeywordStatus status);  // "built", "refused", "warning", "no effect"

// "0" is harmless where `harmless` is "no|false|disabled|0"; case does not matter.
bool is_harmless(const Keyword& keyword, std::string_view value);

}  // namespace culvert::config
