#pragma once
// One conn of ipsec.conf as a connection of swanctl.conf.

#include "cli/ipsec_conf.hpp"
#include "cli/swanctl_writer.hpp"

namespace culvert::cli {

// Everything of it: what has no counterpart as a comment and a note.
void write_conn(IpsecConn conn, SwanctlWriter& out);

}  // namespace culvert::cli
