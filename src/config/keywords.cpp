#include "config/keywords.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace culvert::config {
namespace {

using enum SectionKind;
using enum KeywordStatus;

constexpr std::string_view no = "no|false|disabled|0";
constexpr std::string_view yes = "yes|true|enabled|1";
constexpr std::string_view zero = "0|0s|0m|0h|0d|0k";
constexpr std::string_view no_mark = "0|0/0x00000000|0x00000000/0x00000000|0/0";

constexpr std::string_view web_only = "http and https; others are warned of and not followed";
constexpr std::string_view tokens =
    "of a peer or an authority a token is not built; put the certificate into a file";
constexpr std::string_view marks =
    "the user-space plane has no netfilter marks; select by local_ts "
    "and remote_ts";
constexpr std::string_view interfaces =
    "XFRM interfaces are not built yet; select by local_ts and "
    "remote_ts";
constexpr std::string_view mediation = "the mediation extension is not built";
constexpr std::string_view v1_only = "IKEv1 only";

constexpr std::array table = std::to_array<Keyword>({
    {connection, "version", "0, 1 or 2", "0", built, {}, "1 is refused: IKEv1 is not built yet"},
    {connection, "local_addrs", "list of addresses, subnets, ranges, names", "%any", built},
    {connection, "remote_addrs", "list of addresses, subnets, ranges, names", "%any", built},
    {connection,
     "local_port",
     "500 or 4500",
     "500",
     built,
     {},
     "4500 only with a remote_port other than 500, which begins there anyway"},
    {connection, "remote_port", "port", "500", built},
    {connection, "proposals", "list of proposals", "default", built},
    {connection, "vips", "list of addresses", "", built, {}, "0.0.0.0 or :: asks for any"},
    {connection, "aggressive", "boolean", "no", no_effect, no, v1_only},
    {connection, "pull", "boolean", "yes", no_effect, yes, v1_only},
    {connection, "dscp", "6 binary digits", "000000", built},
    {connection, "encap", "boolean", "no", built, {}, "unset: see culvert_prefer_udp"},
    {connection, "mobike", "boolean", "yes", built},
    {connection, "dpd_delay", "time", "0s", built},
    {connection, "dpd_timeout", "time", "0s", no_effect, zero,
     "IKEv1 only; with IKEv2 the retransmissions decide"},
    {connection,
     "fragmentation",
     "yes, accept, no or force",
     "yes",
     built,
     {},
     "force is as yes with IKEv2"},
    {connection, "childless", "allow, prefer, force or never", "allow", built},
    {connection, "send_certreq", "boolean", "yes", built},
    {connection, "send_cert", "ifasked, always or never", "ifasked", built},
    {connection, "ocsp", "reply, request, both or never", "reply", built},
    {connection, "ppk_id", "identity", "", built, {}, "of a secret in secrets.ppk"},
    {connection, "ppk_required", "boolean", "no", built},
    {connection, "keyingtries", "number", "1", built, {}, "0: for ever"},
    {connection, "unique", "no, never, keep or replace", "no", built},
    {connection, "reauth_time", "time", "0s", built},
    {connection, "rekey_time", "time", "4h", built, {}, "0s if only reauth_time is set"},
    {connection,
     "over_time",
     "time",
     "10% of rekey_time or reauth_time",
     built,
     {},
     "of the longer one"},
    {connection,
     "rand_time",
     "time",
     "over_time",
     built,
     {},
     "at most half of rekey_time or reauth_time, the longer one, unless it is set"},
    {connection, "pools", "list of names", "", built, {}, "those of the file or of VICI"},
    {connection, "if_id_in", "number, %unique or %unique-dir", "0", refused, "0", interfaces},
    {connection, "if_id_out", "number, %unique or %unique-dir", "0", refused, "0", interfaces},
    {connection,
     "culvert_resumption",
     "boolean",
     "no",
     built,
     {},
     "not strongSwan's: tickets (RFC 5723)"},
    {connection,
     "culvert_redirect_to",
     "address or domain name",
     "",
     built,
     {},
     "not strongSwan's: clients go there once they are authenticated (RFC 5685 6)"},
    {connection,
     "culvert_tcp",
     "no, fallback or yes",
     "no",
     built,
     {},
     "not strongSwan's: IKE and ESP in TCP (RFC 9329) where we begin"},
    {connection,
     "culvert_tcp_port",
     "port",
     "4500",
     built,
     {},
     "not strongSwan's: the peer's TCP port"},
    {connection, "mediation", "boolean", "no", refused, no, mediation},
    {connection, "mediated_by", "name", "", refused, {}, mediation},
    {connection, "mediation_peer", "identity", "", refused, {}, mediation},

    {local, "round", "number", "0", built},
    {local, "certs", "list of files", "", built},
    {local, "cert<suffix>", "section", "", built},
    {local, "cert<suffix>.file", "path", "", built},
    {local, "cert<suffix>.handle", "hex", "", built, {}, "of a key in secrets.token"},
    {local, "cert<suffix>.slot", "number", "", built, {}, "that of the key counts"},
    {local, "cert<suffix>.module", "name", "", built, {}, "that of the key counts"},
    {local, "pubkeys", "list of files", "", built},
    {local,
     "auth",
     "pubkey, psk, null or eap, with constraints",
     "pubkey",
     built,
     {},
     "rsa-3072-sha256 and ike:... as in strongSwan; eap-mschapv2, eap-tls, eap-md5, eap-gtc, "
     "eap-dynamic; other EAP methods, eap-radius and xauth are refused: not built yet"},
    {local, "id", "identity", "the certificate's subject, or the local address", built},
    {local, "eap_id", "identity", "id", built, {}, "the user of EAP; %any is id"},
    {local, "aaa_id", "identity", "remote id", built, {}, "of eap-tls"},
    {local, "xauth_id", "text", "id", no_effect, {}, v1_only},

    {remote, "round", "number", "0", built},
    {remote, "id", "identity or pattern", "%any", built},
    {remote,
     "eap_id",
     "identity or pattern",
     "id",
     built,
     {},
     "asks for an EAP identity, %any for whichever; who EAP has proved must fit it"},
    {remote,
     "groups",
     "list of names",
     "",
     refused,
     {},
     "groups are not built yet; remove it, if "
     "every peer with the secret may come in"},
    {remote, "cert_policy", "list of OIDs", "", built},
    {remote, "certs", "list of files", "", built},
    {remote, "cert<suffix>", "section", "", built},
    {remote, "cert<suffix>.file", "path", "", built},
    {remote, "cert<suffix>.handle", "hex", "", refused, {}, tokens},
    {remote, "cert<suffix>.slot", "number", "", refused, {}, tokens},
    {remote, "cert<suffix>.module", "name", "", refused, {}, tokens},
    {remote, "cacerts", "list of files", "", built},
    {remote, "cacert<suffix>", "section", "", built},
    {remote, "cacert<suffix>.file", "path", "", built},
    {remote, "cacert<suffix>.handle", "hex", "", refused, {}, tokens},
    {remote, "cacert<suffix>.slot", "number", "", refused, {}, tokens},
    {remote, "cacert<suffix>.module", "name", "", refused, {}, tokens},
    {remote, "ca_id", "identity", "", built},
    {remote, "pubkeys", "list of files", "", built},
    {remote, "revocation", "relaxed, ifuri or strict", "relaxed", built},
    {remote,
     "auth",
     "pubkey, psk, null or eap, with constraints",
     "pubkey",
     built,
     {},
     "rsa-3072-sha256 and ike:... as in strongSwan; eap-mschapv2, eap-tls, eap-md5, eap-gtc, "
     "eap-dynamic; other EAP methods, eap-radius and xauth are refused: not built yet"},

    {child, "ah_proposals", "list of proposals", "", built},
    {child, "esp_proposals", "list of proposals", "default", built},
    {child, "sha256_96", "boolean", "no", built},
    {child, "local_ts", "list of selectors", "dynamic", built},
    {child, "remote_ts", "list of selectors", "dynamic", built},
    {child, "rekey_time", "time", "1h, or life_time - 10%", built},
    {child, "life_time", "time", "rekey_time + 10%", built},
    {child, "rand_time", "time", "life_time - rekey_time", built},
    {child, "rekey_bytes", "octets", "0, or life_bytes - 10%", built},
    {child, "life_bytes", "octets", "rekey_bytes + 10%", built},
    {child, "rand_bytes", "octets", "life_bytes - rekey_bytes", built},
    {child, "rekey_packets", "number", "0, or life_packets - 10%", built},
    {child, "life_packets", "number", "rekey_packets + 10%", built},
    {child, "rand_packets", "number", "life_packets - rekey_packets", built},
    {child,
     "updown",
     "command",
     "",
     built,
     {},
     "a program with its full path and arguments; no shell reads it"},
    {child, "hostaccess", "boolean", "no", built, {}, "only a word to the updown script"},
    {child,
     "mode",
     "tunnel, transport, pass or drop",
     "tunnel",
     built,
     {},
     "transport_proxy, beet and iptfs are refused: not built"},
    {child, "policies", "boolean", "yes", built},
    {child, "policies_fwd_out", "boolean", "no", no_effect, no,
     "the user-space plane has no such policies, and forwards without them"},
    {child, "dpd_action", "clear, trap or start", "clear", built},
    {child, "ipcomp", "boolean", "no", warned, no, "packets travel uncompressed"},
    {child, "inactivity", "time", "0s", built},
    {child, "reqid", "number", "0", built},
    {child, "priority", "number", "0", built},
    {child,
     "interface",
     "name",
     "",
     refused,
     {},
     "policies for one interface are not built; remove it, if they may hold on all"},
    {child, "mark_in", "mark[/mask], %unique or %unique-dir", "0/0x00000000", refused, no_mark,
     marks},
    {child, "mark_in_sa", "boolean", "no", refused, no, marks},
    {child, "mark_out", "mark[/mask], %unique or %unique-dir", "0/0x00000000", refused, no_mark,
     marks},
    {child, "set_mark_in", "mark[/mask] or %same", "0/0x00000000", refused, no_mark, marks},
    {child, "set_mark_out", "mark[/mask] or %same", "0/0x00000000", refused, no_mark, marks},
    {child, "if_id_in", "number, %unique or %unique-dir", "0", refused, "0", interfaces},
    {child, "if_id_out", "number, %unique or %unique-dir", "0", refused, "0", interfaces},
    {child, "label", "text", "", refused, {}, "security labels are not built"},
    {child, "label_mode", "system, simple or selinux", "system", refused, "system",
     "security labels are not built"},
    {child,
     "tfc_padding",
     "number or mtu",
     "0",
     built,
     {},
     "octets that inner packets are filled up to; tunnel mode of ESP"},
    {child, "replay_window", "number", "1024", built, {}, "strongSwan's default is 32"},
    {child, "per_cpu_sas", "no, yes or encap", "no", built},
    {child, "hw_offload", "no, crypto, packet or auto", "no", warned, "no|auto",
     "the user-space plane computes by itself"},
    {child, "copy_df", "boolean", "yes", built},
    {child, "copy_ecn", "boolean", "yes", built},
    {child, "copy_dscp", "out, in, yes or no", "out", built},
    {child,
     "culvert_outer_df",
     "copy, set or clear",
     "copy",
     built,
     {},
     "not strongSwan's: DF of outer IPv4 headers in tunnel mode, whatever copy_df says; with set, "
     "inner packets that do not fit and may be fragmented are fragmented before ESP"},
    {child,
     "culvert_outer_dscp",
     "6 binary digits",
     "",
     built,
     {},
     "not strongSwan's: DSCP of all packets that leave in tunnel mode, in place of what copy_dscp "
     "would copy"},
    {child,
     "culvert_keep_up",
     "boolean",
     "no",
     built,
     {},
     "not strongSwan's: brought up whenever it does not stand, for ever, with growing waits "
     "between "
     "tries that fail; `down` ends that until `up`"},
    {child, "icmp", "boolean", "no", warned, no,
     "ICMP errors from outside the selectors are not forwarded"},
    {child, "start_action", "none, trap, start or trap|start", "none", built},
    {child, "close_action", "none, trap or start", "none", built},

    {secret, "eap<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "eap<suffix>.id<suffix>", "identity", "anybody", built},
    {secret,
     "ntlm<suffix>.secret",
     "text, 0x hex or 0s base64",
     "",
     built,
     {},
     "the 16 octets of the NT hash"},
    {secret, "ntlm<suffix>.id<suffix>", "identity", "anybody", built},
    {secret, "ike<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "ike<suffix>.id<suffix>", "identity", "anybody", built},
    {secret, "ppk<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "ppk<suffix>.id<suffix>", "identity", "", built},
    {secret, "private<suffix>.file", "file in private", "", built},
    {secret, "private<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "rsa<suffix>.file", "file in rsa", "", built},
    {secret, "rsa<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "ecdsa<suffix>.file", "file in ecdsa", "", built},
    {secret, "ecdsa<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "pkcs8<suffix>.file", "file in pkcs8", "", built},
    {secret, "pkcs8<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "pkcs12<suffix>.file", "file in pkcs12", "", built},
    {secret, "pkcs12<suffix>.secret", "text, 0x hex or 0s base64", "", built},
    {secret, "token<suffix>.handle", "hex", "", built},
    {secret, "token<suffix>.slot", "number", "", built},
    {secret,
     "token<suffix>.module",
     "name",
     "",
     built,
     {},
     "of charon.plugins.pkcs11.modules, or the path of a library"},
    {secret, "token<suffix>.pin", "text", "", built},

    {pool,
     "addrs",
     "subnet or range",
     "",
     built,
     {},
     "a subnet without its first and last address"},
    {pool,
     "<attr>",
     "list",
     "",
     built,
     {},
     "dns, nbns, dhcp, netmask, server, subnet, p_cscf, split_include, split_exclude, or a number"},

    {authority, "cacert", "file in x509ca", "", built},
    {authority, "file", "path", "", built},
    {authority, "handle", "hex", "", refused, {}, tokens},
    {authority, "slot", "number", "", refused, {}, tokens},
    {authority, "module", "name", "", refused, {}, tokens},
    {authority,
     "crl_uris",
     "list of URIs",
     "",
     built,
     {},
     "http and https; a file:///path is read when the configuration is; others are warned of and "
     "not followed"},
    {authority, "ocsp_uris", "list of URIs", "", built, {}, web_only},
    {authority, "cert_uri_base", "URI", "", built, {}, "with charon.hash_and_url"},
});

bool equal_words(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "cert<suffix>" fits "cert", "cert-2"; "ike<suffix>.id<suffix>" fits "ike-moon.id1".
bool fits(std::string_view pattern, std::string_view word) {
    constexpr std::string_view suffix = "<suffix>";
    const auto open = pattern.find(suffix);
    if (open == std::string_view::npos) { return pattern == word; }
    if (!word.starts_with(pattern.substr(0, open))) { return false; }
    const std::string_view rest = pattern.substr(open + suffix.size());
    if (rest.empty()) { return true; }
    // What follows begins with a dot; the last one in the word is it.
    const auto dot = word.rfind('.');
    return dot != std::string_view::npos && fits(rest, word.substr(dot));
}

}  // namespace

std::span<const Keyword> keywords() { return table; }

const Keyword* find_keyword(SectionKind section, std::string_view name) {
    const Keyword* found = nullptr;
    for (const Keyword& keyword : table) {
        if (keyword.section != section) { continue; }
        if (keyword.name == name) { return &keyword; }
        if (found == nullptr && (keyword.name == "<attr>" || fits(keyword.name, name))) {
            found = &keyword;
        }
    }
    return found;
}

std::vector<std::string_view> names_of(SectionKind section) {
    std::vector<std::string_view> out;
    for (const Keyword& keyword : table) {
        if (keyword.section == section && !keyword.name.contains('<')) {
            out.push_back(keyword.name);
        }
    }
    return out;
}

std::string_view name(SectionKind section) {
    switch (section) {
        case connection: return "connections.<conn>";
        case local: return "connections.<conn>.local<suffix>";
        case remote: return "connections.<conn>.remote<suffix>";
        case child: return "connections.<conn>.children.<child>";
        case secret: return "secrets";
        case pool: return "pools.<name>";
        case authority: return "authorities.<name>";
    }
    return "";
}

std::string_view name(KeywordStatus status) {
    switch (status) {
        case built: return "built";
        case refused: return "refused";
        case warned: return "warning";
        case no_effect: return "no effect";
    }
    return "";
}

bool is_harmless(const Keyword& keyword, std::string_view value) {
    std::string_view left = keyword.harmless;
    while (!left.empty()) {
        const auto bar = left.find('|');
        if (equal_words(left.substr(0, bar), value)) { return true; }
        left = bar == std::string_view::npos ? std::string_view{} : left.substr(bar + 1);
    }
    return false;
}

}  // namespace culvert::config
