#pragma once
// The typed layer's parts, one a section. Inside config only.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/credentials.hpp"
#include "config/report.hpp"
#include "ike/connection.hpp"

namespace culvert::config {

// What is told of is in the scope's report; the result is complete all the same, with defaults for
// what could not be read.
ike::Connection read_connection(const Scope& scope);
ike::ChildConfig read_child(const Scope& scope);

// Whether the section has a name that can be listed (of connections, children, pools); told of if
// not.
bool is_name(const Scope& scope);
bool has_control_character(std::string_view text);

struct AuthRound {
    std::string section;  // "local-1"
    unsigned round = 0;
    ike::AuthConfig auth;
};
AuthRound read_auth(const Scope& scope, SectionKind side);

// A section of `secrets`. Nothing for types that are not used (told of) and without a secret. What
// is for the key in a file goes into `passphrases`, for one on a token into `tokens`.
std::optional<ike::SharedSecret> read_secret_section(const Scope& scope,
                                                     std::vector<KeyPassphrase>& passphrases,
                                                     std::vector<TokenKey>& tokens);

// A section `token<suffix>` of `secrets`. Nothing without a handle.
std::optional<TokenKey> read_token(const Scope& scope);
// "0a01": CKA_ID in hex, in lower case. Nothing, and told of, if it is none.
std::optional<std::string> read_handle(const Field& field);

// A section of `pools`. Nothing without usable addrs.
std::optional<ike::Pool> read_pool(const Scope& scope);

// A configuration attribute by its name or number (`word`), as pools and plugins.attr have them.
void read_attribute(const Field& field, std::string_view word,
                    std::vector<ike::PoolAttribute>& into);

// The sections filelog and syslog of `charon`, and journal of `charon-systemd`.
void read_filelog(const Scope& scope, std::vector<LogOutput>& into);
void read_syslog(const Scope& scope, std::vector<LogOutput>& into);
void read_journal(const Scope& scope, std::vector<LogOutput>& into);

// Names of settings that have no meaning here.
using IgnoredSettings = std::vector<std::string>;
// The section plugins of `charon`.
void read_plugins(const Scope& scope, DaemonSettings& daemon, IgnoredSettings& ignored);

// strongswan.conf's `charon` (and `charon-systemd`, which has the same and stands above it).
void read_charon(const Scope& scope, ike::EngineSettings& engine, DaemonSettings& daemon);

// Where connections, children ({connection, child}) and secrets ({"", name}) stand, for checks that
// look at several.
using Places = std::map<std::pair<std::string, std::string>, Place>;
// `all_secrets`, `all_keys`: config has all that there are, so that a missing one can be told.
void check_across(const ike::Config& config, const Places& places, bool all_secrets, bool all_keys,
                  Report& report);

// Weak algorithms in proposals that somebody wrote; the default ones pass.
struct Weakness {
    bool warning = false;  // else only worth a mention
    std::string what;
    std::string remedy;
};
std::optional<Weakness> weakness_of(const ike::Proposals& proposals, ike::ProtocolId protocol);

}  // namespace culvert::config
