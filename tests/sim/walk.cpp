#include "sim/walk.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "sim/builders.hpp"

namespace culvert::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct Step {
    enum class Kind : std::uint8_t { deed, deliver, lose, repeat, wait };
    Kind kind{};
    std::size_t index = 0;  // of the deed, or of what is under way
};
using Steps = std::vector<Step>;

std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
}

std::uint64_t hash_of(const ike::Datagram& datagram) {
    std::uint64_t hash = 0xcbf29ce484222325U ^ datagram.remote.address.is_any();
    for (const std::uint8_t octet : datagram.bytes) { hash = (hash ^ octet) * 0x100000001b3U; }
    return mixed(hash);
}

// One run, as far as it has got.
class Run {
 public:
    Run(const WalkCase& one, std::uint64_t seed, const WalkLimits& limits)
        : case_(one),
          sim_(seed),
          losses_(limits.losses),
          duplicates_(limits.duplicates),
          waits_(limits.waits),
          done_(one.deeds.size(), false) {
        for (unsigned self = 0; self < 2; ++self) {
            ike::Config config = config_of(self, 1 - self, "aes256gcm16-prfsha384-x25519");
            // Liveness would mend what must not break.
            config.connections.front().dpd_delay = seconds{0};
            sim_.add_peer(name_of(self), address_of(self), std::move(config));
        }
        sim_.peers().at(0)->initiate("to1", "net");
        sim_.schedule().run_until(sim_.schedule().now() + seconds{20});
        sim_.network().hold();
    }

    // What may happen next. In the order in which the walk goes down.
    Steps choices() {
        Steps out;
        for (std::size_t i = 0; i < done_.size(); ++i) {
            if (!done_[i]) { out.push_back({Step::Kind::deed, i}); }
        }
        const auto& held = sim_.network().held();
        for (std::size_t i = 0; i < held.size(); ++i) { out.push_back({Step::Kind::deliver, i}); }
        for (std::size_t i = 0; losses_ > 0 && i < held.size(); ++i) {
            out.push_back({Step::Kind::lose, i});
        }
        for (std::size_t i = 0; duplicates_ > 0 && i < held.size(); ++i) {
            out.push_back({Step::Kind::repeat, i});
        }
        const bool may_wait = held.empty() ? waits_ > 0 && !sim_.at_rest() : duplicates_ > 0;
        if (may_wait && sim_.schedule().next()) { out.push_back({Step::Kind::wait, 0}); }
        return out;
    }

    void take(const Step& step) {
        Network& network = sim_.network();
        switch (step.kind) {
            case Step::Kind::deed: {
                const Deed& deed = case_.deeds.at(step.index);
                done_[step.index] = true;
                deed.what(*sim_.peers().at(deed.who), fmt::format("to{}", 1 - deed.who));
                return;
            }
            case Step::Kind::deliver: network.arrive(network.take_held(step.index)); return;
            case Step::Kind::lose:
                --losses_;
                (void)network.take_held(step.index);
                return;
            case Step::Kind::repeat:
                --duplicates_;
                network.arrive(network.held().at(step.index));
                return;
            case Step::Kind::wait:
                (network.held().empty() ? waits_ : duplicates_) -= 1;
                sim_.schedule().run_until(*sim_.schedule().next());
                return;
        }
    }

    std::uint64_t state() {
        std::uint64_t hash =
            mixed(static_cast<std::uint64_t>(sim_.schedule().now().time_since_epoch().count()));
        for (const Peer* peer : sim_.peers()) { hash = mixed(hash ^ peer->history()); }
        std::uint64_t under_way = 0;
        for (const ike::Datagram& datagram : sim_.network().held()) {
            under_way += hash_of(datagram);
        }
        hash = mixed(hash ^ under_way);
        for (const bool done : done_) { hash = mixed(hash * 2 + (done ? 1 : 0)); }
        return mixed(hash ^ (losses_ * 1'000'000ULL + duplicates_ * 1000ULL + waits_));
    }

    // Nothing bad happens any more: both come to rest, and agree.
    void end() {
        sim_.network().set({});
        sim_.network().release();
        sim_.schedule().run_until(sim_.schedule().now() + minutes{5});
        sim_.check_peers();
        for (const Peer* peer : sim_.peers()) {
            const auto sas = peer->engine().status(peer->now());
            const auto children = [&](std::string_view name) {
                std::size_t count = 0;
                for (const auto& sa : sas) {
                    count += static_cast<std::size_t>(
                        std::ranges::count(sa.children, name, &ike::ChildSaStatus::name));
                }
                return count;
            };
            expect(*peer, case_.ike, sas.size(), "IKE SAs");
            expect(*peer, case_.net, children("net"), "Child SAs net");
            expect(*peer, case_.second, children("second"), "Child SAs second");
        }
    }

    Simulation& sim() { return sim_; }

    std::string name(const Step& step) {
        const auto message = [&] {
            const ike::Datagram& datagram = sim_.network().held().at(step.index);
            const bool to_b = datagram.remote.address == address_of(1);
            const std::uint8_t flags = datagram.bytes.at(19);
            const unsigned id = datagram.bytes.at(23);
            return fmt::format("{} {} {} to {}",
                               datagram.bytes.at(18) == 36   ? "CREATE_CHILD_SA"
                               : datagram.bytes.at(18) == 37 ? "INFORMATIONAL"
                                                             : "another",
                               (flags & 0x20U) != 0 ? "response" : "request", id,
                               to_b ? "peer1" : "peer0");
        };
        switch (step.kind) {
            case Step::Kind::deed:
                return fmt::format("peer{} begins deed {}", case_.deeds.at(step.index).who,
                                   step.index);
            case Step::Kind::deliver: return "deliver " + message();
            case Step::Kind::lose: return "lose " + message();
            case Step::Kind::repeat: return "deliver and keep " + message();
            case Step::Kind::wait: return "wait for a timer";
        }
        return {};
    }

 private:
    void expect(const Peer& peer, const Range& range, std::size_t value, std::string_view what) {
        if (range.holds(value)) { return; }
        sim_.complain(fmt::format("{} has {} {}, and {} to {} are right", peer.name(), value, what,
                                  range.least, range.most));
    }

    const WalkCase& case_;
    Simulation sim_;
    unsigned losses_;
    unsigned duplicates_;
    unsigned waits_;
    std::vector<bool> done_;
};

std::unique_ptr<Run> replay(const WalkCase& one, std::uint64_t seed, const WalkLimits& limits,
                            const Steps& steps, std::string* how = nullptr) {
    auto run = std::make_unique<Run>(one, seed, limits);
    for (const Step& step : steps) {
        if (how != nullptr) { *how += "\n    " + run->name(step); }
        run->take(step);
    }
    return run;
}

void end(Run& run, const WalkCase& one, std::uint64_t seed, const WalkLimits& limits,
         const Steps& steps, WalkReport& report) {
    run.end();
    ++report.ends;
    for (const auto& [key, value] : run.sim().tally()) { report.tally[key] += value; }
    if (run.sim().complaints().empty() || !report.complaints.empty()) { return; }
    report.complaints = run.sim().complaints();
    replay(one, seed, limits, steps, &report.how);
}

// Short ones: what both peers can do to what they share.
constexpr auto rekey_child = [](Peer& peer, const std::string&) { peer.rekey("", "net"); };
constexpr auto delete_child = [](Peer& peer, const std::string&) { peer.terminate("", "net"); };
constexpr auto create_child = [](Peer& peer, const std::string& connection) {
    peer.initiate(connection, "second");
};
constexpr auto rekey_ike = [](Peer& peer, const std::string& connection) {
    peer.rekey(connection, "");
};
constexpr auto delete_ike = [](Peer& peer, const std::string& connection) {
    peer.terminate(connection, "");
};

}  // namespace

WalkReport walk(const WalkCase& one, std::uint64_t seed, const WalkLimits& limits) {
    WalkReport report;
    std::unordered_set<std::uint64_t> seen;
    std::vector<Steps> todo{Steps{}};
    while (!todo.empty() && report.complaints.empty()) {
        if (report.states >= limits.states_max) { return report; }
        Steps steps = std::move(todo.back());
        todo.pop_back();
        auto run = replay(one, seed, limits, steps);
        for (;;) {
            ++report.steps;
            if (!seen.insert(run->state()).second) { break; }
            ++report.states;
            const Steps choices = run->choices();
            if (choices.empty()) {
                end(*run, one, seed, limits, steps, report);
                break;
            }
            for (std::size_t i = choices.size(); i-- > 1;) {
                todo.push_back(steps);
                todo.back().push_back(choices[i]);
            }
            steps.push_back(choices.front());
            run->take(choices.front());
        }
    }
    report.complete = todo.empty();
    return report;
}

const std::vector<WalkCase>& walk_cases() {
    static const std::vector<WalkCase> all{
        // RFC 7296 2.8.1, 2.25.1
        {.name = "both-rekey-the-child", .deeds = {{0, rekey_child}, {1, rekey_child}}},
        {.name = "child-rekey-and-delete",
         .deeds = {{0, rekey_child}, {1, delete_child}},
         .net = {0, 0}},
        {.name = "delete-and-child-rekey",
         .deeds = {{1, rekey_child}, {0, delete_child}},
         .net = {0, 0}},
        {.name = "both-delete-the-child",
         .deeds = {{0, delete_child}, {1, delete_child}},
         .net = {0, 0}},
        {.name = "rekey-and-delete-at-one-end",
         .deeds = {{0, rekey_child}, {0, delete_child}},
         .net = {0, 0}},
        {.name = "both-create-a-child",
         .deeds = {{0, create_child}, {1, create_child}},
         .second = {1, 2}},
        {.name = "create-and-delete-a-child",
         .deeds = {{0, create_child}, {1, delete_child}},
         .net = {0, 0},
         .second = {1, 1}},
        // RFC 7296 2.8.2, 2.25.2
        {.name = "both-rekey-the-ike-sa", .deeds = {{0, rekey_ike}, {1, rekey_ike}}},
        {.name = "ike-rekey-and-child-creation",
         .deeds = {{0, rekey_ike}, {1, create_child}},
         .second = {1, 1}},
        {.name = "ike-rekey-and-child-rekey", .deeds = {{0, rekey_ike}, {1, rekey_child}}},
        {.name = "ike-rekey-and-child-delete",
         .deeds = {{0, rekey_ike}, {1, delete_child}},
         .net = {0, 0}},
        {.name = "ike-rekey-and-delete",
         .deeds = {{0, rekey_ike}, {1, delete_ike}},
         .ike = {0, 0},
         .net = {0, 0}},
        {.name = "both-delete-the-ike-sa",
         .deeds = {{0, delete_ike}, {1, delete_ike}},
         .ike = {0, 0},
         .net = {0, 0}},
        {.name = "ike-delete-and-child-rekey",
         .deeds = {{0, delete_ike}, {1, rekey_child}},
         .ike = {0, 0},
         .net = {0, 0}},
        // The child may ask for a new IKE SA.
        {.name = "ike-delete-and-child-creation",
         .deeds = {{0, delete_ike}, {1, create_child}},
         .ike = {0, 1},
         .net = {0, 0},
         .second = {0, 1}},
        // Three at once.
        {.name = "both-rekey-the-child-one-deletes",
         .deeds = {{0, rekey_child}, {1, rekey_child}, {0, delete_child}},
         .net = {0, 0}},
        {.name = "both-rekey-the-child-one-the-ike-sa",
         .deeds = {{0, rekey_child}, {1, rekey_child}, {0, rekey_ike}}},
        {.name = "both-rekey-the-ike-sa-one-the-child",
         .deeds = {{0, rekey_ike}, {1, rekey_ike}, {1, rekey_child}}},
    };
    return all;
}

}  // namespace culvert::sim
