#include "vici/uri.hpp"

#include <fmt/format.h>
#include <sys/un.h>

namespace culvert::vici {
namespace {

constexpr std::size_t path_size_max = sizeof(sockaddr_un::sun_path) - 1;

Error not_a_vici_uri(std::string_view text, std::string_view why) {
    return {.code = ErrorCode::config,
            .wanted = "a VICI address: unix:///path, or tcp://address:port",
            .received = fmt::format("'{}', {}", printable(text), why),
            .remedy = fmt::format("use, for example, {}", default_uri)};
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
    if (text.starts_with("tcp://")) {
        const auto endpoint = Endpoint::parse(text.substr(6));
        if (!endpoint || endpoint->port == 0) {
            return std::unexpected(not_a_vici_uri(text, "where no address and port can be read"));
        }
        return Uri{.path = {}, .endpoint = *endpoint};
    }
    std::string_view path = text;
    if (path.starts_with("unix://")) { path.remove_prefix(7); }
    if (!path.starts_with('/')) {
        return std::unexpected(not_a_vici_uri(text, "which is neither"));
    }
    if (path.size() > path_size_max) {
        return std::unexpected(not_a_vici_uri(
            text, fmt::format("whose path is longer than {} octets", path_size_max)));
    }
    return Uri{.path = std::string{path}, .endpoint = {}};
}

std::string Uri::to_string() const {
    if (!path.empty()) { return fmt::format("unix://{}", path); }
    const std::string address = endpoint.address.to_string();
    return endpoint.address.is_v6() ? fmt::format("tcp://[{}]:{}", address, endpoint.port)
                                    : fmt::format("tcp://{}:{}", address, endpoint.port);
}

}  // namespace culvert::vici
