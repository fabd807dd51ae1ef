#include "plane/stream_admission.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace culvert::plane {
namespace {

// An IPv4 address, or the /64 of an IPv6 one.
std::uint64_t prefix_of(const IpAddress& address) {
    std::uint64_t out = 0;
    const auto octets = address.octets();
    for (std::size_t i = 0; i < std::min<std::size_t>(octets.size(), 8); ++i) {
        out = out << 8U | octets[i];
    }
    return out;
}

Error too_many_streams(std::size_t limit, std::string_view of_what) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("at most {} TCP connections {}", limit, of_what),
            .received = "one more",
            .remedy = "nothing, if this is an attack; else see why peers do not authenticate"};
}

}  // namespace

Result<std::optional<StreamId>> StreamAdmission::arrive(StreamId id, const IpAddress& from) {
    const Prefix prefix = prefix_of(from);
    const auto same = strangers_.find(prefix);
    if (same != strangers_.end() && same->second.size() >= limits_.strangers_an_address) {
        return std::unexpected(too_many_streams(limits_.strangers_an_address,
                                                "from one address, before it authenticates"));
    }
    std::optional<StreamId> goes;
    const bool full = from_.size() >= limits_.all;
    if (full || stranger_count_ >= limits_.strangers) {
        if (stranger_count_ == 0) {
            return std::unexpected(too_many_streams(limits_.all, "in all"));
        }
        const auto most = std::ranges::max_element(
            strangers_, {}, [](const auto& entry) { return entry.second.size(); });
        goes = *most->second.begin();
        gone(*goes);
    }
    from_.emplace(id, prefix);
    strangers_[prefix].insert(id);
    ++stranger_count_;
    return goes;
}

void StreamAdmission::authenticated(StreamId id) {
    const auto found = from_.find(id);
    if (found != from_.end()) { no_stranger(id, found->second); }
}

void StreamAdmission::gone(StreamId id) {
    const auto found = from_.find(id);
    if (found == from_.end()) { return; }
    no_stranger(id, found->second);
    from_.erase(found);
}

bool StreamAdmission::is_stranger(StreamId id) const {
    const auto found = from_.find(id);
    if (found == from_.end()) { return false; }
    const auto same = strangers_.find(found->second);
    return same != strangers_.end() && same->second.contains(id);
}

void StreamAdmission::no_stranger(StreamId id, Prefix prefix) {
    const auto same = strangers_.find(prefix);
    if (same == strangers_.end() || same->second.erase(id) == 0) { return; }
    --stranger_count_;
    if (same->second.empty()) { strangers_.erase(same); }
}

}  // namespace culvert::plane
