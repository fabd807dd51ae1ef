#pragma once
// All that is configured now, from the file and from VICI, by name. Makes the snapshots that the
// engine gets, with names resolved as far as they are known.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/ip.hpp"
#include "daemon/credential_store.hpp"
#include "ike/connection.hpp"

namespace culvert::daemon {

// What DNS said, by name; an empty list: the name has no address (now).
using ResolvedNames = std::map<std::string, std::vector<IpAddress>, std::less<>>;

enum class ConfigOrigin : std::uint8_t { file, vici };

class ConfigStore {
 public:
    // A reload: what came from the file before is replaced; what came by VICI stays, unless the
    // file has something of the same name.
    void replace_file(ike::Config config);
    // load-conn: adds or replaces. What is loaded just as the file has it stays the file's, so that
    // a reload takes it away when it is gone from there (so with pools, secrets and credentials).
    void put(ike::Connection connection);
    bool remove(const std::string& connection);

    // load-pool: adds or replaces by name.
    void put(ike::Pool pool);
    bool remove_pool(const std::string& name);
    const ike::Pool* find_pool(const std::string& name) const;

    // load-shared: adds or replaces by name. An unnamed one gets a name of its own.
    void put(ike::SharedSecret secret);
    bool remove_secret(const std::string& name);
    // clear-creds: file and VICI alike, as it is asked for before all is loaded again.
    void clear_secrets();

    CredentialStore& credentials() { return credentials_; }
    const CredentialStore& credentials() const { return credentials_; }

    // The ports stay those that were set first: the sockets have them.
    void set_settings(const ike::EngineSettings& settings);
    const ike::EngineSettings& settings() const { return settings_; }

    // What peers with a virtual address are told besides what their pool says.
    void set_attributes(std::vector<ike::PoolAttribute> attributes) {
        attributes_ = std::move(attributes);
    }

    // Connections, pools and secrets.
    // "connection home", "secret ike-1"...: what a reload does not touch.
    std::vector<std::string> by_vici_alone() const;
    std::size_t size() const { return connections_.size() + pools_.size() + secrets_.size(); }
    std::vector<std::string> connection_names() const;
    std::vector<std::string> secret_names() const;
    // The names in local_addrs and remote_addrs, of all connections or of one.
    std::set<std::string> names_to_resolve() const;
    std::set<std::string> names_to_resolve(const std::string& connection) const;

    // `notes`, if given, get what people should know: missing keys, ids that no certificate has.
    ike::ConfigSnapshot snapshot(const ResolvedNames& resolved,
                                 std::vector<std::string>* notes = nullptr) const;

    // A copy to try changes on.
    ConfigStore copy() const;

 private:
    struct StoredConnection {
        ike::Connection connection;
        ConfigOrigin origin{};
    };
    struct StoredSecret {
        ike::SharedSecret secret;
        ConfigOrigin origin{};
    };

    struct StoredPool {
        ike::Pool pool;
        ConfigOrigin origin{};
    };

    std::vector<StoredConnection> connections_;
    std::vector<StoredPool> pools_;
    ConfigOrigin origin_of(const ike::SharedSecret& secret) const;

    std::vector<StoredSecret> secrets_;
    std::vector<ike::SharedSecret> file_secrets_;  // also where clear-creds has taken them away
    CredentialStore credentials_;
    ike::EngineSettings settings_;
    bool has_settings_ = false;
    std::vector<ike::PoolAttribute> attributes_;
    std::uint64_t unnamed_ = 0;
};

// "gw.example.org" in remote_addrs: not %any, and no address, subnet or range.
bool is_name(const ike::AddressPattern& pattern);
// Sets what each name stands for now. Names that are not in `resolved` stay without an address.
void apply_names(ike::Connection& connection, const ResolvedNames& resolved);

ike::SharedSecret clone(const ike::SharedSecret& secret);

}  // namespace culvert::daemon
