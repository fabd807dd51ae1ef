#pragma once

#include <cstddef>

namespace culvert::ike {

constexpr std::size_t identity_size_max = 8192;      // octets of an identity given as text
constexpr std::size_t distinguished_names_max = 64;  // attributes in one DN
constexpr std::size_t oid_arcs_max = 32;

}  // namespace culvert::ike
