#pragma once
// The VICI commands: strongSwan's, and ours ("culvert-..."). Main thread only.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/event_counters.hpp"
#include "daemon/event_log.hpp"
#include "daemon/events.hpp"
#include "daemon/gateway.hpp"
#include "daemon/keeper.hpp"
#include "daemon/options.hpp"
#include "daemon/vici_server.hpp"

namespace culvert::daemon {

// What was wrong when the configuration was read last.
struct LoadProblem {
    std::string text;
    Instant at{};
};

class Commands {
 public:
    struct Parts {
        Loop& loop;
        Log& log;
        EngineHost& host;
        Gateway& gateway;
        Keeper& keeper;
        ViciServer& server;
        const Options& options;
        // Reads the file again and applies it, or says why not.
        std::function<Status()> reload;
        // What that would change, or why it would be refused.
        std::function<Result<config::Changes>()> preview;
        // Reads strongswan.conf again.
        std::function<Status()> reload_settings;
        // Forgets CRLs and OCSP responses that were fetched.
        std::function<void()> flush_fetched;
        // Which library serves a token that VICI names.
        std::function<const config::DaemonSettings&()> token_settings;
        // None: all is in use as it stands in the files.
        std::function<const std::optional<LoadProblem>&()> load_problem;
        const EventCounters& event_counters;
        const EventLog& event_log;
    };

    explicit Commands(Parts parts);

    // What the server is to know; never changes.
    static vici::Catalog catalog();

    void run(ClientId client, vici::Request request);
    void gone(ClientId client);
    // To the client whose command caused it (control-log), and to subscribers.
    void on_event(const ike::Event& event);

 private:
    using Handler = void (Commands::*)(ClientId, const vici::Message&);
    static const std::map<std::string_view, Handler>& handlers();

    // commands_control.cpp
    void initiate(ClientId client, const vici::Message& message);
    void terminate(ClientId client, const vici::Message& message);
    void keep_up_no_more(const ike::Terminate& command);
    void rekey(ClientId client, const vici::Message& message);
    void redirect(ClientId client, const vici::Message& message);
    void install(ClientId client, const vici::Message& message);
    void uninstall(ClientId client, const vici::Message& message);

    // commands_query.cpp
    void version(ClientId client, const vici::Message& message);
    void stats(ClientId client, const vici::Message& message);
    void list_sas(ClientId client, const vici::Message& message);
    void list_conns(ClientId client, const vici::Message& message);
    void list_policies(ClientId client, const vici::Message& message);
    void get_counters(ClientId client, const vici::Message& message);
    void reset_counters(ClientId client, const vici::Message& message);
    void get_algorithms(ClientId client, const vici::Message& message);
    void culvert_status(ClientId client, const vici::Message& message);
    void culvert_log(ClientId client, const vici::Message& message);
    void culvert_log_level(ClientId client, const vici::Message& message);

    // commands_config.cpp
    void load_conn(ClientId client, const vici::Message& message);
    void unload_conn(ClientId client, const vici::Message& message);
    void get_conns(ClientId client, const vici::Message& message);
    // commands_credentials.cpp
    void load_cert(ClientId client, const vici::Message& message);
    void load_key(ClientId client, const vici::Message& message);
    void load_token(ClientId client, const vici::Message& message);
    void unload_key(ClientId client, const vici::Message& message);
    void get_keys(ClientId client, const vici::Message& message);
    void load_authority(ClientId client, const vici::Message& message);
    void unload_authority(ClientId client, const vici::Message& message);
    void get_authorities(ClientId client, const vici::Message& message);
    void list_certs(ClientId client, const vici::Message& message);
    void list_authorities(ClientId client, const vici::Message& message);
    // commands_pools.cpp
    void load_pool(ClientId client, const vici::Message& message);
    void unload_pool(ClientId client, const vici::Message& message);
    void get_pools(ClientId client, const vici::Message& message);

    void load_shared(ClientId client, const vici::Message& message);
    void unload_shared(ClientId client, const vici::Message& message);
    void get_shared(ClientId client, const vici::Message& message);
    void clear_creds(ClientId client, const vici::Message& message);
    void reload_settings(ClientId client, const vici::Message& message);
    void culvert_reload(ClientId client, const vici::Message& message);
    void culvert_diff(ClientId client, const vici::Message& message);
    void flush_certs(ClientId client, const vici::Message& message);

    // A command that the engine carries out for a client.
    struct Running {
        ClientId client{};
        int log_level = 1;
        // Whose events are its control-log.
        std::set<std::string> connections{};
        std::optional<std::uint32_t> ike_id{};
        std::unique_ptr<Timer> timeout;
        std::function<vici::Message(const ike::CommandDone&)> answer;
    };
    using Answer = std::function<vici::Message(const ike::CommandDone&)>;
    EngineHost::OnDone on_done();
    // How long a client waits, and what it hears meanwhile.
    struct Wait {
        std::int64_t timeout_ms = 0;
        int log_level = 1;
    };
    static Result<Wait> wait_of(const vici::Message& message);
    void refuse(ClientId client, const Error& why);
    void remember(ike::CommandId id, ClientId client, const vici::Message& message,
                  const Wait& wait, Answer answer);
    void finish(const ike::CommandDone& done);
    std::set<std::string> connections_meant(const vici::Message& message) const;
    Moment moment();
    void add_news(const ike::Connection& connection, const ike::ChildConfig& child,
                  vici::Section& out);
    vici::Section unresolved_names();
    std::map<std::string, ike::Counters> counters_of_all();

    Parts parts_;
    Instant started_;
    std::map<ike::CommandId, Running> running_;
    // reset-counters subtracts these; by connection, "" for the daemon as a whole.
    std::map<std::string, ike::Counters> counters_base_;
};

}  // namespace culvert::daemon
