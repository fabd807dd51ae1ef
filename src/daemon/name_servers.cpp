#include "daemon/name_servers.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <ranges>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "config/tree.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

constexpr std::string_view mark = "   # by culvertd";

// In place: resolv.conf is often a link, or bound into a container, and cannot be replaced there.
Status overwrite(const std::string& path, std::string_view text) {
    const plane::FileDescriptor file{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644)};
    const auto failed = [&] {
        return std::unexpected(system_error(fmt::format("to write {}", path), errno));
    };
    if (!file) { return failed(); }
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::write(file.get(), text.data() + done, text.size() - done);
        if (count < 0 && errno == EINTR) { continue; }
        if (count < 0) { return failed(); }
        done += static_cast<std::size_t>(count);
    }
    return ::ftruncate(file.get(), static_cast<off_t>(text.size())) == 0 ? Status{} : failed();
}

}  // namespace

std::string with_name_servers(std::string_view resolv_conf, const std::vector<IpAddress>& servers) {
    std::string out;
    for (const IpAddress& server : servers) {
        out += fmt::format("nameserver {}{}\n", server.to_string(), mark);
    }
    while (!resolv_conf.empty()) {
        const std::size_t end = std::min(resolv_conf.find('\n'), resolv_conf.size());
        const std::string_view line = resolv_conf.substr(0, end);
        if (!line.ends_with(mark)) { out += resolv_conf.substr(0, end + 1); }
        resolv_conf.remove_prefix(std::min(end + 1, resolv_conf.size()));
    }
    return out;
}

Status NameServerBook::clear() {
    in_use_.clear();
    return write();
}

Status NameServerBook::use(const ike::NameServers& what, bool wanted) {
    const auto known = std::ranges::find(in_use_, what, &InUse::what);
    std::size_t times = known == in_use_.end() ? 0 : known->times;
    if (!wanted && times > 1) {
        --known->times;
        return {};
    }
    if (known != in_use_.end()) { in_use_.erase(known); }
    if (wanted) { in_use_.insert(in_use_.begin(), {what, ++times}); }
    return write();
}

std::vector<ike::NameServers> NameServerBook::all() const {
    std::vector<ike::NameServers> out;
    std::ranges::copy(in_use_ | std::views::transform(&InUse::what), std::back_inserter(out));
    return out;
}

std::vector<IpAddress> NameServerBook::of(std::string_view connection) const {
    std::vector<IpAddress> out;
    for (const ike::NameServers& one : all()) {
        if (one.connection == connection) {
            std::ranges::copy(one.servers, std::back_inserter(out));
        }
    }
    return out;
}

bool NameServerBook::serves(const ike::NameServers& what) const {
    if (resolver_ && resolver_->kind == HostResolverKind::resolved) { return true; }
    return what.domains.empty() && (resolver_ || !path_.empty());
}

Status NameServerBook::write() const {
    if (resolver_) {
        for (Program& program : programs_for(*resolver_, all())) { run_(std::move(program)); }
        return {};
    }
    if (path_.empty()) { return {}; }
    const auto file = config::disk().read(path_);
    if (!file && file.error().code != ErrorCode::not_found) {
        return std::unexpected(file.error());
    }
    const std::string before = file ? file->text : std::string{};
    std::vector<IpAddress> servers;
    for (const ike::NameServers& one : all()) {
        if (one.domains.empty()) { std::ranges::copy(one.servers, std::back_inserter(servers)); }
    }
    const std::string after = with_name_servers(before, servers);
    return after == before ? Status{} : overwrite(path_, after);
}

}  // namespace culvert::daemon
