#pragma once

#include <string_view>

namespace culvert::daemon {

// Culvert's own version; the build sets it from the project's.
#ifdef CULVERT_VERSION
constexpr std::string_view version = CULVERT_VERSION;
#else
constexpr std::string_view version = "0";
#endif

// What `version` says to VICI clients that read it as strongSwan's: the generation of the protocol
// that we speak. Some refuse to work below 5.4.
constexpr std::string_view vici_version = "6.0.0";

}  // namespace culvert::daemon
