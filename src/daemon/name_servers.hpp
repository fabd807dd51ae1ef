#pragma once
// The name servers that peers gave us, in use on this host as long as their IKE SAs stand: in a
// resolv.conf, or by the program that sees to it.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "daemon/host_resolver.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

// resolv.conf with these servers in front of all others, in lines that we know again; ours of
// before are left out. Nothing else of the text changes. With no servers it is the text without us.
std::string with_name_servers(std::string_view resolv_conf, const std::vector<IpAddress>& servers);

class NameServerBook {
 public:
    using Run = std::function<void(Program)>;

    // An empty path: nothing is written.
    explicit NameServerBook(std::string path) : path_(std::move(path)) {}
    // Instead of a file.
    void hand_to(HostResolver resolver, Run run) {
        resolver_ = std::move(resolver);
        run_ = std::move(run);
    }

    // Also after a crash: what an earlier daemon left is taken out. permission or system when the
    // file cannot be written.
    Status clear();
    // Each word that they are wanted is taken back by one that they are not: with a new IKE SA in
    // the place of an old one the same servers are wanted twice for a while. Those of a split
    // domain (RFC 8598) are for that domain only, which resolv.conf and resolvconf cannot say: they
    // are kept for scripts, and not written.
    Status use(const ike::NameServers& what, bool wanted);
    // Whether all of it is used here.
    bool serves(const ike::NameServers& what) const;
    // For updown scripts.
    std::vector<IpAddress> of(std::string_view connection) const;

 private:
    struct InUse {
        ike::NameServers what;
        std::size_t times = 0;  // IKE SAs that gave them
    };
    Status write() const;
    std::vector<ike::NameServers> all() const;

    std::string path_;
    std::optional<HostResolver> resolver_;
    Run run_;
    std::vector<InUse> in_use_;  // the newest first
};

}  // namespace culvert::daemon
