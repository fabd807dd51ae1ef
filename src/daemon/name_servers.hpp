#pragma once
// The name servers that peers gave us, in this host's resolv.conf as long as their IKE SAs stand.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

// resolv.conf with these servers in front of all others, in lines that we know again; ours of
// before are left out. Nothing else of the text changes. With no servers it is the text without us.
std::string with_name_servers(std::string_view resolv_conf, const std::vector<IpAddress>& servers);

class NameServerBook {
 public:
    // An empty path: nothing is written.
    explicit NameServerBook(std::string path) : path_(std::move(path)) {}

    // Also after a crash: what an earlier daemon left is taken out. permission or system when the
    // file cannot be written.
    Status clear();
    // Those of a split domain (RFC 8598) are for that domain only, which resolv.conf cannot say:
    // they are kept for scripts, and not written.
    Status use(const ike::NameServers& what, bool wanted);
    // For updown scripts.
    std::vector<IpAddress> of(std::string_view connection) const;

 private:
    Status write() const;

    std::string path_;
    std::vector<ike::NameServers> in_use_;  // the newest first
};

}  // namespace culvert::daemon
