#pragma once
// VICI's answers as people read them: an SA in a few lines, one paragraph for an error.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "vici/message.hpp"

namespace culvert::cli {

// Colours for a terminal, none for a pipe.
class Style {
 public:
    explicit Style(bool coloured) : coloured_(coloured) {}
    std::string good(std::string_view text) const { return painted("32", text); }
    std::string bad(std::string_view text) const { return painted("31", text); }

 private:
    std::string painted(std::string_view colour, std::string_view text) const {
        if (!coloured_) { return std::string{text}; }
        return std::string{"\x1b["}.append(colour).append("m").append(text).append("\x1b[0m");
    }
    bool coloured_;
};

// One IKE SA of a list-sa event with its children, indented below a heading.
std::string render_sa(const vici::Message& sa, const Style& style);

// The list-sa event of the IKE SA of this connection that has this child; either may be empty.
const vici::Message* sa_of(const std::vector<vici::Message>& sas, std::string_view ike,
                           std::string_view child);

// "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384", of an IKE or a Child SA.
// How long an IKE SA has been up, in seconds; null: it was never up. strongSwan has no word of it
// while it is rekeyed or closed.
const std::string* up_for(const vici::Section& ike);
// By their states: up, whatever else goes on with it.
bool ike_is_up(const vici::Section& ike);
bool child_is_up(const vici::Section& child);

std::string suite_of(const vici::Section& sa);

// What was negotiated, for `culvert up`.
std::string render_up(const vici::Message& sa, std::string_view name, const Style& style);

// ", refused by us", ", refused by peer", or nothing: who did not answer has refused nothing.
std::string refused_by(const vici::Section& failure);

// Three lines: what was wanted, what came, what to do.
std::string render_error(std::string_view what, const Error& error);
// The error that an answer {success = no} tells of.
Error error_of(const vici::Message& answer);

// "1 h 4 min", "12 s", "3 d 2 h".
std::string duration(std::string_view seconds);
// "1.4 MB".
std::string octets(std::string_view count);

}  // namespace culvert::cli
