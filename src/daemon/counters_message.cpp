#include "daemon/counters_message.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

// strongSwan's counters, in its order.
std::vector<std::string> strongswans_counters() {
    std::vector<std::string> out{"ike-rekey-init", "ike-rekey-resp", "child-rekey", "invalid",
                                 "invalid-spi"};
    for (const std::string_view exchange : {"ike-init", "ike-auth", "create-child", "info"}) {
        for (const std::string_view way : {"in-req", "in-resp", "out-req", "out-resp"}) {
            out.push_back(fmt::format("{}-{}", exchange, way));
        }
    }
    return out;
}

}  // namespace

vici::Section counters_section(const ike::Counters& now, const ike::Counters& base) {
    const auto since_reset = [&](const std::string& counter) {
        const auto found = now.find(counter);
        const auto before = base.find(counter);
        const std::uint64_t value = found == now.end() ? 0 : found->second;
        const std::uint64_t less = before == base.end() ? 0 : before->second;
        return fmt::format("{}", value < less ? value : value - less);
    };
    vici::Section out;
    const std::vector<std::string> known = strongswans_counters();
    for (const std::string& counter : known) { out.set(counter, since_reset(counter)); }
    for (const auto& [counter, value] : now) {
        if (std::ranges::find(known, counter) == known.end()) {
            out.set("culvert-" + counter, since_reset(counter));
        }
    }
    return out;
}

}  // namespace culvert::daemon
