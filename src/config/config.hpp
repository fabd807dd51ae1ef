#pragma once
// From swanctl.conf, or from VICI messages, to the typed configuration. The two ways meet in
// vici::Section:
//
//     text --parse_file--> Tree --load--> Loaded          (culvertd at start, `culvert check`)
//     VICI load-conn ------------> load_connection        (swanctl, dashboards)
//     VICI load-shared ----------> load_shared
//
// Nothing that was not understood is silent: it is a Problem with file, line, and what to do.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "config/tree.hpp"
#include "ike/connection.hpp"
#include "vici/message.hpp"

namespace culvert::config {

struct Problem {
    enum class Severity : std::uint8_t { error, warning, info };

    Severity severity = Severity::error;
    Place place;         // no file: came by VICI
    std::string path;    // "connections.home.children.net.esp_proposals"
    std::string what;    // what is wrong
    std::string remedy;  // what to do; may be empty
    // A file, a folder or "secrets.<token>" of which no certificate, key or list comes.
    std::string unusable{};

    // "swanctl.conf:12: error: connections.home.version: ... To fix it: ..."
    std::string to_string() const;
};
using Problems = std::vector<Problem>;

bool has_errors(const Problems& problems);
// The errors (or, without one, the warnings) in one Error, for an answer to a client.
Error as_error(const Problems& problems);

// A place where the log goes besides the one that --log names: strongswan.conf's filelog, syslog
// and journal. Levels are strongSwan's, -1 to 4, by its groups and "default".
struct LogOutput {
    enum class Kind : std::uint8_t { file, standard_error, system_log, journal };

    Kind kind = Kind::file;
    std::string name;  // the file's path, or the facility
    std::map<std::string, int, std::less<>> levels{};
    bool append = true;  // to a file that is there

    friend bool operator==(const LogOutput&, const LogOutput&) = default;
};

// Settings of the daemon that the engine has no use for: strongswan.conf's charon section and
// nothing else (culvertd's options come above it). Unset: the daemon's default.
// charon.culvert_xdp_mode: how interfaces of culvert_xdp are to be served.
enum class XdpMode : std::uint8_t { automatic, zerocopy, copy, skb };

struct DaemonSettings {
    // charon.plugins.pkcs11.modules.<name>.path, by name.
    std::map<std::string, std::string, std::less<>> token_modules;
    std::optional<bool> install_routes;
    std::optional<std::uint32_t> routing_table;
    std::optional<std::uint32_t> routing_table_prio;
    std::optional<unsigned> threads;
    std::optional<unsigned> engines;  // of the key exchange, each with a thread; a power of two
    std::optional<unsigned> init_limit_half_open;  // also in engine settings, as half_open_max
    std::optional<bool> install_virtual_ip;
    std::optional<bool> tcp_listen;  // for IKE over TCP (RFC 9329)
    std::optional<std::uint16_t> tcp_port;
    std::optional<bool> crash_tokens;  // of quick crash detection (RFC 6290)
    std::optional<std::uint32_t> mtu;  // of the TUN device
    std::optional<std::uint32_t> mss;  // that TCP of this host announces through the tunnel
    // Between tries to find the address of a name; 0: never again.
    std::optional<std::chrono::seconds> retry_initiate_interval;
    bool dns_handler = false;   // updown scripts see to name servers, and nobody else
    bool hand_over_dns = true;  // to systemd-resolved or resolvconf (plugins.resolve.load)
    std::string resolv_conf;  // to write peers' name servers to (plugins.resolve.file); empty: none
    std::vector<std::string> xdp_interfaces;  // whose ESP goes by AF_XDP
    std::optional<XdpMode> xdp_mode;
    std::vector<LogOutput> logs;
    // What peers with a virtual address are told besides what their pool says (dns1, plugins.attr).
    std::vector<ike::PoolAttribute> attributes;
};

// secrets.token<suffix>: a private key that stays on a token.
struct TokenKey {
    std::string section;
    std::string handle;  // hex
    std::optional<std::uint32_t> slot;
    std::string module;  // a name of token_modules, or the path of a library; empty: p11-kit's
    Secret pin;
    Place place;
};

// Children with mode = pass or drop are in their connection like all others (ChildMode::pass,
// ChildMode::drop); the daemon installs those with start_action = trap.
struct Loaded {
    ike::Config config;
    DaemonSettings daemon;
    std::vector<TokenKey> tokens;  // still to be opened: open_tokens, once all settings are there
    Problems problems;
    // The files and tokens of which certificates, keys and lists have come, named as in Problem.
    std::set<std::string> usable;
    // Each error is of one setting, connection, secret, pool or authority, which `config` does not
    // have.
    bool rest_is_sound = true;
    bool settings_are_sound = true;  // those of charon

    bool ok() const { return !has_errors(problems); }
};

// Types everything in the tree. What has no error is in `config` even where something else has one;
// whether to use it then is the caller's choice (culvertd does at its start, and not at a reload).
Loaded load(const Tree& tree);

// What of this gave something at an earlier load and now cannot be used: a reload that went on
// would drop it. Nothing, if all is well.
Problems lost_credentials(const std::set<std::string>& usable_before, const Problems& problems);

// Opens the tokens, whose keys, and certificates of the same id, join `config.credentials`. What
// does not open is a warning: it may be nobody's. Main thread only, as crypto/token is.
void open_tokens(Loaded& loaded);

struct OpenedToken {
    crypto::PrivateKey key;
    std::optional<ike::TokenCertificate> certificate;
};
Result<OpenedToken> open_token(const TokenKey& token, const DaemonSettings& settings);
// VICI load-token: {handle, slot, module, pin}.
Result<TokenKey> load_token(const vici::Message& message);

// parse_file and load together: the problems of both. Certificates and keys are those in the
// folders beside the file.
Loaded load_file(const std::string& path, const FileSystem& files);

// strongswan.conf (`charon { ... }`) on top of what is there: `settings`, `daemon`, `problems`.
void load_settings(const Tree& tree, Loaded& into);

struct LoadedConnection {
    ike::Connection connection;
    Problems problems;

    bool ok() const { return !has_errors(problems); }
};

// One section of `connections`, as VICI load-conn has it: {name = {...}} is `name`, `section`.
// Lists may be VICI lists or comma-separated values.
LoadedConnection load_connection(std::string_view name, const vici::Section& section);

struct LoadedSecret {
    std::optional<ike::SharedSecret> secret;
    Problems problems;

    bool ok() const { return !has_errors(problems); }
};

// VICI load-shared: {id, type = IKE|EAP|XAUTH|NTLM|PPK, data, owners = [...]}. `data` is the secret
// itself.
LoadedSecret load_shared(const vici::Message& message);

struct LoadedAuthority {
    std::optional<ike::AuthorityInfo> authority;
    std::vector<x509::Crl> lists;  // that it names as files
    Problems problems;

    bool ok() const { return !has_errors(problems); }
};

// VICI load-authority: {name = {cacert, crl_uris, ...}} is `name`, `section`.
LoadedAuthority load_authority(std::string_view name, const vici::Section& section);

struct LoadedPool {
    std::optional<ike::Pool> pool;
    Problems problems;

    bool ok() const { return !has_errors(problems); }
};

// VICI load-pool: {name = {addrs, dns, ...}} is `name`, `section`.
LoadedPool load_pool(std::string_view name, const vici::Section& section);

// Checks across connections and secrets, for `culvert check` and as part of load(): psk connections
// without a secret, children that overlap, weak algorithms. `places` may be null.
Problems lint(const ike::Config& config);

// What a reload means, by name. A child of an added or removed connection is not listed by itself.
struct Changes {
    std::vector<std::string> added;
    std::vector<std::string> removed;
    std::vector<std::string> changed;  // the connection itself (addresses, auth, proposals, timers)
    struct Child {
        std::string connection;
        std::string child;
        friend bool operator==(const Child&, const Child&) = default;
    };
    std::vector<Child> children_added;
    std::vector<Child> children_removed;
    std::vector<Child> children_changed;
    // What of them: "gw" or "gw/net" to the keywords that say something else; "local" and "remote"
    // stand for all in these sections.
    std::map<std::string, std::vector<std::string>> keywords;
    // The same ones in another order, which is that of preference: of connections, or of children.
    bool order = false;
    bool pools = false;
    bool secrets = false;      // any added, removed or changed
    bool credentials = false;  // certificates, keys, lists
    bool settings = false;     // EngineSettings

    bool empty() const;
};
Changes compare(const ike::Config& before, const ike::Config& after);

}  // namespace culvert::config
