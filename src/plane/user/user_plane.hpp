#pragma once
// The user-space plane: clear packets through a TUN device, protected ones through UDP and raw
// sockets, ESP in between (ipsec/). Needs CAP_NET_ADMIN, CAP_NET_RAW and /dev/net/tun.

#include <memory>

#include "plane/plane.hpp"

namespace culvert::plane {

std::unique_ptr<Plane> make_user_plane(PlaneSettings settings);

}  // namespace culvert::plane
