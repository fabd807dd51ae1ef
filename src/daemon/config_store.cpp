#include "daemon/config_store.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/config.hpp"
#include "ike/own_certificates.hpp"

namespace culvert::daemon {
namespace {

// Whether it has a name is the text's business: an already resolved name has ranges too.
bool names_a_host(const std::string& text) {
    return !text.empty() && text.front() != '%' && !IpRange::parse(text) && !IpSubnet::parse(text);
}

void collect_names(const ike::Connection& connection, std::set<std::string>& out) {
    for (const auto* patterns : {&connection.local_addrs, &connection.remote_addrs}) {
        for (const ike::AddressPattern& pattern : *patterns) {
            if (is_name(pattern)) { out.insert(pattern.text); }
        }
    }
}

bool same(const ike::SharedSecret& a, const ike::SharedSecret& b) {
    return a.name == b.name && a.kind == b.kind && a.owners == b.owners &&
           constant_time_equal(a.secret.reveal(), b.secret.reveal());
}

bool same(const ike::Connection& a, const ike::Connection& b) {
    ike::Config before;
    ike::Config after;
    before.connections.push_back(a);
    after.connections.push_back(b);
    return config::compare(before, after).empty();
}

}  // namespace

bool is_name(const ike::AddressPattern& pattern) {
    return !pattern.any && names_a_host(pattern.text);
}

void apply_names(ike::Connection& connection, const ResolvedNames& resolved) {
    for (auto* patterns : {&connection.local_addrs, &connection.remote_addrs}) {
        for (ike::AddressPattern& pattern : *patterns) {
            if (!is_name(pattern)) { continue; }
            pattern.ranges.clear();
            const auto found = resolved.find(pattern.text);
            if (found == resolved.end()) { continue; }
            for (const IpAddress& address : found->second) {
                pattern.ranges.push_back({address, address});
            }
        }
    }
}

ike::SharedSecret clone(const ike::SharedSecret& secret) {
    ike::SharedSecret out;
    out.name = secret.name;
    out.kind = secret.kind;
    out.owners = secret.owners;
    out.secret = secret.secret.clone();
    return out;
}

void ConfigStore::replace_file(ike::Config config) {
    const auto has_connection = [&](const std::string& name) {
        return std::ranges::any_of(config.connections,
                                   [&](const ike::Connection& c) { return c.name == name; });
    };
    const auto has_secret = [&](const std::string& name) {
        const auto named = [&](const ike::SharedSecret& s) { return s.name == name; };
        return std::ranges::any_of(config.secrets, named) ||
               std::ranges::any_of(config.ppks, named) ||
               std::ranges::any_of(config.passwords, named);
    };
    std::erase_if(connections_, [&](const StoredConnection& stored) {
        return stored.origin == ConfigOrigin::file || has_connection(stored.connection.name);
    });
    std::erase_if(secrets_, [&](const StoredSecret& stored) {
        return stored.origin == ConfigOrigin::file || has_secret(stored.secret.name);
    });
    // Those of the file first: the order of connections is that of preference.
    std::vector<StoredConnection> connections;
    for (ike::Connection& connection : config.connections) {
        connections.push_back({std::move(connection), ConfigOrigin::file});
    }
    std::ranges::move(connections_, std::back_inserter(connections));
    connections_ = std::move(connections);
    std::vector<StoredSecret> secrets;
    for (ike::SharedSecret& secret : config.secrets) {
        secrets.push_back({std::move(secret), ConfigOrigin::file});
    }
    for (auto* more : {&config.ppks, &config.passwords}) {
        for (ike::SharedSecret& secret : *more) {
            secrets.push_back({std::move(secret), ConfigOrigin::file});
        }
    }
    file_secrets_.clear();
    for (const StoredSecret& stored : secrets) { file_secrets_.push_back(clone(stored.secret)); }
    std::ranges::move(secrets_, std::back_inserter(secrets));
    secrets_ = std::move(secrets);
    std::erase_if(pools_, [&](const StoredPool& stored) {
        return stored.origin == ConfigOrigin::file ||
               std::ranges::find(config.pools, stored.pool.name, &ike::Pool::name) !=
                   config.pools.end();
    });
    for (ike::Pool& pool : config.pools) {
        pools_.push_back({std::move(pool), ConfigOrigin::file});
    }
    credentials_.replace_file(std::move(config.credentials));
    set_settings(config.settings);
}

void ConfigStore::set_settings(const ike::EngineSettings& settings) {
    ike::EngineSettings next = settings;
    if (std::exchange(has_settings_, true)) {
        next.port = settings_.port;
        next.port_nat_t = settings_.port_nat_t;
    }
    settings_ = next;
}

void ConfigStore::put(ike::Connection connection) {
    for (StoredConnection& stored : connections_) {
        if (stored.connection.name == connection.name) {
            if (stored.origin == ConfigOrigin::file && same(stored.connection, connection)) {
                return;
            }
            stored = {std::move(connection), ConfigOrigin::vici};
            return;
        }
    }
    connections_.push_back({std::move(connection), ConfigOrigin::vici});
}

bool ConfigStore::remove(const std::string& connection) {
    return std::erase_if(connections_, [&](const StoredConnection& stored) {
               return stored.connection.name == connection;
           }) > 0;
}

void ConfigStore::put(ike::Pool pool) {
    const bool of_file = std::ranges::any_of(pools_, [&](const StoredPool& stored) {
        return stored.origin == ConfigOrigin::file && stored.pool == pool;
    });
    if (of_file) { return; }
    remove_pool(pool.name);
    pools_.push_back({std::move(pool), ConfigOrigin::vici});
}

bool ConfigStore::remove_pool(const std::string& name) {
    return std::erase_if(pools_,
                         [&](const StoredPool& stored) { return stored.pool.name == name; }) > 0;
}

const ike::Pool* ConfigStore::find_pool(const std::string& name) const {
    const auto found = std::ranges::find_if(
        pools_, [&](const StoredPool& stored) { return stored.pool.name == name; });
    return found == pools_.end() ? nullptr : &found->pool;
}

void ConfigStore::put(ike::SharedSecret secret) {
    if (secret.name.empty()) { secret.name = fmt::format("unnamed-{}", ++unnamed_); }
    const ConfigOrigin origin = origin_of(secret);
    for (StoredSecret& stored : secrets_) {
        if (stored.secret.name == secret.name) {
            stored = {std::move(secret), origin};
            return;
        }
    }
    secrets_.push_back({std::move(secret), origin});
}

bool ConfigStore::remove_secret(const std::string& name) {
    return std::erase_if(secrets_, [&](const StoredSecret& stored) {
               return stored.secret.name == name;
           }) > 0;
}

ConfigOrigin ConfigStore::origin_of(const ike::SharedSecret& secret) const {
    const bool of_file = std::ranges::any_of(
        file_secrets_, [&](const ike::SharedSecret& one) { return same(one, secret); });
    return of_file ? ConfigOrigin::file : ConfigOrigin::vici;
}

void ConfigStore::clear_secrets() { secrets_.clear(); }

std::vector<std::string> ConfigStore::by_vici_alone() const {
    std::vector<std::string> out;
    const auto add = [&](std::string_view kind, ConfigOrigin origin, const std::string& name) {
        if (origin == ConfigOrigin::vici) { out.push_back(fmt::format("{} {}", kind, name)); }
    };
    for (const auto& one : connections_) { add("connection", one.origin, one.connection.name); }
    for (const auto& one : secrets_) { add("secret", one.origin, one.secret.name); }
    for (const auto& one : pools_) { add("pool", one.origin, one.pool.name); }
    for (const std::string& one : credentials_.by_vici_alone()) { out.push_back(one); }
    return out;
}

std::vector<std::string> ConfigStore::connection_names() const {
    std::vector<std::string> out;
    for (const StoredConnection& stored : connections_) { out.push_back(stored.connection.name); }
    return out;
}

std::vector<std::string> ConfigStore::secret_names() const {
    std::vector<std::string> out;
    for (const StoredSecret& stored : secrets_) { out.push_back(stored.secret.name); }
    return out;
}

std::set<std::string> ConfigStore::names_to_resolve() const {
    std::set<std::string> out;
    for (const StoredConnection& stored : connections_) { collect_names(stored.connection, out); }
    return out;
}

std::set<std::string> ConfigStore::names_to_resolve(const std::string& connection) const {
    std::set<std::string> out;
    for (const StoredConnection& stored : connections_) {
        if (stored.connection.name == connection) { collect_names(stored.connection, out); }
    }
    return out;
}

ike::ConfigSnapshot ConfigStore::snapshot(const ResolvedNames& resolved,
                                          std::vector<std::string>* notes) const {
    auto out = std::make_shared<ike::Config>();
    out->settings = settings_;
    out->credentials = credentials_.all();
    for (const StoredConnection& stored : connections_) {
        out->connections.push_back(stored.connection);
        apply_names(out->connections.back(), resolved);
        auto told = ike::bind(out->connections.back(), *out->credentials);
        if (notes != nullptr) { std::ranges::move(told, std::back_inserter(*notes)); }
    }
    for (const StoredPool& stored : pools_) {
        std::vector<ike::PoolAttribute>& attributes =
            out->pools.emplace_back(stored.pool).attributes;
        attributes.insert(attributes.end(), attributes_.begin(), attributes_.end());
    }
    for (const StoredSecret& stored : secrets_) {
        ike::list_of(*out, stored.secret.kind).push_back(clone(stored.secret));
    }
    return out;
}

ConfigStore ConfigStore::copy() const {
    ConfigStore out;
    out.connections_ = connections_;
    out.pools_ = pools_;
    for (const StoredSecret& stored : secrets_) {
        out.secrets_.push_back({clone(stored.secret), stored.origin});
    }
    for (const ike::SharedSecret& one : file_secrets_) { out.file_secrets_.push_back(clone(one)); }
    out.credentials_ = credentials_;
    out.settings_ = settings_;
    out.has_settings_ = has_settings_;
    out.attributes_ = attributes_;
    out.unnamed_ = unnamed_;
    return out;
}

}  // namespace culvert::daemon
