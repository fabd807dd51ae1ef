#include "daemon/failure_messages.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "base/overloaded.hpp"

namespace culvert::daemon {
namespace {

constexpr std::size_t element_overhead = 4;  // type and lengths

}  // namespace

std::string cut_word(std::string_view word, std::size_t most) {
    if (word.size() <= most) { return std::string{word}; }
    return fmt::format("{}... ({} octets more)", word.substr(0, most), word.size() - most);
}

vici::Section failure_section(const ike::Failure& failure, Instant now) {
    const auto ago = std::chrono::floor<std::chrono::seconds>(now - failure.at).count();
    vici::Section out;
    out.set("ago", fmt::format("{}", ago));
    out.set("connection", printable(failure.connection));
    out.set("child", printable(failure.child));
    out.set("remote", failure.remote.to_string());
    out.set("exchange", failure.exchange);
    out.set("refused-by", failure.we_refused ? "us" : "peer");
    out.set("code", name(failure.error.code));
    out.set("wanted", cut_word(failure.error.wanted));
    out.set("received", cut_word(failure.error.received));
    out.set("remedy", cut_word(failure.error.remedy));
    out.set("text", cut_word(explain(failure.error)));
    return out;
}

FailureList failure_list(const std::vector<ike::Failure>& failures, const StoryOf& story_of,
                         Instant now) {
    FailureList out;
    std::size_t octets = 0;
    std::size_t count = 0;
    for (const ike::Failure& failure : failures) {
        if (count == failures_shown_max) { break; }
        vici::Section one = failure_section(failure, now);
        const auto* const story = count < stories_shown_max ? story_of(failure) : nullptr;
        if (story != nullptr) { one.set("exchanges", vici::List{*story}); }
        octets += octets_of(one);
        if (octets > failures_octets_max) {
            out.left_out = std::min(failures.size(), failures_shown_max) - count;
            break;
        }
        out.shown.set(fmt::format("{}", ++count), std::move(one));
    }
    return out;
}

std::size_t octets_of(const vici::Section& section) {
    std::size_t out = 0;
    for (const vici::Entry& entry : section.entries) {
        out += entry.key.size() + element_overhead;
        out += std::visit(Overloaded{[](const std::string& text) { return text.size(); },
                                     [](const vici::List& items) {
                                         std::size_t all = element_overhead;
                                         for (const std::string& item : items) {
                                             all += item.size() + element_overhead;
                                         }
                                         return all;
                                     },
                                     [](const vici::Section& inner) {
                                         return octets_of(inner) + element_overhead;
                                     }},
                          entry.element);
    }
    return out;
}

}  // namespace culvert::daemon
