#pragma once
// Two engines that hear each other at once and lose nothing: for what one exchange does.

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/assert.hpp"
#include "ike/engine.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline Identity identity(std::string_view text) { return Identity::parse(text).value(); }
inline SelectorConfig selector(std::string_view text) {
    return {.dynamic = false, .selector = TrafficSelector::parse(text).value()};
}
inline SelectorConfig dynamic_selector() { return {.dynamic = true, .selector = {}}; }
inline AddressPattern exactly(std::string_view text) {
    return {.text = std::string{text}, .any = false, .ranges = {IpRange{ip(text), ip(text)}}};
}

// connections.gw with one child "net", from 192.0.2.<self> to 192.0.2.<other>.
inline Config gateway_config(unsigned self, unsigned other) {
    const auto at = [](unsigned n) { return "192.0.2." + std::to_string(n); };
    const auto named = [](unsigned n) { return "g" + std::to_string(n) + ".example"; };
    Config config;
    Connection connection;
    connection.name = "gw";
    connection.version = 2;
    connection.local_addrs = {exactly(at(self))};
    connection.remote_addrs = {exactly(at(other))};
    connection.proposals = parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519").value();
    connection.local = {.id = identity(named(self))};
    connection.remote = {.id = identity(named(other))};
    ChildConfig child;
    child.name = "net";
    child.proposals = parse_proposals(ProtocolId::esp, "aes256gcm16").value();
    child.local_ts = {selector("10." + std::to_string(self) + ".0.0/24")};
    child.remote_ts = {selector("10." + std::to_string(other) + ".0.0/24")};
    connection.children.push_back(std::move(child));
    config.connections.push_back(std::move(connection));
    SharedSecret secret;
    secret.name = "ike-gw";
    secret.owners = {identity(named(self)), identity(named(other))};
    secret.secret = Secret::copy_of(as_bytes("only for the tests"));
    config.secrets.push_back(std::move(secret));
    return config;
}

// What one engine did, in order.
class Side {
 public:
    Side(Config config, std::uint64_t seed)
        : random_(seed),
          engine_(std::make_unique<Engine>(std::make_shared<const Config>(std::move(config)),
                                           random_)) {}

    Engine& engine() { return *engine_; }
    // It forgets everything, as after a crash.
    void restart(Config config) {
        engine_ =
            std::make_unique<Engine>(std::make_shared<const Config>(std::move(config)), random_);
        actions.clear();
        out.clear();
    }
    bool checked = true;          // for contradictions, after each input
    std::vector<Action> actions;  // but Transmit
    std::deque<Datagram> out;

    void take(Actions fresh) {
        for (Action& action : fresh) {
            if (auto* transmit = std::get_if<Transmit>(&action)) {
                out.push_back(std::move(transmit->datagram));
            } else {
                actions.push_back(std::move(action));
            }
        }
        if (checked) { engine_->check_invariants(); }
    }

    template <class T>
    std::vector<const T*> all() const {
        std::vector<const T*> found;
        for (const Action& action : actions) {
            if (const T* one = std::get_if<T>(&action)) { found.push_back(one); }
        }
        return found;
    }
    // The status of a command that has ended.
    std::optional<Status> ended(std::uint64_t command) const {
        for (const CommandDone* done : all<CommandDone>()) {
            if (done->id.value() == command) { return done->status; }
        }
        return std::nullopt;
    }
    // Every error that was told, explained.
    std::string errors() const {
        std::string text;
        for (const Event* event : all<Event>()) {
            if (event->error) { text += explain(*event->error) + "\n"; }
        }
        return text;
    }

 private:
    test::SeededRandom random_;
    std::unique_ptr<Engine> engine_;
};

class EnginePair {
 public:
    EnginePair(Config first, Config second) : one(std::move(first), 1), two(std::move(second), 2) {}

    Side one;
    Side two;
    Instant now{std::chrono::seconds{1000}};

    void feed(Side& side, Input input) {
        side.take(side.engine().handle(std::move(input), now));
        settle();
    }
    Status up(Side& side, const std::string& child = "net") {
        const std::uint64_t id = ++commands_;
        feed(side, Initiate{.id = CommandId{id}, .connection = "gw", .child = child});
        const auto status = side.ended(id);
        if (!status) { return std::unexpected(Error{.received = "the command has not ended"}); }
        return *status;
    }
    void down(Side& side) { feed(side, Terminate{.id = CommandId{++commands_}, .ike = "gw"}); }
    // Lets time pass in steps, with all that is due on the way.
    void pass(std::chrono::seconds time) {
        const Instant end = now + time;
        while (now < end) {
            now = std::min(end, now + std::chrono::milliseconds{500});
            one.take(one.engine().tick(now));
            two.take(two.engine().tick(now));
            settle();
        }
    }
    // Each has made one Child SA, and one's way out is the other's way in.
    bool keys_agree() const {
        const auto a = one.all<InstallChild>();
        const auto b = two.all<InstallChild>();
        return a.size() == 1 && b.size() == 1 &&
               to_bytes(a.front()->sa.outbound.encryption.reveal()) ==
                   to_bytes(b.front()->sa.inbound.encryption.reveal());
    }
    // Nothing was made by either.
    void expect_nothing() {
        EXPECT_TRUE(one.all<InstallChild>().empty());
        EXPECT_TRUE(two.all<InstallChild>().empty());
        EXPECT_TRUE(one.engine().status(now).empty());
    }
    // Delivers until nobody has anything to say. `cut`: to nowhere.
    bool cut = false;
    void settle() {
        while (!one.out.empty() || !two.out.empty()) { step(); }
    }
    // What either has to say now, and no answer to it.
    void step() {
        auto first = std::exchange(one.out, {});
        auto second = std::exchange(two.out, {});
        deliver(std::move(first), two);
        deliver(std::move(second), one);
    }

 private:
    void deliver(std::deque<Datagram> datagrams, Side& to) {
        for (Datagram& datagram : datagrams) {
            if (cut) { continue; }
            std::swap(datagram.local, datagram.remote);
            to.take(to.engine().handle(std::move(datagram), now));
        }
    }
    std::uint64_t commands_ = 0;
};

}  // namespace culvert::ike::v2
