#include "daemon/child_watch.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

auto whole_seconds(Duration time) { return std::chrono::floor<std::chrono::seconds>(time).count(); }

std::string_view way_of(const ChildWatch::About& about) {
    if (about.tcp) { return "its TCP connection"; }
    return about.udp_encap ? "UDP port 4500" : "ESP (IP protocol 50)";
}

Error nothing_comes_back(std::string_view way, std::uint64_t sent, Duration since,
                         std::string_view more_to_do) {
    return {
        .code = ErrorCode::timed_out,
        .wanted = "protected packets in both directions",
        .received =
            fmt::format("{} out and none in for {} s, while IKE works", sent, whole_seconds(since)),
        .remedy = fmt::format(
            "let {} pass in both directions on the way, look whether the peer has a route back "
            "and its firewall lets the traffic in; if the traffic only goes one way, all is well{}",
            way, more_to_do)};
}

// A receiver knows of what was lost by the sequence numbers, and not how large it was: what it does
// know is how large the largest was that came.
Error large_ones_are_lost(std::string_view child, std::uint64_t lost, std::uint64_t sent,
                          const ChildSaCounters& counters, Duration in) {
    return {.code = ErrorCode::timed_out,
            .wanted = fmt::format("what the peer sends through {} to arrive, packets of up to {} "
                                  "octets",
                                  child, counters.inner_mtu),
            .received = fmt::format("{} of {} are missing in {} s, and none of more than {} octets "
                                    "has ever arrived",
                                    lost, sent, whole_seconds(in), counters.inbound_largest),
            .remedy = fmt::format(
                "if the larger ones are lost, it is an MTU black hole: let ICMP type 3 code 4 "
                "(IPv6: type 2) pass on the way, or set charon.plugins.kernel-netlink.mtu at the "
                "peer to what `culvert diagnose {}` says passes; if packets of every size are "
                "lost, the path is bad or full",
                child)};
}

Finding finding(const ChildWatch::About& about, Error error, std::string text, Instant now) {
    return {.failure = {.at = now,
                        .connection = about.connection,
                        .child = about.child,
                        .remote = about.remote,
                        .exchange = "ESP",
                        .error = std::move(error)},
            .text = std::move(text)};
}

}  // namespace

std::vector<Finding> ChildWatch::look(const ChildSaCounters& counters, Instant now,
                                      const WhatIsIt& what_is_it) {
    std::vector<Finding> out;
    if (auto found = silence(counters, now, what_is_it)) { out.push_back(std::move(*found)); }
    if (auto found = black_hole(counters, now, what_is_it)) { out.push_back(std::move(*found)); }
    return out;
}

// IKE works and ESP does not: a firewall lets UDP 500 pass and nothing else. An application that
// only sends looks the same.
std::optional<Finding> ChildWatch::silence(const ChildSaCounters& counters, Instant now,
                                           const WhatIsIt& what_is_it) {
    if (told_silence_) { return std::nullopt; }
    if (counters.inbound_packets != inbound_before_) {
        inbound_before_ = counters.inbound_packets;
        outbound_before_ = counters.outbound_packets;
        sending_since_ = Instant{};
    }
    const std::uint64_t sent = counters.outbound_packets - outbound_before_;
    if (sent < silent_packets) { return std::nullopt; }
    if (sending_since_ == Instant{}) { sending_since_ = now; }
    // What has worked may have nothing to say for a while.
    const bool worked = counters.inbound_packets > 0;
    if (now - sending_since_ < (worked ? silent_again_time : silent_time)) { return std::nullopt; }
    told_silence_ = true;
    const About about = what_is_it();
    return finding(about,
                   nothing_comes_back(way_of(about), sent, now - sending_since_,
                                      about.udp_encap ? std::string{} : about.more_to_do),
                   fmt::format("{} packets have left through {}, and none came back{}", sent,
                               about.child, worked ? " since" : ""),
                   now);
}

std::optional<Finding> ChildWatch::black_hole(const ChildSaCounters& counters, Instant now,
                                              const WhatIsIt& what_is_it) {
    if (told_black_hole_ || counters.inner_mtu == 0 || counters.inbound_sent == 0 ||
        counters.inbound_largest >= counters.inner_mtu) {
        return std::nullopt;
    }
    if (!window_) {
        // The first packets count as well: the SA was new a moment ago.
        window_ = Window{.began = now};
        return std::nullopt;
    }
    const Duration in = now - window_->began;
    if (in < lossy_time) { return std::nullopt; }
    const std::uint64_t sent = counters.inbound_sent - window_->sent;
    const std::uint64_t arrived = counters.inbound_arrived - window_->arrived;
    window_ =
        Window{.began = now, .arrived = counters.inbound_arrived, .sent = counters.inbound_sent};
    const std::uint64_t lost = sent > arrived ? sent - arrived : 0;
    if (lost < lossy_packets || lost * lossy_share < sent) { return std::nullopt; }
    told_black_hole_ = true;
    const About about = what_is_it();
    return finding(about, large_ones_are_lost(about.child, lost, sent, counters, in),
                   fmt::format("packets are lost on the way to us through {}, perhaps the large "
                               "ones",
                               about.child),
                   now);
}

}  // namespace culvert::daemon
