#pragma once
// Which process has a UDP port, so that "in use" can name it.

#include <cstdint>
#include <string>

namespace culvert::plane {

// "charon (pid 123)", or empty: nobody, or not ours to see.
std::string holder_of_udp_port(std::uint16_t port);

}  // namespace culvert::plane
