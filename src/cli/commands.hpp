#pragma once
// The commands of `culvert`, each one function: prints, and gives the exit status. docs/culvert.md
// tells what each prints, and the JSON of each.

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace culvert::cli {

// `name`: a child, a connection (then all its children), or "connection/child". control.cpp
Exit up(const Context& context, std::string_view name);
Exit down(const Context& context, std::string_view name, bool force);
Exit rekey(const Context& context, std::string_view name, bool reauth);
// Sends the peers of a connection to another gateway (RFC 5685).
struct RedirectWishes {
    std::string gateway{};  // an address or a domain name
    std::string peer_ip{};  // only peers there: an address, subnet or range
    std::string peer_id{};  // only peers with this identity; may be a pattern
};
Exit redirect(const Context& context, std::string_view name, const RedirectWishes& wishes);

// show.cpp
struct StatusWishes {
    std::string name{};  // only what concerns this connection
    bool all = false;    // everything in full, however long
};
Exit status(const Context& context, const StatusWishes& wishes);
Exit stats(const Context& context);
Exit leases(const Context& context);
Exit certs(const Context& context);
Exit version(const Context& context);

// Log lines: those kept, and with `follow` those to come. `peer`: only lines about it, by
// connection, address or identity; empty: all. follow.cpp
struct LogWishes {
    bool follow = false;
    std::string peer{};
};
Exit log(const Context& context, const LogWishes& wishes);
// Life-cycle events as they come, until interrupted.
Exit monitor(const Context& context);

// What the daemon's file would change, and changing it. configuration.cpp
Exit diff(const Context& context);
Exit reload(const Context& context);
// Reads a swanctl.conf without a daemon.
Exit check(const Context& context, const std::string& file);

// From here to the peer, step by step. diagnose.cpp
Exit diagnose(const Context& context, std::string_view name);

// ipsec.conf and ipsec.secrets as a swanctl.conf on standard output. import.cpp
Exit import_ipsec(const Context& context, const std::string& conf, const std::string& secrets);

// Keys and certificates for a first set-up, in the folders beside swanctl.conf. No file that is
// there is written over. pki.cpp
struct PkiWishes {
    std::vector<std::string> names;  // the first is the common name
    std::string folder = "/etc/swanctl";
    std::string out{};  // issue: the folder to write to, if not the same
    std::string organization{};
    std::string key = "ecdsa";
    long long days = 0;
};
Exit pki_authority(const Context& context, const PkiWishes& wishes);
Exit pki_issue(const Context& context, const PkiWishes& wishes);
Exit pki_show(const Context& context, const std::string& path);
Exit keygen(const Context& context, const std::string& file, const std::string& type);

}  // namespace culvert::cli
