#pragma once
// Feeds the engines and carries out what they say: datagrams and SAs to the plane, answers to
// whoever asked, events to whoever listens, one timer. Main thread only.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "daemon/child_watch.hpp"
#include "daemon/engines.hpp"
#include "daemon/finding.hpp"
#include "daemon/loop.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/shared_leases.hpp"
#include "ike/command_parts.hpp"
#include "ike/engine.hpp"
#include "plane/plane.hpp"

namespace culvert::daemon {

class EngineHost {
 public:
    using OnDone = std::move_only_function<void(const ike::CommandDone&)>;
    struct Listeners {
        std::function<void(const ike::Event&)> event;
        std::function<void(const std::string& line)> key_log;
        // dpd_action or close_action = trap.
        std::function<void(const std::string& connection, const std::string& child)> trap{};
        // Name servers that a peer gave: to be used, or not any more. May be empty.
        std::function<void(const ike::NameServers&, bool use)> name_servers{};
        // A list or an OCSP response is wanted; RevocationFetched follows.
        std::function<void(ike::FetchRevocation)> fetch{};
        // The engine, or the carrying out of what it said, was cut short (std::bad_alloc): what it
        // and the plane know is half changed and not to be trusted. Does not come back.
        std::function<void(const char* why)> broken{};
        std::function<void(const Error& why)> lost{};  // the plane carries nothing any more
        // A gateway's name is to be looked up; GatewayResolved follows.
        std::function<void(const ike::ResolveGateway&)> resolve{};
        // This host's addresses or routes have changed, and the engine knows.
        std::function<void()> addresses{};
    };

    // All that is referred to outlives the host.
    EngineHost(Loop& loop, plane::Plane& plane, const ike::ConfigSnapshot& config, unsigned engines,
               Listeners listeners);

    // Threads begin, if there are to be some. What is used is said before.
    void start() { engines_.start(); }
    // Before the plane is gone.
    void stop() { engines_.stop(); }

    // What the plane reports to; pass it to Plane::start().
    Mailbox& mailbox() { return mailbox_; }

    // Who has which virtual address, for the engines and for whoever asks. The book may be asked
    // and changed by any thread, one at a time.
    void use_leases(std::unique_ptr<ike::LeaseBook> leases);
    const SharedLeases& leases() const { return *leases_; }
    // Of quick crash detection (RFC 6290).
    void use_crash_secret(const Secret& secret);

    // Whether virtual addresses that peers give us become addresses of this host.
    void install_virtual_addresses(bool wanted) { virtual_addresses_ = wanted; }

    // Tells the engine which addresses this host has. Once at the start; then by itself.
    void look_at_addresses();
    // At once, or soon after an earlier look: gathered while they come quickly.
    void hear_of_addresses();
    void handle(ike::Input input);
    // What the shell itself has to say, where the engine's events go.
    void tell(const ike::Event& event) { listeners_.event(event); }
    // What was found wrong without a refusal: kept, and told where the engine's events go.
    void report(const Finding& found);
    void configure(const ike::ConfigSnapshot& config);

    // A fresh id; `done` runs once, when the engine has finished the command, unless forgotten.
    ike::CommandId new_command(OnDone done);
    void forget(ike::CommandId id) { commands_.erase(id); }
    // Ends a command that never reached the engine.
    void finish(const ike::CommandDone& done);
    std::size_t commands_running() const { return commands_.size(); }

    Engines& engines() { return engines_; }
    plane::Plane& plane() { return plane_; }
    // Inputs that came faster than they could be handled.
    std::uint64_t inputs_dropped() const { return mailbox_.dropped() + engines_.inputs_dropped(); }

 private:
    struct Liveness {
        Instant installed_at;
        Duration inactivity;  // zero: it may be unused for ever
        ChildWatch watch;
        std::uint64_t inbound_packets = 0;
    };
    static bool is_unused(const Liveness& known, const ChildSaCounters& counters, Instant now);

    template <class Work>
    void wholly(Work work);
    void drain();
    void tick();
    void hear();
    void poll_liveness();
    void dispatch(ike::Input input, Instant now);
    void carry_out(ike::Actions actions, unsigned share, Instant now);
    void carry_out(ike::Action& action, unsigned share, std::deque<ike::Input>& more);
    void transmit(ike::Datagram datagram);
    void set_timer();

    Loop& loop_;
    plane::Plane& plane_;
    Listeners listeners_;
    std::shared_ptr<SharedLeases> leases_;
    bool virtual_addresses_ = true;
    Mailbox mailbox_;
    Timer deadline_;
    std::optional<Instant> armed_;  // when it fires
    Timer liveness_timer_;
    Timer address_timer_;
    std::optional<Instant> looked_at_addresses_;
    bool addresses_wait_ = false;
    std::map<ike::CommandId, OnDone> commands_;
    ike::CommandParts parts_;
    std::uint64_t last_command_ = 0;
    std::map<ChildSaId, Liveness> installed_;
    ChildSaId liveness_next_{};
    Engines engines_;
};

}  // namespace culvert::daemon
