#pragma once
// The VICI listening socket: taking over what a dead daemon left, refusing what a live one has.

#include <string>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"
#include "vici/uri.hpp"

namespace culvert::daemon {

// Mode 0660, non-blocking. address_in_use, permission, system.
Result<plane::FileDescriptor> listen_on(const vici::Uri& uri);

Error vici_socket_in_use(const vici::Uri& uri);

// "pid 123, uid 0, gid 0" of a Unix client; the address of a TCP one.
std::string describe_peer(int descriptor);

}  // namespace culvert::daemon
