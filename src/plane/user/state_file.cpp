#include "plane/user/state_file.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "plane/errors.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t state_octets_max = 4096;
constexpr std::string_view head = "culvert user plane 1";

template <class T>
bool read_number(std::string_view text, T& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

bool take_line(std::string_view line, SetUp& out, bool& ended) {
    const auto space = line.find(' ');
    const std::string_view name = line.substr(0, space);
    const std::string_view value =
        space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    if (name == "tun") {
        out.tun = value;
        return true;
    }
    if (name == "nft_table") {
        out.nft_table = value;
        return true;
    }
    if (name == "tun_is_theirs") {
        out.tun_is_theirs = true;
        return true;
    }
    if (name == "end") {
        ended = true;
        return true;
    }
    if (name == "table") { return read_number(value, out.table); }
    if (name == "priority") { return read_number(value, out.priority); }
    if (name == "mark") { return read_number(value, out.mark); }
    if (name == "namespace") { return read_number(value, out.namespace_inode); }
    if (name == "src_valid_mark") { return read_number(value, out.src_valid_mark.emplace()); }
    return name == "pid";
}

std::string read_all(int fd) {
    std::array<char, state_octets_max> buffer{};
    const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
    return size > 0 ? std::string{buffer.data(), static_cast<std::size_t>(size)} : std::string{};
}

// "pid 123" of whoever wrote the file, for people.
std::string writer_of(std::string_view text) {
    const auto at = text.find("\npid ");
    if (at == std::string_view::npos) { return {}; }
    const auto end = text.find('\n', at + 1);
    return printable(text.substr(at + 1, end - at - 1), 32);
}

}  // namespace

std::string to_text(const SetUp& set_up) {
    std::string out = fmt::format(
        "{}\npid {}\nnamespace {}\ntun {}\nnft_table {}\ntable {}\npriority {}\nmark {}\n", head,
        ::getpid(), set_up.namespace_inode, set_up.tun, set_up.nft_table, set_up.table,
        set_up.priority, set_up.mark);
    if (set_up.src_valid_mark) {
        out += fmt::format("src_valid_mark {}\n", *set_up.src_valid_mark);
    }
    if (set_up.tun_is_theirs) { out += "tun_is_theirs\n"; }
    return out + "end\n";
}

std::optional<SetUp> parse_set_up(std::string_view text) {
    SetUp out;
    bool first = true;
    bool ended = false;
    while (!text.empty() && !ended) {
        const auto newline = text.find('\n');
        if (newline == std::string_view::npos) { return std::nullopt; }
        const std::string_view line = text.substr(0, newline);
        text.remove_prefix(newline + 1);
        if (first ? line != head : !take_line(line, out, ended)) { return std::nullopt; }
        first = false;
    }
    if (!ended || out.tun.empty() || out.table == 0) { return std::nullopt; }
    return out;
}

std::uint64_t network_namespace_inode() {
    struct stat status{};
    return ::stat("/proc/thread-self/ns/net", &status) == 0 ? status.st_ino : 0;
}

Result<StateFile> StateFile::open(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    std::string path = fmt::format("{}/plane.state", folder);
    FileDescriptor fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) {
        const int number = errno;
        if (number == EACCES || number == EPERM) {
            return std::unexpected(no_privilege(fmt::format("to write {}", path), number));
        }
        return std::unexpected(system_error(fmt::format("to write {}", path), number));
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        return std::unexpected(state_is_locked(path, writer_of(read_all(fd.get()))));
    }
    return StateFile{std::move(fd), std::move(path)};
}

std::optional<SetUp> StateFile::left_over() const { return parse_set_up(read_all(fd_.get())); }

Status StateFile::write(const SetUp& set_up) const { return write_text(to_text(set_up)); }

Status StateFile::write_text(std::string_view text) const {
    const bool written =
        ::ftruncate(fd_.get(), 0) == 0 &&
        ::pwrite(fd_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
        ::fdatasync(fd_.get()) == 0;
    if (!written) {
        return std::unexpected(system_error(fmt::format("to write {}", path_), errno));
    }
    return {};
}

void StateFile::clear() const {
    // Nothing is lost if it fails: the next start undoes what is not there any more.
    [[maybe_unused]] const int result = ::ftruncate(fd_.get(), 0);
}

}  // namespace culvert::plane
