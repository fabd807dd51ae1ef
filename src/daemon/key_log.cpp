#include "daemon/key_log.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

namespace culvert::daemon {

Result<KeyLogFile> KeyLogFile::open(const std::string& path) {
    KeyLogFile out;
    if (path.empty()) { return out; }
    out.file_ = plane::FileDescriptor{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    if (!out.file_) {
        return std::unexpected(
            system_error(fmt::format("to write session keys to {}", path), errno));
    }
    return out;
}

void KeyLogFile::write(const std::string& line) const {
    if (!file_) { return; }
    const std::string whole = line + "\n";
    // A lost line costs a capture that cannot be read; there is nobody to tell.
    [[maybe_unused]] const auto count = ::write(file_.get(), whole.data(), whole.size());
}

}  // namespace culvert::daemon
