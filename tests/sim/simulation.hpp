#pragma once
// One run: peers, a bad network and a script, all from one seed. The same world and seed give the
// same run.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ike/connection.hpp"
#include "sim/network.hpp"
#include "sim/peer.hpp"
#include "sim/schedule.hpp"
#include "support/seeded_random.hpp"

namespace culvert::sim {

class Simulation {
 public:
    explicit Simulation(std::uint64_t seed, bool verbose = false);

    test::SeededRandom& random() { return random_; }
    Schedule& schedule() { return schedule_; }
    Network& network() { return network_; }
    Tally& tally() { return tally_; }
    const Complaints& complaints() const { return complaints_; }
    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    // Each peer that is added from now on has one, two or four engines.
    void use_several_engines() { several_engines_ = true; }
    Peer& add_peer(std::string name, const IpAddress& address, ike::Config config);
    std::vector<Peer*> peers() const;

    // `what` at a moment that chance picks within `span` from now.
    void sometime(Duration span, std::function<void()> what);
    // Packets through every SA, every `interval`, until the end of the run.
    void keep_traffic(Duration interval);
    void stop_traffic() { traffic_ = false; }

    // The network heals, everything comes to rest, and then both ends must agree (design.md,
    // "Tests").
    void settle_and_check();
    // All that settle_and_check() asks of the peers, as they are now.
    void check_peers();
    // Nothing is under way and no peer is in the middle of anything.
    bool at_rest() const;
    // Waits for such a moment: where SAs are renewed all the time there is no end of it.
    void run_until_at_rest();

 private:
    using Statuses = std::vector<std::vector<ike::IkeSaStatus>>;  // of the peers, in their order
    void check_agreement(const Peer& a, const std::vector<ike::IkeSaStatus>& of_a, const Peer& b,
                         const std::vector<ike::IkeSaStatus>& of_b);
    void check_children(const Peer& a, const ike::IkeSaStatus& ours, const Peer& b,
                        const ike::IkeSaStatus& theirs);
    void traffic_tick(Duration interval);

    test::SeededRandom random_;
    bool several_engines_ = false;
    Schedule schedule_;
    Tally tally_;
    Complaints complaints_;
    Network network_;
    bool verbose_;
    bool traffic_ = false;
    std::vector<std::unique_ptr<Peer>> peers_;
};

// ---- worlds

struct World {
    std::string_view name;
    std::string_view about;
    void (*play)(Simulation&);
};
const std::vector<World>& worlds();
const World* find_world(std::string_view name);

struct Outcome {
    Tally tally;
    Complaints complaints;
};
Outcome play(const World& world, std::uint64_t seed, bool verbose = false);

}  // namespace culvert::sim
