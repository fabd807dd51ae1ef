#include "daemon/daemon.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "config/config.hpp"
#include "crypto/random.hpp"
#include "daemon/commands.hpp"
#include "daemon/configured.hpp"
#include "daemon/engine_host.hpp"
#include "daemon/event_log.hpp"
#include "daemon/fetcher.hpp"
#include "daemon/gateway.hpp"
#include "daemon/keeper.hpp"
#include "daemon/kept_secret.hpp"
#include "daemon/key_log.hpp"
#include "daemon/last_words.hpp"
#include "daemon/lease_store.hpp"
#include "daemon/limits.hpp"
#include "daemon/log_outputs.hpp"
#include "daemon/name_servers.hpp"
#include "daemon/peer_watch.hpp"
#include "daemon/privileges.hpp"
#include "daemon/reload_report.hpp"
#include "daemon/startup.hpp"
#include "daemon/updown.hpp"
#include "daemon/version.hpp"
#include "plane/null/null_plane.hpp"
#include "plane/user/user_plane.hpp"

namespace culvert::daemon {
namespace {

int fail(const Error& why) {
    fmt::print(stderr, "culvertd: {}\n", printable(explain(why), 8192));
    return 1;
}

Error no_kernel_plane() {
    return {.code = ErrorCode::not_built,
            .wanted = "the kernel plane",
            .received = "it is not built yet",
            .remedy = "use --plane user"};
}

Error no_state_dir(const std::string& path, const std::error_code& why) {
    return {.code = why == std::errc::permission_denied ? ErrorCode::permission : ErrorCode::system,
            .wanted = fmt::format("to make the folder {}", path),
            .received = why.message(),
            .remedy = "run as root, or name another one (--state-dir)"};
}

Status listen(ViciServer& server, const Options& options) {
    if (options.vici) { return server.listen(*options.vici); }
    const auto first = vici::Uri::parse(vici::default_uri);
    const Status done = server.listen(*first);
    if (done || done.error().code != ErrorCode::address_in_use) { return done; }
    const auto second = vici::Uri::parse(fmt::format("unix://{}/vici.sock", options.state_dir));
    if (!second) { return std::unexpected(second.error()); }
    return server.listen(*second);
}

// All that lives as long as the daemon does. The plane goes first: its threads report to the host.
class Daemon {
 public:
    Daemon(const Options& options, Log& log, KeyLogFile key_log, Configured configured)
        : options_(options),
          log_(log),
          key_log_(std::move(key_log)),
          configured_(std::move(configured)),
          settings_(plane_settings(options, configured_)),
          plane_(options.plane == PlaneKind::null ? plane::make_null_plane(settings_)
                                                  : plane::make_user_plane(settings_)),
          resolver_(loop_),
          fetcher_(loop_, options.state_dir + "/crls",
                   [this](ike::RevocationFetched fetched) { host_.handle(std::move(fetched)); }),
          event_log_(loop_, log),
          name_servers_(configured_.daemon.resolv_conf),
          resolver_programs_(loop_, log),
          updown_(loop_, log,
                  [this](const std::string& connection) { return name_servers_.of(connection); }),
          host_(loop_, *plane_, initial_config(), configured_.daemon.engines.value_or(1),
                listeners()),
          gateway_(loop_, log, host_, resolver_),
          keeper_(loop_, log, gateway_, random_),
          server_(loop_, log, Commands::catalog()),
          commands_({.loop = loop_,
                     .log = log,
                     .host = host_,
                     .gateway = gateway_,
                     .keeper = keeper_,
                     .server = server_,
                     .options = options,
                     .reload = [this] { return reload(); },
                     .preview = [this] { return preview(); },
                     .reload_settings = [this] { return reload_settings(); },
                     .flush_fetched =
                         [this] {
                             fetcher_.flush();
                             host_.engines().each(
                                 [](ike::Engine& engine) { engine.forget_fetched(); });
                         },
                     .token_settings = [this]() -> const config::DaemonSettings& {
                         return configured_.daemon;
                     },
                     .load_problem = [this]() -> const std::optional<LoadProblem>& {
                         return load_problem_;
                     },
                     .event_counters = event_counters_,
                     .event_log = event_log_}) {}
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    Daemon(Daemon&&) = delete;
    Daemon& operator=(Daemon&&) = delete;
    ~Daemon() {
        host_.stop();
        ike_watchers_.clear();
        plane_.reset();
    }

    Status start() {
        open_leases();
        open_crash_secret();
        if (Status done = listen(server_, options_); !done) { return done; }
        // With somebody else on our ports the plane is about to fail, and says who it is: that
        // takes all our rights.
        const bool early = !udp_port_taken(settings_.port, settings_.port_nat_t);
        if (early) {
            if (Status done = drop_capabilities(); !done) { return done; }
        }
        if (Status done = plane_->start(host_.mailbox()); !done) { return done; }
        for (const int descriptor : plane_->ike_descriptors()) {
            read_ike(*ike_watchers_.emplace_back(std::make_unique<Watcher>(loop_, descriptor)),
                     descriptor);
        }
        Status done = early ? Status{} : drop_capabilities();
        // Threads have the rights that whoever begins them has then.
        host_.start();
        return done;
    }

    void run(Background& background) {
        log_.info(LogGroup::daemon,
                  fmt::format("culvertd {} started, plane {}, VICI on {}", version,
                              plane_->description(), server_.uri().to_string()));
        log_problems(log_, configured_.problems);
        log_.on_record([this](const LogRecord& record) {
            if (server_.anyone_wants("log")) {
                server_.raise("log", log_message(record).set("culvert-line", to_text(record)));
            }
        });
        server_.serve({.request =
                           [this](ClientId client, vici::Request request) {
                               commands_.run(client, std::move(request));
                           },
                       .gone = [this](ClientId client) { commands_.gone(client); }});
        loop_.on_signals({SIGTERM, SIGINT, SIGHUP}, [this](int number) { on_signal(number); });
        host_.look_at_addresses();
        hand_over_name_servers();
        warn(name_servers_.clear());
        use(configured_.daemon);
        if (!configured_.left_out.empty()) {
            load_problem_.emplace(std::exchange(configured_.left_out, {}), Loop::now());
        }
        gateway_.store().replace_file(std::move(configured_.config));
        gateway_.apply();
        keeper_.start();
        background.ready();
        if (const auto interval = watchdog_interval()) {
            watchdog_interval_ = *interval;
            watchdog();
        }
        loop_.run([this](std::string_view what) { fault(what); });
        warn(name_servers_.clear());
        const Instant until = Loop::now() + programs_at_end_max;
        updown_.finish(until);
        resolver_programs_.finish(until);
        log_.on_record({});
        log_.info(LogGroup::daemon, "culvertd ended");
    }

 private:
    ike::ConfigSnapshot initial_config() const {
        auto out = std::make_shared<ike::Config>();
        out->settings = configured_.config.settings;
        return out;
    }

    // Without the file we still give addresses; they may be others after a restart.
    void open_leases() {
        auto store = LeaseStore::open(options_.state_dir + "/leases.sqlite");
        if (!store) { return warn(std::unexpected(store.error())); }
        lease_store_.emplace(std::move(*store));
        // By whichever thread gives an address; the log is the main thread's.
        auto book = std::make_unique<ike::LeaseBook>([this](const ike::Lease& lease) {
            Status kept = lease_store_->keep(lease);
            if (!kept) {
                loop_.post([this, kept = std::move(kept)] { warn(kept); });
            }
        });
        warn(lease_store_->load(*book));
        host_.use_leases(std::move(book));
    }

    // What was being done is given up, and everything else goes on.
    void fault(std::string_view what) {
        log_.error(LogGroup::daemon,
                   fmt::format("a task of the main loop was given up: {}; if memory or "
                               "descriptors are short, give culvertd more",
                               what));
    }

    // An SA that is half changed is worse than none.
    [[noreturn]] void broken(const char* why) {
        static constexpr const char* what =
            "a message or command of IKE could not be dealt with to its end; give culvertd more "
            "memory";
        try {
            if (options_.log.target != LogTarget::standard_error) {
                log_.error(LogGroup::daemon, fmt::format("ends: {}: {}", what, why));
            }
        } catch (const std::exception&) {  // the line on standard error is all there is then
            end_at_once(what, why);
        }
        end_at_once(what, why);
    }

    // At once, as a crash does: what keeps packets from leaving in clear stays until whoever starts
    // us again has policies (abuse V-07).
    [[noreturn]] void lost(const Error& why) {
        const std::string text = printable(explain(why), 4096);
        if (options_.log.target != LogTarget::standard_error) {
            log_.error(LogGroup::daemon, fmt::format("ends: {}", text));
        }
        end_at_once("nothing can be carried", text.c_str());
    }

    void read_ike(Watcher& watcher, int descriptor) {
        watcher.when_readable([this, &watcher, descriptor] {
            try {
                plane_->read_ike(descriptor);
            } catch (...) {  // no memory for one message must not make us deaf for all others
                read_ike(watcher, descriptor);
                throw;
            }
            read_ike(watcher, descriptor);
        });
    }

    void warn(const Status& done) {
        if (!done) { log_.warn(LogGroup::daemon, printable(explain(done.error()), 4096)); }
    }

    EngineHost::Listeners listeners() {
        return {.event =
                    [this](const ike::Event& event) {
                        event_log_.write(event);
                        event_counters_.on_event(event);
                        commands_.on_event(event);
                        gateway_.on_event(event);
                        updown_.on_event(event, gateway_.config());
                        for (const Finding& found : peer_watch_.on_event(event, Loop::now())) {
                            host_.report(found);
                        }
                    },
                .key_log = [this](const std::string& line) { key_log_.write(line); },
                .trap =
                    [this](const std::string& connection, const std::string& child) {
                        const Status done = gateway_.install_policy(connection, child);
                        if (!done) {
                            log_.error(LogGroup::daemon,
                                       fmt::format("the trap of {}/{} was not installed: {}",
                                                   connection, child, explain(done.error())));
                        }
                    },
                .name_servers = [this](const ike::NameServers& what,
                                       bool wanted) { use_name_servers(what, wanted); },
                .fetch =
                    [this](ike::FetchRevocation what) {
                        log_.info(LogGroup::daemon, fmt::format("asking {} about a certificate",
                                                                printable(what.url, 300)));
                        fetcher_.fetch(std::move(what));
                    },
                .broken = [this](const char* why) { broken(why); },
                .lost = [this](const Error& why) { lost(why); },
                .resolve = [this](const ike::ResolveGateway& what) { resolve(what); },
                .addresses = [this] { loop_.post([this] { gateway_.follow_addresses(); }); }};
    }

    void resolve(const ike::ResolveGateway& what) {
        resolver_.resolve({what.name}, [this, what](Resolver::Answer answer) {
            host_.handle(ike::GatewayResolved{.id = what.id,
                                              .addresses = std::move(answer.addresses[what.name]),
                                              .why = std::move(answer.why[what.name])});
        });
    }

    // Without the file a restart cannot show that it was one, so no tokens are given (RFC 6290).
    void open_crash_secret() {
        if (!configured_.daemon.crash_tokens.value_or(true)) { return; }
        auto secret = kept_secret(options_.state_dir + "/crash-secret", random_);
        if (!secret) { return warn(std::unexpected(secret.error())); }
        host_.use_crash_secret(*secret);
    }

    // Neither where a file or scripts are told to see to it, nor without a TUN device.
    void hand_over_name_servers() {
        const bool told = !configured_.daemon.resolv_conf.empty() || configured_.daemon.dns_handler;
        if (told || !configured_.daemon.hand_over_dns || options_.plane != PlaneKind::user) {
            return;
        }
        auto resolver = find_host_resolver(settings_.tun_name);
        if (!resolver) {
            no_resolver_ = std::move(resolver).error();
            return;
        }
        name_servers_.hand_to(*std::move(resolver), [this](Program program) {
            resolver_programs_.add(std::move(program));
        });
    }

    void use_name_servers(const ike::NameServers& what, bool wanted) {
        warn(name_servers_.use(what, wanted));
        if (!wanted || name_servers_.serves(what) || configured_.daemon.dns_handler) { return; }
        const std::string why =
            !what.domains.empty() ? "they are for some domains alone, which only systemd-resolved "
                                    "can do; or write an updown script"
            : no_resolver_        ? explain(*no_resolver_)
                                  : "nothing is told to see to them; set "
                                    "charon.plugins.resolve.file, or write an updown script";
        log_.warn(LogGroup::daemon,
                  fmt::format("name servers of {} are not in use on this host: {}",
                              printable(what.connection), why));
    }

    // Of strongswan.conf what can change while we run: not ports, threads, the TUN device.
    void use(const config::DaemonSettings& settings) {
        use_outputs(log_, settings.logs);
        host_.install_virtual_addresses(settings.install_virtual_ip.value_or(true));
        gateway_.store().set_attributes(settings.attributes);
        gateway_.listen_by_tcp(settings.tcp_listen);
        gateway_.retry_names_every(
            settings.retry_initiate_interval.value_or(std::chrono::seconds{name_retry}));
    }

    // swanctl --reload-settings: connections stay as they are.
    Status reload_settings() {
        auto read = read_configuration(options_, true);
        if (!read) { read = read_configuration(options_, false); }
        if (!read) {
            log_.error(LogGroup::config,
                       fmt::format("the settings were not reloaded, the old ones go on: {}",
                                   printable(explain(read.error()), 4096)));
            return std::unexpected(std::move(read).error());
        }
        log_.reopen();
        use(read->daemon);
        warn_of_ports(log_, read->config.settings, gateway_.store().settings());
        gateway_.store().set_settings(read->config.settings);
        gateway_.apply();
        log_.info(LogGroup::config, "the settings were reloaded");
        return {};
    }

    // All or nothing: a file that is wrong changes nothing.
    Status reload() {
        auto read = read_configuration(options_, true, configured_.usable);
        if (!read) {
            load_problem_.emplace(
                fmt::format("the configuration was not reloaded, the old one goes on: {}",
                            printable(explain(read.error()), 4096)),
                Loop::now());
            log_.error(LogGroup::config, load_problem_->text);
            return std::unexpected(std::move(read).error());
        }
        load_problem_.reset();
        log_problems(log_, read->problems);
        use(read->daemon);
        warn_of_ports(log_, read->config.settings, gateway_.store().settings());
        configured_.usable = std::move(read->usable);
        gateway_.store().replace_file(std::move(read->config));
        gateway_.apply();
        tell_of_vici(log_, gateway_.store());
        log_.info(LogGroup::config, "the configuration was reloaded");
        return {};
    }

    Result<config::Changes> preview() {
        auto read = read_configuration(options_, true, configured_.usable);
        if (!read) { return std::unexpected(std::move(read).error()); }
        return gateway_.preview(std::move(read->config));
    }

    // From the loop that does the work: one that hangs is not heard of.
    void watchdog() {
        notify_service_manager("WATCHDOG=1");
        watchdog_timer_.set_in(watchdog_interval_);
    }

    void on_signal(int number) {
        if (number == SIGHUP) {
            log_.reopen();
            // What went wrong is in the log.
            [[maybe_unused]] const Status done = reload();
            return;
        }
        try {
            host_.tell({.kind = ike::EventKind::note,
                        .severity = Severity::info,
                        .alert = "shutdown-signal",
                        .text = fmt::format("ending on signal {}: telling the peers", number)});
            notify_service_manager("STOPPING=1");
            keeper_.stop();
            gateway_.shut_down([this] { loop_.stop(); });
        } catch (const std::exception& why) {  // no memory for farewells
            fault(why.what());
            loop_.stop();
        }
    }

    const Options& options_;
    Log& log_;
    KeyLogFile key_log_;
    Configured configured_;
    plane::PlaneSettings settings_;
    crypto::ThreadRandom random_;
    Loop loop_;
    std::unique_ptr<plane::Plane> plane_;
    std::vector<std::unique_ptr<Watcher>> ike_watchers_;
    Resolver resolver_;
    Fetcher fetcher_;
    EventLog event_log_;
    EventCounters event_counters_;
    PeerWatch peer_watch_;
    NameServerBook name_servers_;
    std::optional<Error> no_resolver_;  // where it was looked for
    ProgramQueue resolver_programs_;
    Updown updown_;
    std::optional<LoadProblem> load_problem_;
    Timer watchdog_timer_{loop_, [this] { watchdog(); }};
    std::chrono::microseconds watchdog_interval_{};
    std::optional<LeaseStore> lease_store_;
    EngineHost host_;
    Gateway gateway_;
    Keeper keeper_;
    ViciServer server_;
    Commands commands_;
};

}  // namespace

int run(const Options& options) {
    if (options.plane == PlaneKind::kernel) { return fail(no_kernel_plane()); }
    forbid_core_dumps();
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);
    auto background = Background::enter(options.foreground);
    if (!background) { return fail(background.error()); }
    auto log = Log::open(options.log, options.foreground);
    if (!log) { return fail(log.error()); }
    auto configured = configure(options, **log);
    if (!configured) { return fail(configured.error()); }
    auto key_log = KeyLogFile::open(options.key_log);
    if (!key_log) { return fail(key_log.error()); }
    std::error_code why;
    std::filesystem::create_directories(options.state_dir, why);
    if (why) { return fail(no_state_dir(options.state_dir, why)); }

    Daemon daemon{options, **log, *std::move(key_log), *std::move(configured)};
    if (const Status started = daemon.start(); !started) {
        if (options.log.target == LogTarget::file) {
            (*log)->error(LogGroup::daemon, explain(started.error()));
        }
        return fail(started.error());
    }
    daemon.run(*background);
    return 0;
}

}  // namespace culvert::daemon
