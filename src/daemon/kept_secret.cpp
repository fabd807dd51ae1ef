#include "daemon/kept_secret.hpp"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "daemon/limits.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

Error cannot_keep(const std::string& path) {
    Error error = system_error(fmt::format("keep a secret in {}", path), errno);
    error.remedy =
        "see who may write there; without it peers are not told of a restart (RFC 6290), "
        "and find out by their liveness checks";
    return error;
}

// Nothing if the file is not there or has not all of it.
std::optional<Secret> read_secret(const std::string& path) {
    const plane::FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (file.get() < 0) { return std::nullopt; }
    Secret out{kept_secret_size};
    const MutableByteView into = out.write();
    const ssize_t got = ::read(file.get(), into.data(), into.size());
    if (got != static_cast<ssize_t>(into.size())) { return std::nullopt; }
    return out;
}

}  // namespace

Result<Secret> kept_secret(const std::string& path, Random& random) {
    if (auto found = read_secret(path)) { return *std::move(found); }
    Secret fresh{kept_secret_size};
    random.fill(fresh.write());
    // All of it or none, whenever we are stopped.
    const std::string draft = path + ".new";
    {
        const plane::FileDescriptor file{
            ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (file.get() < 0) { return std::unexpected(cannot_keep(draft)); }
        const ByteView octets = fresh.reveal();
        const bool written = ::write(file.get(), octets.data(), octets.size()) ==
                                 static_cast<ssize_t>(octets.size()) &&
                             ::fsync(file.get()) == 0;
        if (!written) { return std::unexpected(cannot_keep(draft)); }
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) { return std::unexpected(cannot_keep(path)); }
    return fresh;
}

}  // namespace culvert::daemon
