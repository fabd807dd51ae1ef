#pragma once
// The words of ipsec.conf in those of swanctl.conf.

#include <string>
#include <string_view>
#include <vector>

namespace culvert::cli {

enum class ImportedProposal : unsigned char { ike, esp };

// "aes_gcm256-sha2_512;dh21,aes256-sha2" (Libreswan) and "aes256-sha256-modp2048!" (strongSwan) as
// a list of proposals. Words that are nobody's stay, for the check to name.
std::string proposals_of(std::string_view text, ImportedProposal kind);

// none, trap or start.
std::string action_of(std::string_view text);
bool is_yes(std::string_view text);
// A pool for each of the addresses of rightsourceip: the conn's name, then with "-2"...
std::vector<std::string> pool_names(const std::string& conn, std::string_view pools);
// Without the "@" that keeps a resolver away from it.
std::string identity_of(std::string text);

}  // namespace culvert::cli
