#pragma once

#include <cstdint>

#include "base/strong.hpp"

namespace culvert::ike {

// One side's half of what names an IKE SA (RFC 7296 3.1). Host order. 0: not known yet.
using IkeSpi = Strong<struct IkeSpiTag, std::uint64_t>;

// RFC 7296 2.2.
using MessageId = Strong<struct MessageIdTag, std::uint32_t>;

}  // namespace culvert::ike
