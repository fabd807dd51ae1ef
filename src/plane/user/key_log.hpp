#pragma once
// ESP keys in the form of tshark's esp_sa table, for builds with CULVERT_KEY_LOG only.

#include <string>

#include "ipsec_types/child_sa.hpp"

namespace culvert::plane {

#ifdef CULVERT_KEY_LOG
// Two lines, one a direction. tshark -o "uat:esp_sa:LINE" takes each.
std::string key_log_lines(const ChildSa& sa);
// Appends them to a file that only its owner can read.
void write_key_log(const std::string& path, const ChildSa& sa);
#endif

}  // namespace culvert::plane
