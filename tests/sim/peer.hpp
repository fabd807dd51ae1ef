#pragma once
// A gateway in the simulation: the engine, a data plane that only keeps books, and the commands
// that ran.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ike/engine.hpp"
#include "sim/engines.hpp"
#include "sim/network.hpp"
#include "sim/schedule.hpp"
#include "support/seeded_random.hpp"

namespace culvert::sim {

// What is wrong with a run; empty: nothing.
using Complaints = std::vector<std::string>;

struct InstalledSa {
    ChildSa sa;
    bool sending = true;
    bool retired = false;    // takes what is still under way
    std::int64_t rank = 0;   // of those that send for a reqid the highest is used
    Instant installed_at{};  // by the peer's own clock
};

struct Shared {
    Schedule& schedule;
    test::SeededRandom& random;
    Network& network;
    Tally& tally;
    Complaints& complaints;
    bool verbose = false;
};

class Peer {
 public:
    // `engines`: a power of two.
    Peer(std::string name, IpAddress address, ike::ConfigSnapshot config, unsigned engines,
         std::uint64_t seed, const Shared& shared);
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    Peer(Peer&&) = delete;
    Peer& operator=(Peer&&) = delete;
    ~Peer() = default;

    const std::string& name() const { return name_; }
    const IpAddress& address() const { return address_; }
    const Engines& engine() const { return engines_; }
    const std::map<ChildSaId, InstalledSa>& installed() const { return installed_; }
    const std::set<IpAddress>& addresses() const { return addresses_; }
    // Statuses of the commands that have ended, by CommandId.
    const std::map<std::uint64_t, Status>& ended() const { return ended_; }

    // From now on also after restarts: what a state directory keeps.
    void use_crash_secret();
    void use_leases(std::shared_ptr<ike::Leases> leases);

    void feed(ike::Input input);
    std::uint64_t initiate(std::string connection, std::string child);
    std::uint64_t terminate(std::string ike, std::string child);
    std::uint64_t rekey(std::string ike, std::string child);
    std::uint64_t reauthenticate(std::string ike);
    std::uint64_t redirect(std::string ike, const IpAddress& gateway);

    // Sends one packet for each reqid; what arrives is proof of life there.
    void send_traffic(const std::vector<Peer*>& others);

    // Its address is another one from now on: MOBIKE.
    void move_to(const IpAddress& address);
    // It forgets everything at once, and says nothing to anybody.
    void restart();
    // Suspended: nothing arrives and nothing is done; its clock goes on.
    void sleep();
    void wake();
    // Its clock leaps forward, as after a suspend that the others did not notice.
    void leap(Duration ahead);
    Instant now() const { return shared_.schedule.now() + ahead_; }
    // Established or gone, nothing in flight, nothing waiting that is due.
    bool at_rest() const;
    // Of everything that came in, in its order: two runs with the same have the same engine.
    std::uint64_t history() const { return history_; }

    // At the end of a run.
    void complain_of_open_commands() const;
    void complain_of_orphans() const;

 private:
    template <class Command>
    std::uint64_t run(Command command);
    void carry_out(ike::Actions actions);
    void carry_out_one(ike::Action& action);
    void install(ChildSa sa);
    void retire(ChildSaId id);
    void remove(ChildSaId id);
    void arm();
    void tick();
    void attach();
    void remember(const ike::Input& input);
    void complain(std::string what) const;
    void complain_of_name_servers() const;

    std::string name_;
    IpAddress address_;
    Shared shared_;
    test::SeededRandom random_;
    test::SeededRandom whims_;
    ike::ConfigSnapshot config_;
    unsigned engine_count_;
    Engines engines_;
    std::shared_ptr<ike::Leases> leases_;
    std::map<ChildSaId, InstalledSa> installed_;
    std::int64_t newest_ = 0;
    std::int64_t hindmost_ = 0;
    std::set<IpAddress> addresses_;  // virtual ones that this peer was given
    std::vector<ike::NameServers> name_servers_;
    std::uint64_t commands_ = 0;
    std::map<std::uint64_t, Status> ended_;
    std::optional<Instant> armed_;
    std::uint64_t wakes_in_a_row_ = 0;
    std::uint64_t life_ = 1;
    bool asleep_ = false;
    Duration ahead_{0};
    bool crash_secret_ = false;
    std::uint64_t history_ = 0;
};

}  // namespace culvert::sim
