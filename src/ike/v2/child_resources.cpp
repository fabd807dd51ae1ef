#include "ike/v2/child_resources.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace culvert::ike::v2 {
namespace {

bool has_resource(const Child& child, const ChildConfig& config) {
    return child.live() && child.resource && child.config->name == config.name;
}

}  // namespace

bool tells_of_resources(const wire::Payloads& payloads) {
    return wire::find_notify(payloads, wire::NotifyType::sa_resource_info) != nullptr;
}

std::optional<std::uint16_t> resource_for(const SaCore& sa, const ChildConfig& config,
                                          const Child* rekeyed) {
    if (!config.per_cpu_sas) { return std::nullopt; }
    if (rekeyed != nullptr) { return rekeyed->resource; }
    const auto taken = [&](std::uint16_t resource) {
        return std::ranges::any_of(sa.children, [&](const Child& child) {
            return has_resource(child, config) && child.resource == resource;
        });
    };
    std::uint16_t free = 0;
    while (taken(free)) { ++free; }
    return free;
}

std::size_t resources_taken(const SaCore& sa, const ChildConfig& config) {
    return static_cast<std::size_t>(std::ranges::count_if(
        sa.children, [&](const Child& child) { return has_resource(child, config); }));
}

Error enough_resources(std::string_view connection, std::string_view child) {
    return {.code = ErrorCode::no_additional_sas,
            .notify = wire::NotifyType::ts_max_queue,
            .wanted = fmt::format("a bounded number of Child SAs for connections.{}.children.{}",
                                  connection, child),
            .received = "a request for one more of the same (SA_RESOURCE_INFO)",
            .remedy = "nothing: the peer goes on with those that there are"};
}

}  // namespace culvert::ike::v2
