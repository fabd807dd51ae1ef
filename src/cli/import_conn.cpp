#include "cli/import_conn.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/import_auth.hpp"
#include "cli/import_words.hpp"

namespace culvert::cli {
namespace {

// Keywords without a counterpart, and without need of one: not worth a word.
constexpr std::array<std::string_view, 11> of_no_matter{
    "leftnexthop",      "rightnexthop",   "pfs",          "rightsendcert",
    "leftrsasigkey",    "rightrsasigkey", "dpdtimeout",   "ikepad",
    "nat-ikev1-method", "leftallowany",   "rightfirewall"};

// Times of ipsec.conf: seconds, or with s, m, h, d; swanctl has the same.
std::optional<std::string> time_of(std::optional<std::string> text) {
    if (text && text->ends_with("ms")) { return std::nullopt; }
    return text;
}

std::string addresses_of(const std::optional<std::string>& text) {
    if (!text || text->starts_with('%') || *text == "0.0.0.0" || *text == "::") { return "%any"; }
    return joined_words(*text);
}

// "17/1701" and "tcp/%any" as the bracket of a selector.
std::string protocol_of(const std::optional<std::string>& text) {
    if (!text || *text == "%any") { return {}; }
    const auto slash = text->find('/');
    const std::string port = slash == std::string::npos ? "" : text->substr(slash + 1);
    return fmt::format("[{}{}]", text->substr(0, slash),
                       port.empty() || port == "%any" || port == "0" ? "" : "/" + port);
}

void write_selectors(IpsecConn& conn, SwanctlWriter& out, const std::string& side,
                     std::string_view key) {
    const auto subnets = conn.take_any({(side + "subnet").c_str(), (side + "subnets").c_str()});
    const std::string protocol = protocol_of(conn.take(side + "protoport"));
    std::vector<std::string> selectors;
    for (std::string& one : words_of(subnets.value_or(""))) {
        if (one.starts_with("vhost:") || one.starts_with("vnet:") || one.starts_with("%priv")) {
            out.look_at(
                fmt::format("{}subnet = {}: a peer that gets an address from a pool needs "
                            "none; else name its subnets",
                            side, one));
            continue;
        }
        if (one == "%no") { continue; }
        if (one == "%dynamic") { one = "dynamic"; }
        selectors.push_back(one.find('[') == std::string::npos ? one + protocol : one);
    }
    if (selectors.empty() && !protocol.empty()) { selectors.push_back("dynamic" + protocol); }
    out.set_list(key, selectors);
}

void write_proposals(IpsecConn& conn, SwanctlWriter& out) {
    const std::string phase2 = conn.take("phase2").value_or("esp");
    const auto esp = conn.take_any({"phase2alg", "esp"});
    const auto ah = conn.take("ah");
    if (esp && phase2 == "ah") {
        out.set("ah_proposals", proposals_of(*esp, ImportedProposal::esp));
    } else if (esp) {
        out.set("esp_proposals", proposals_of(*esp, ImportedProposal::esp));
    }
    if (ah) { out.set("ah_proposals", proposals_of(*ah, ImportedProposal::esp)); }
    // Libreswan adds the group of IKE by itself; swanctl.conf says it.
    const std::string all = esp.value_or("") + ah.value_or("");
    const bool names_group =
        all.find("modp") != std::string::npos || all.find("dh") != std::string::npos ||
        all.find("ecp") != std::string::npos || all.find("curve") != std::string::npos;
    if (conn.has("pfs") && is_yes(*conn.take("pfs")) && !names_group) {
        out.look_at(
            "pfs = yes: add the group of proposals to esp_proposals, if the peer asks for "
            "it at a rekey");
    }
}

void write_lifetimes(IpsecConn& conn, SwanctlWriter& out) {
    out.set("life_time", time_of(conn.take_any({"salifetime", "keylife", "lifetime"})));
    out.set("life_bytes", conn.take_any({"lifebytes", "ipsec-max-bytes"}));
    out.set("life_packets", conn.take_any({"lifepackets", "ipsec-max-packets"}));
    out.set("inactivity", time_of(conn.take("inactivity")));
    if (const auto rekey = conn.take("rekey"); rekey && !is_yes(*rekey)) {
        out.look_at(
            "rekey = no: set rekey_time = 0 for connection and child if the peer alone is "
            "to rekey");
    }
}

void write_child(IpsecConn& conn, SwanctlWriter& out) {
    out.open("children");
    out.open(conn.name());
    const std::string type = conn.take("type").value_or("tunnel");
    if (type == "passthrough" || type == "pass") {
        out.set("mode", "pass");
    } else if (type == "drop" || type == "reject") {
        out.set("mode", "drop");
    } else if (type != "tunnel") {
        out.set("mode", type);
    }
    if (conn.has("leftsubnets") || conn.has("rightsubnets")) {
        out.look_at(
            "leftsubnets, rightsubnets: Libreswan makes a Child SA of each pair of networks, this "
            "child one of all; with a peer that takes one pair each, write a child for each");
    }
    write_selectors(conn, out, "left", "local_ts");
    write_selectors(conn, out, "right", "remote_ts");
    write_proposals(conn, out);
    write_lifetimes(conn, out);
    for (const auto& [from, to] :
         {std::pair{"auto", "start_action"}, std::pair{"dpdaction", "dpd_action"},
          std::pair{"closeaction", "close_action"}}) {
        const auto action = conn.take(from);
        if (action && action_of(*action) != "none") { out.set(to, action_of(*action)); }
        if (action == "restart_by_peer") {
            out.look_at(
                "dpdaction = restart_by_peer: this connection is brought up anew, but not the "
                "others of the same peer");
        }
    }
    if (const auto firewall = conn.take("leftfirewall"); firewall && is_yes(*firewall)) {
        out.left_out(fmt::format(
            "conn {}: leftfirewall = yes: let the tunnel's packets through yourself, or name a "
            "script in updown that does",
            conn.name()));
    }
    out.set("reqid", conn.take("reqid"));
    out.set("replay_window", conn.take_any({"replay-window", "replay_window"}));
    if (const auto compress = conn.take("compress"); compress && is_yes(*compress)) {
        out.set("ipcomp", "yes");
    }
    if (const auto esn = conn.take("esn"); esn && !is_yes(*esn)) {
        out.look_at(fmt::format("esn = {}: end each of esp_proposals with {}", *esn,
                                *esn == "either" ? "-esn-noesn" : "-noesn"));
    }
    const auto script = conn.take_any({"rightupdown", "leftupdown"});
    if (script && !script->empty() && *script != "%disabled") {
        out.set("updown", script);
        if (!script->starts_with('/')) {
            out.look_at("updown: it is started with its full path, without a shell");
        }
    }
    out.close();
    out.close();
}

std::string version_of(IpsecConn& conn) {
    const std::string keyexchange = conn.take("keyexchange").value_or("");
    const std::string ikev2 = conn.take("ikev2").value_or("");
    if (keyexchange == "ikev1" || ikev2 == "no" || ikev2 == "never") { return "1"; }
    return "2";
}

void write_addresses(IpsecConn& conn, SwanctlWriter& out) {
    out.set("local_addrs", addresses_of(conn.take("left")));
    out.set("remote_addrs", addresses_of(conn.take("right")));
    out.set("local_port", conn.take_any({"leftikeport"}));
    out.set("remote_port", conn.take_any({"rightikeport"}));
    if (const auto source = conn.take("leftsourceip")) {
        std::vector<std::string> vips;
        for (const std::string& one : words_of(*source)) {
            vips.push_back(!one.starts_with('%') ? one : one == "%config6" ? "::" : "0.0.0.0");
        }
        out.set_list("vips", vips);
        if (!source->starts_with('%')) {
            out.look_at("leftsourceip = " + *source +
                        ": with strongSwan a wish for that virtual address; with Libreswan the "
                        "source of own packets, and then remove vips");
        }
    }
    if (const auto pools = conn.take_any({"rightaddresspool", "rightsourceip"})) {
        out.set_list("pools", pool_names(conn.name(), *pools));
    }
    // They are written with the pool.
    conn.take_any({"modecfgdns", "rightdns", "modecfgdns1", "modecfgdns2"});
}

// Its own words for what strongSwan has too.
bool is_of_libreswan(const IpsecConn& conn) {
    constexpr std::array words{"ikev2",       "phase2alg",     "salifetime",    "rightaddresspool",
                               "leftsubnets", "rightsubnets",  "encapsulation", "leftrsasigkey",
                               "modecfgdns",  "rightrsasigkey"};
    return std::ranges::any_of(words, [&](const char* word) { return conn.has(word); });
}

// dpdaction = none is its end; without a delay it is that of the starter.
void write_dpd(IpsecConn& conn, SwanctlWriter& out) {
    const auto delay = time_of(conn.take("dpddelay"));
    const auto action = conn.value("dpdaction");
    if (action == "none") { return; }
    out.set("dpd_delay", delay ? delay : action ? std::optional<std::string>{"30s"} : std::nullopt);
}

void write_ike(IpsecConn& conn, SwanctlWriter& out, bool of_libreswan) {
    if (const auto ike = conn.take("ike")) {
        out.set("proposals", proposals_of(*ike, ImportedProposal::ike));
    }
    write_dpd(conn, out);
    if (const auto encap = conn.take_any({"forceencaps", "encapsulation"});
        encap && *encap != "auto") {
        out.set("encap", is_yes(*encap) ? "yes" : "no");
    }
    if (const auto mobike = conn.take("mobike")) {
        out.set("mobike", is_yes(*mobike) ? "yes" : "no");
    }
    out.set("fragmentation", conn.take("fragmentation"));
    if (const auto tries = conn.take("keyingtries")) {
        out.set("keyingtries", *tries == "%forever" ? "0" : *tries);
    } else {
        // The defaults of Libreswan and of strongSwan's starter; swanctl's is 1.
        out.set("keyingtries", of_libreswan ? "0" : "3");
    }
    if (const auto sends = conn.take("leftsendcert")) {
        const bool always = *sends == "always" || *sends == "yes" || *sends == "forced";
        const bool never = *sends == "never" || *sends == "no";
        if (always || never) { out.set("send_cert", always ? "always" : "never"); }
    }
    const auto lifetime = time_of(conn.take("ikelifetime"));
    const auto reauth = conn.take("reauth");
    // strongSwan's starter reauthenticates unless told otherwise; swanctl and Libreswan rekey.
    if (lifetime) {
        const bool again = reauth && is_yes(*reauth);
        out.set(again ? "reauth_time" : "rekey_time", lifetime);
    }
    if (const auto aggressive = conn.take_any({"aggressive", "aggrmode"})) {
        out.set("aggressive", is_yes(*aggressive) ? "yes" : "no");
    }
}

}  // namespace

void write_conn(IpsecConn conn, SwanctlWriter& out) {
    out.open(conn.name());
    const bool of_libreswan = is_of_libreswan(conn);
    out.set("version", version_of(conn));
    // Nobody knows what it would have asked of the peer: the keyword is one that is refused.
    for (const std::string& other : conn.missing()) {
        out.look_at(
            fmt::format("conn {} takes over {}, which is not there; it is not loaded before "
                        "that is settled",
                        conn.name(), other));
        out.set("also", other);
    }
    // Who is who is read of both before anything is taken.
    Sides sides{conn};
    write_addresses(conn, out);
    write_ike(conn, out, of_libreswan);
    sides.write(conn, out);
    write_child(conn, out);
    for (const auto& [key, value] : conn.rest()) {
        if (std::ranges::find(of_no_matter, key) == of_no_matter.end()) {
            out.left_out(fmt::format("conn {}: {} = {}", conn.name(), key, value));
        }
    }
    out.close();
}

}  // namespace culvert::cli
