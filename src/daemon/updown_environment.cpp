#include "daemon/updown_environment.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

constexpr std::string_view verb_up = "PLUTO_VERB=up-";
constexpr std::string_view verb_down = "PLUTO_VERB=down-";

// No sign that a careless script's shell could take for more than a letter.
std::string harmless(std::string text) {
    constexpr std::string_view signs = "@.,:/=+-_ *%";
    for (char& c : text) {
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && signs.find(c) == std::string_view::npos) { c = '_'; }
    }
    return text;
}

// The smallest subnet around a range: a script knows nothing else.
IpSubnet subnet_around(const IpRange& range) {
    for (unsigned prefix = range.first.bits(); prefix > 0; --prefix) {
        const IpSubnet subnet{range.first, prefix};
        if (subnet.contains(range.last)) { return {subnet.network(), prefix}; }
    }
    return {IpAddress::any(range.family()), 0};
}

class Builder {
 public:
    void set(std::string_view name, std::string_view value) {
        out_.push_back(fmt::format("PLUTO_{}={}", name, value));
    }
    void selector(std::string_view side, const TrafficSelector& selector) {
        const std::string who{side};
        set(who + "_CLIENT", subnet_around(selector.addresses).to_string());
        set(who + "_PORT", fmt::format("{}", selector.any_port() ? 0 : selector.port_first));
        set(who + "_PROTOCOL", fmt::format("{}", selector.protocol));
    }
    void virtual_addresses(std::string_view side, const std::vector<IpAddress>& addresses) {
        unsigned v4 = 0;
        unsigned v6 = 0;
        for (const IpAddress& address : addresses) {
            const std::string text = address.to_string();
            if (v4 + v6 == 0) { set(fmt::format("{}_SOURCEIP", side), text); }
            set(address.is_v4() ? fmt::format("{}_SOURCEIP4_{}", side, ++v4)
                                : fmt::format("{}_SOURCEIP6_{}", side, ++v6),
                text);
        }
    }
    void name_servers(const std::vector<IpAddress>& servers) {
        unsigned v4 = 0;
        unsigned v6 = 0;
        for (const IpAddress& server : servers) {
            set(server.is_v4() ? fmt::format("DNS4_{}", ++v4) : fmt::format("DNS6_{}", ++v6),
                server.to_string());
        }
    }
    Environment take() { return std::move(out_); }

 private:
    Environment out_;
};

}  // namespace

std::vector<Environment> updown_runs(const ike::IkeSaStatus& ike, const ike::ChildSaStatus& child,
                                     const ike::ChildConfig& config, const UpdownHost& host) {
    std::vector<Environment> out;
    for (const TrafficSelector& local : child.local_ts) {
        for (const TrafficSelector& remote : child.remote_ts) {
            if (local.addresses.family() != remote.addresses.family()) { continue; }
            const IpAddress& me = ike.local.address;
            const bool is_host = local.addresses == IpRange{me, me};
            Builder env;
            env.set("VERSION", "1.1");
            env.set("VERB", fmt::format("up-{}{}", is_host ? "host" : "client",
                                        local.addresses.family() == IpFamily::v6 ? "-v6" : ""));
            env.set("CONNECTION", harmless(child.name));
            env.set("INTERFACE", host.interface.empty() ? "unknown" : host.interface);
            env.set("REQID", fmt::format("{}", child.reqid.value()));
            env.set("PROTO", child.suite.protocol == IpsecProtocol::ah ? "ah" : "esp");
            env.set("UNIQUEID", fmt::format("{}", ike.unique_id));
            env.set("ME", me.to_string());
            env.set("MY_ID", harmless(ike.local_id.to_string()));
            env.selector("MY", local);
            env.virtual_addresses("MY", ike.local_vips);
            env.set("PEER", ike.remote.address.to_string());
            env.set("PEER_ID", harmless(ike.remote_id.to_string()));
            if (ike.remote_eap_id.type != ike::IdType::any) {
                env.set("XAUTH_ID", harmless(ike.remote_eap_id.to_string()));
            }
            env.selector("PEER", remote);
            env.virtual_addresses("PEER", ike.remote_vips);
            env.name_servers(host.name_servers);
            if (child.udp_encap) { env.set("UDP_ENC", fmt::format("{}", ike.remote.port)); }
            if (config.hostaccess) { env.set("HOST_ACCESS", "1"); }
            out.push_back(env.take());
        }
    }
    return out;
}

Environment for_down(Environment up) {
    for (std::string& variable : up) {
        if (variable.starts_with(verb_up)) {
            variable = std::string{verb_down} + variable.substr(verb_up.size());
        }
    }
    return up;
}

std::vector<std::string> words_of(std::string_view command) {
    std::vector<std::string> out;
    while (true) {
        const auto from = command.find_first_not_of(" \t");
        if (from == std::string_view::npos) { return out; }
        const auto to = std::min(command.find_first_of(" \t", from), command.size());
        out.emplace_back(command.substr(from, to - from));
        command.remove_prefix(to);
    }
}

}  // namespace culvert::daemon
