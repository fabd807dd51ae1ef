#pragma once
// VICI's answers as people read them: one screen for `status`, one paragraph for an error.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "vici/message.hpp"

namespace culvert::cli {

// What `status` shows: the answers of culvert-status, list-conns and list-sas.
struct StatusParts {
    vici::Message daemon;
    std::vector<vici::Message> connections;
    std::vector<vici::Message> sas;
};
std::string render_status(const StatusParts& parts);

// One IKE SA of a list-sa event with its children, indented below a heading.
std::string render_sa(const vici::Message& sa);

// What was negotiated, for `culvert up`: of the IKE SA that has this child (or, of that name).
std::string render_up(const std::vector<vici::Message>& sas, std::string_view ike,
                      std::string_view child);

// Three lines: what was wanted, what came, what to do.
std::string render_error(std::string_view what, const Error& error);
// The error that an answer {success = no} tells of.
Error error_of(const vici::Message& answer);

// "1 h 4 min", "12 s", "3 d 2 h".
std::string duration(std::string_view seconds);
// "1.4 MB".
std::string octets(std::string_view count);

}  // namespace culvert::cli
