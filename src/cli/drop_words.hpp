#pragma once
// Why packets went no further, as operators say it. The packet engine counts under names of its own
// (ipsec/drop_reason); a unit test holds that each has its words.

#include <string_view>

namespace culvert::cli {

// What "inbound_replay" means; empty for what is no reason for a drop.
std::string_view drop_words(std::string_view counter);

// What an operator can do about it; empty where it is no trouble, or the words say all.
std::string_view drop_remedy(std::string_view counter);

}  // namespace culvert::cli
