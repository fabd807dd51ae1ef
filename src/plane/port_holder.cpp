#include "plane/port_holder.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

namespace fs = std::filesystem;

// The inode numbers of the sockets on this port, from /proc/net/udp or udp6. The second column is
// address:port in hex, the tenth the inode.
void add_inodes(const char* path, std::uint16_t port, std::vector<std::string>& inodes) {
    std::ifstream in{path};
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream words{line};
        std::array<std::string, 10> word;
        for (auto& w : word) { words >> w; }
        const auto colon = word[1].rfind(':');
        if (!words || colon == std::string::npos) { continue; }
        unsigned found = 0;
        const char* end = word[1].data() + word[1].size();
        const auto parsed = std::from_chars(word[1].data() + colon + 1, end, found, 16);
        if (parsed.ec == std::errc{} && found == port) { inodes.push_back(word[9]); }
    }
}

bool has_socket(const fs::path& fd_folder, const std::vector<std::string>& links) {
    // The process may go while we look: each step has its own error, none throws.
    std::error_code error;
    for (fs::directory_iterator at{fd_folder, error}; !error && at != fs::directory_iterator{};
         at.increment(error)) {
        std::error_code gone;
        const fs::path target = fs::read_symlink(at->path(), gone);
        if (!gone && std::ranges::find(links, target.string()) != links.end()) { return true; }
    }
    return false;
}

std::string name_of(const fs::path& process) {
    std::ifstream in{process / "comm"};
    std::string name;
    std::getline(in, name);
    return printable(name, 32);
}

}  // namespace

std::string holder_of_udp_port(std::uint16_t port) {
    std::vector<std::string> links;
    add_inodes("/proc/thread-self/net/udp", port, links);
    add_inodes("/proc/thread-self/net/udp6", port, links);
    if (links.empty()) { return {}; }
    for (auto& link : links) { link = fmt::format("socket:[{}]", link); }
    std::error_code error;
    int scanned = 0;
    for (fs::directory_iterator at{"/proc", error}; !error && at != fs::directory_iterator{};
         at.increment(error)) {
        const std::string pid = at->path().filename().string();
        if (pid.empty() || std::isdigit(static_cast<unsigned char>(pid[0])) == 0) { continue; }
        if (++scanned > processes_scanned_max) { break; }
        if (has_socket(at->path() / "fd", links)) {
            return fmt::format("{} (pid {})", name_of(at->path()), pid);
        }
    }
    return {};
}

}  // namespace culvert::plane
