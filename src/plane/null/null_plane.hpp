#pragma once
// A plane whose IKE sockets are real and whose packets are not: SAs and policies are only recorded.
// For load tests and for hosts where IKE alone is wanted. Needs no privilege when the ports are
// free ones.

#include <memory>

#include "plane/plane.hpp"

namespace culvert::plane {

std::unique_ptr<Plane> make_null_plane(PlaneSettings settings);

}  // namespace culvert::plane
