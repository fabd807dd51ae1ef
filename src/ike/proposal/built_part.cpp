// Proposals written for others: one algorithm that is not built must not cost the rest.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ike/proposal/words.hpp"

namespace culvert::ike {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> out;
    for (;;) {
        const auto end = text.find(at);
        out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) { return out; }
        text.remove_prefix(end + 1);
    }
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) { return {}; }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// What stands for the same choice: "modp2048" and "ecp256", "ke1_mlkem768" and "ke1_ecp384".
struct Choice {
    std::string_view slot;  // "ke1_" of an additional key exchange, or empty
    TransformType type{};
    bool built = false;

    bool is_beside(const Choice& other) const { return slot == other.slot && type == other.type; }
};

std::optional<Choice> choice_of(std::string_view word, ProtocolId protocol) {
    constexpr std::size_t slot_size = 4;
    const bool additional = word.size() > slot_size && word.starts_with("ke") && word[3] == '_';
    Choice out{.slot = additional ? word.substr(0, slot_size) : std::string_view{}};
    const Word* const known = find_word(word.substr(out.slot.size()), protocol);
    if (known == nullptr) { return std::nullopt; }
    out.type = known->type;
    out.built = known->standing != Standing::not_built;
    return out;
}

// Nothing where it cannot do without what is not built.
std::optional<std::string> built_words(ProtocolId protocol, std::string_view proposal,
                                       std::vector<std::string>& left_out) {
    const auto words = split(proposal, '-');
    std::vector<std::string_view> kept;
    std::vector<std::string> dropped;
    for (const std::string_view word : words) {
        const auto choice = choice_of(word, protocol);
        if (!choice || choice->built) {
            kept.push_back(word);
            continue;
        }
        const bool other_way = std::ranges::any_of(words, [&](std::string_view other) {
            const auto instead = choice_of(other, protocol);
            return instead && instead->built && instead->is_beside(*choice);
        });
        if (!other_way) {
            left_out.emplace_back(proposal);
            return std::nullopt;
        }
        dropped.emplace_back(word);
    }
    std::ranges::move(dropped, std::back_inserter(left_out));
    return fmt::format("{}", fmt::join(kept, "-"));
}

}  // namespace

BuiltPart built_part(ProtocolId protocol, std::string_view text) {
    BuiltPart out;
    std::vector<std::string> kept;
    for (const std::string_view one : split(text, ',')) {
        if (auto built = built_words(protocol, trimmed(one), out.left_out)) {
            kept.push_back(*std::move(built));
        }
    }
    if (kept.empty()) { return {.text = std::string{text}, .left_out = {}}; }
    out.text = fmt::format("{}", fmt::join(kept, ","));
    return out;
}

}  // namespace culvert::ike
