#include "daemon/engines.hpp"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/assert.hpp"
#include "crypto/random.hpp"
#include "daemon/limits.hpp"
#include "daemon/loop.hpp"

namespace culvert::daemon {
namespace {

void add(ike::Actions& all, ike::Actions more) {
    if (all.empty()) {
        all = std::move(more);
    } else {
        std::ranges::move(more, std::back_inserter(all));
    }
}

}  // namespace

Instant end_of_moment(Instant at) {
    const Duration into = at.time_since_epoch() % engine_moment;
    return into.count() == 0 ? at : at + (engine_moment - into);
}

class Engines::SharedNeighbours final : public ike::Neighbours {
 public:
    void file(ike::IkeSpi spi, std::optional<ike::PeerOf> peer) override {
        const std::scoped_lock lock{mutex_};
        book_.file(spi, std::move(peer));
    }
    void remove(ike::IkeSpi spi) override {
        const std::scoped_lock lock{mutex_};
        book_.remove(spi);
    }
    bool has(ike::IkeSpi spi) const override {
        const std::scoped_lock lock{mutex_};
        return book_.has(spi);
    }
    std::size_t with(const ike::PeerOf& peer) const override {
        const std::scoped_lock lock{mutex_};
        return book_.with(peer);
    }

 private:
    mutable std::mutex mutex_;
    ike::NeighbourBook book_;
};

struct Engines::Share {
    Share(const ike::ConfigSnapshot& config, unsigned number, unsigned count)
        : index(number), engine(config, random, {.index = number, .count = count}) {}

    const unsigned index;
    crypto::ThreadRandom random;
    // The engine is whose who holds this; its thread, mostly.
    std::mutex turn;
    ike::Engine engine;

    std::mutex box_mutex;
    std::condition_variable changed;
    std::vector<ike::Input> box;
    std::size_t datagrams = 0;
    std::uint64_t dropped = 0;
    bool look_again = false;  // its deadline may be another
    bool ends = false;
    std::thread thread;
};

template <class Work>
auto Engines::in_turn(unsigned share, Work work) {
    Share& whose = *shares_[share];
    const std::scoped_lock lock{whose.turn};
    return work(whose.engine);
}

Engines::Engines(const ike::ConfigSnapshot& config, unsigned count, Listeners listeners)
    : listeners_(std::move(listeners)) {
    routes_.use(config);
    ASSERT(count >= 1 && count <= ike::shares_max && (count & (count - 1)) == 0);
    for (unsigned i = 0; i < count; ++i) {
        shares_.push_back(std::make_unique<Share>(config, i, count));
    }
    if (count == 1) { return; }
    neighbours_ = std::make_shared<SharedNeighbours>();
    for (const auto& share : shares_) { share->engine.use_neighbours(neighbours_); }
}

Engines::~Engines() { stop(); }

void Engines::stop() {
    for (const auto& share : shares_) {
        const std::scoped_lock lock{share->box_mutex};
        share->ends = true;
        share->changed.notify_one();
    }
    for (const auto& share : shares_) {
        if (share->thread.joinable()) { share->thread.join(); }
    }
}

void Engines::start() {
    if (count() == 1) { return; }
    for (const auto& share : shares_) {
        share->thread = std::thread{[this, &one = *share] {
            try {
                run(one);
            } catch (const std::exception& why) { listeners_.broken(why.what()); }
        }};
        static_cast<void>(::pthread_setname_np(share->thread.native_handle(),
                                               fmt::format("engine-{}", share->index).c_str()));
    }
}

void Engines::run(Share& share) {
    std::optional<Instant> deadline;
    std::unique_lock lock{share.box_mutex};
    while (!share.ends) {
        const Instant before = Loop::now();
        if (share.box.empty() && !share.look_again && (!deadline || *deadline > before)) {
            // The clock that is waited by does not count suspend, so never for long.
            const Duration wait = deadline ? *deadline - before : Duration{engine_wait_max};
            share.changed.wait_for(lock, std::min<Duration>(wait, engine_wait_max));
            if (share.box.empty() && !share.look_again && !deadline) { continue; }
        }
        std::vector<ike::Input> inputs = std::exchange(share.box, {});
        share.datagrams = 0;
        share.look_again = false;
        lock.unlock();
        Said said{.share = share.index, .actions = {}};
        {
            const std::scoped_lock turn{share.turn};
            const Instant now = Loop::now();
            for (ike::Input& input : inputs) {
                add(said.actions, share.engine.handle(std::move(input), now));
            }
            if (deadline && *deadline <= now) { add(said.actions, share.engine.tick(now)); }
            deadline = share.engine.next_deadline().transform(end_of_moment);
        }
        if (!said.actions.empty()) { say(std::move(said)); }
        lock.lock();
    }
}

void Engines::say(Said said) {
    bool tell = false;
    {
        const std::scoped_lock lock{said_mutex_};
        said_.push_back(std::move(said));
        tell = !std::exchange(told_, true);
    }
    if (tell) { listeners_.said(); }
}

std::vector<Engines::Said> Engines::take() {
    const std::scoped_lock lock{said_mutex_};
    told_ = false;
    return std::exchange(said_, {});
}

void Engines::give_to(unsigned share, ike::Input input) {
    Share& whose = *shares_[share];
    const std::scoped_lock lock{whose.box_mutex};
    const bool datagram = std::holds_alternative<ike::Datagram>(input);
    const std::size_t others = whose.box.size() - whose.datagrams;
    if (datagram ? whose.datagrams == mailbox_datagrams_max : others >= mailbox_others_max) {
        ++whose.dropped;
        return;
    }
    whose.datagrams += datagram ? 1 : 0;
    whose.box.push_back(std::move(input));
    if (whose.box.size() == 1) { whose.changed.notify_one(); }
}

void Engines::give_to_others(unsigned share, const ike::Input& input) {
    for (unsigned i = 0; i < count(); ++i) {
        if (i != share) { give_to(i, input); }
    }
}

unsigned Engines::give(ike::Input input) {
    const auto stands = [this](unsigned share, const std::string& connection) {
        return in_turn(share, [&](auto& engine) { return engine.stands(connection, {}); });
    };
    if (const auto whose = routes_.of(input, count(), stands)) {
        give_to(*whose, std::move(input));
        return 1;
    }
    for (unsigned i = 0; i < count(); ++i) { give_to(i, input); }
    return count();
}

void Engines::each(const std::function<void(ike::Engine&)>& work) {
    for (unsigned i = 0; i < count(); ++i) {
        in_turn(i, [&](ike::Engine& engine) { work(engine); });
    }
}

ike::Engine* Engines::only() { return count() == 1 ? &shares_.front()->engine : nullptr; }

void Engines::keep(ike::Failure failure) {
    in_turn(0, [&](ike::Engine& engine) { engine.keep(std::move(failure)); });
}

std::vector<Engines::Said> Engines::configure(const ike::ConfigSnapshot& config, Instant now) {
    std::vector<Said> out;
    routes_.use(config);
    for (unsigned i = 0; i < count(); ++i) {
        out.push_back(
            {i, in_turn(i, [&](ike::Engine& engine) { return engine.configure(config, now); })});
        if (count() == 1) { return out; }
        if (i == 0) {
            for (const ike::Connection& connection : config->connections) {
                for (const ike::ChildConfig& child : connection.children) {
                    const ReqId reqid = reqid_of(connection.name, child.name);
                    routes_.know(reqid, connection.name);
                    for (unsigned other = 1; other < count(); ++other) {
                        in_turn(other, [&](ike::Engine& engine) {
                            engine.know_reqid(connection.name, child.name, reqid);
                        });
                    }
                }
            }
        }
        const std::scoped_lock lock{shares_[i]->box_mutex};
        shares_[i]->look_again = true;
        shares_[i]->changed.notify_one();
    }
    return out;
}

ReqId Engines::reqid_of(const std::string& connection, const std::string& child) {
    return in_turn(0, [&](ike::Engine& engine) { return engine.reqid_of(connection, child); });
}

std::vector<ike::IkeSaStatus> Engines::status(Instant now) {
    std::vector<ike::IkeSaStatus> out;
    each([&](ike::Engine& engine) {
        std::ranges::move(engine.status(now), std::back_inserter(out));
    });
    if (count() > 1) { std::ranges::stable_sort(out, {}, &ike::IkeSaStatus::unique_id); }
    return out;
}

bool Engines::stands(std::string_view connection, std::string_view child) {
    bool out = false;
    each([&](ike::Engine& engine) { out = out || engine.stands(connection, child); });
    return out;
}

std::vector<ike::Failure> Engines::failures() {
    std::vector<ike::Failure> out;
    each([&](ike::Engine& engine) {
        std::ranges::move(engine.failures(), std::back_inserter(out));
    });
    if (count() > 1) { std::ranges::stable_sort(out, std::greater{}, &ike::Failure::at); }
    return out;
}

namespace {

void add(ike::Counters& all, const ike::Counters& more) {
    for (const auto& [name, value] : more) { all[name] += value; }
}

}  // namespace

ike::Counters Engines::counters() {
    ike::Counters out;
    each([&](ike::Engine& engine) { add(out, engine.counters()); });
    return out;
}

std::map<std::string, ike::Counters> Engines::connection_counters() {
    std::map<std::string, ike::Counters> out;
    each([&](ike::Engine& engine) {
        for (const auto& [name, counters] : engine.connection_counters()) {
            add(out[name], counters);
        }
    });
    return out;
}

std::size_t Engines::half_open() {
    std::size_t out = 0;
    each([&](ike::Engine& engine) { out += engine.half_open(); });
    return out;
}

bool Engines::waits() {
    bool out = false;
    each([&](ike::Engine& engine) { out = out || engine.next_deadline().has_value(); });
    return out;
}

std::uint64_t Engines::inputs_dropped() const {
    std::uint64_t out = 0;
    for (const auto& share : shares_) {
        const std::scoped_lock lock{share->box_mutex};
        out += share->dropped;
    }
    return out;
}

}  // namespace culvert::daemon
