#pragma once
// Who proves what how: the sides of a conn of ipsec.conf as local and remote sections. What cannot
// be carried over is written so that the connection is refused until somebody has looked at it:
// one that asks for less than before lets in whom it should not.

#include <optional>
#include <string>

#include "cli/ipsec_conf.hpp"
#include "cli/swanctl_writer.hpp"

namespace culvert::cli {

class Sides {
 public:
    // Reads what both sides need, and leaves it there.
    explicit Sides(const IpsecConn& conn);

    // Writes local, remote, and the second round of each where there is one.
    void write(IpsecConn& conn, SwanctlWriter& out);

 private:
    // "left", "" and "local"; "right", "2" and "remote-2".
    struct Round {
        std::string side;
        std::string suffix;
        std::string as;
    };
    void write_round(IpsecConn& conn, SwanctlWriter& out, const Round& round);
    // Whether it is EAP.
    bool write_auth(IpsecConn& conn, SwanctlWriter& out, const Round& round) const;
    void write_id(IpsecConn& conn, SwanctlWriter& out, const Round& round) const;
    void write_authority(IpsecConn& conn, SwanctlWriter& out, const Round& round) const;

    std::string authby_;
    std::optional<std::string> peer_;       // right, where it is one host
    std::optional<std::string> authority_;  // leftca
    std::optional<std::string> user_;       // eap_identity
};

}  // namespace culvert::cli
