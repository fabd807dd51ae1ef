#include "plane/user/tun_device.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plane/errors.hpp"

namespace culvert::plane {
namespace {

constexpr const char* device_path = "/dev/net/tun";

}  // namespace

bool is_interface_name(std::string_view name) {
    if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") { return false; }
    return std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    });
}

Result<TunDevice> TunDevice::open(std::string_view name) {
    if (!is_interface_name(name)) {
        return std::unexpected(Error{.code = ErrorCode::config,
                                     .wanted = "a name for the TUN interface",
                                     .received = fmt::format("\"{}\"", printable(name)),
                                     .remedy = "use 1 to 15 letters, digits, '_', '.' or '-'"});
    }
    FileDescriptor fd{::open(device_path, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        const int error = errno;
        if (error == EACCES || error == EPERM) {
            return std::unexpected(no_privilege(fmt::format("to open {}", device_path), error));
        }
        return std::unexpected(no_tun_device(device_path, error));
    }
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
        const int error = errno;
        if (error == EPERM || error == EACCES) {
            return std::unexpected(
                no_privilege(fmt::format("to make the TUN interface {}", name), error));
        }
        // EBUSY: a TUN that another process holds; EINVAL: an interface of another kind.
        if (error == EBUSY || (error == EINVAL && ::if_nametoindex(request.ifr_name) != 0)) {
            return std::unexpected(tun_name_taken(name));
        }
        return std::unexpected(
            system_error(fmt::format("to make the TUN interface {}", name), error));
    }
    const unsigned index = ::if_nametoindex(request.ifr_name);
    if (index == 0) {
        return std::unexpected(system_error("the index of the TUN interface", errno));
    }
    return TunDevice{std::move(fd), std::string{request.ifr_name}, static_cast<int>(index)};
}

std::size_t TunDevice::read(MutableByteView room) const {
    const ssize_t size = ::read(fd_.get(), room.data(), room.size());
    return size > 0 ? static_cast<std::size_t>(size) : 0;
}

int TunDevice::write(ByteView packet) const {
    for (;;) {
        if (::write(fd_.get(), packet.data(), packet.size()) >= 0) { return 0; }
        if (errno != EINTR) { return errno; }
    }
}

}  // namespace culvert::plane
