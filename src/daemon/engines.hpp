#pragma once
// The engines of this gateway (charon.culvert_engines). A single one runs in the thread that asks
// it, which is the main thread; of several each has a thread, a box of inputs, and its share of the
// peers (ike/share.hpp). What they say is carried out by the main thread alone.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ike/engine.hpp"
#include "ike/share.hpp"

namespace culvert::daemon {

// Deadlines are late by up to engine_moment (limits.hpp), so that those of many peers are met
// together: each wake-up costs more than the message it sends.
Instant end_of_moment(Instant at);

class Engines {
 public:
    struct Said {
        unsigned share = 0;
        ike::Actions actions;
    };
    struct Listeners {
        // Something can be taken. From any thread.
        std::function<void()> said;
        // An engine was cut short (std::bad_alloc): see EngineHost::Listeners. From any thread.
        std::function<void(const char* why)> broken;
    };
    // `count`: a power of two up to ike::shares_max.
    Engines(const ike::ConfigSnapshot& config, unsigned count, Listeners listeners);
    Engines(const Engines&) = delete;
    Engines& operator=(const Engines&) = delete;
    Engines(Engines&&) = delete;
    Engines& operator=(Engines&&) = delete;
    ~Engines();

    unsigned count() const { return static_cast<unsigned>(shares_.size()); }
    // Where there is one: it is this one, and the functions below until said() are not called.
    ike::Engine* only();

    // Begins their threads. What is set below is set before.
    void start();
    // Ends them: nothing asks the listeners, or what was handed to the engines, any more.
    void stop();
    // To whom it belongs, or to all. How many have it.
    unsigned give(ike::Input input);
    void give_to(unsigned share, ike::Input input);
    void give_to_others(unsigned share, const ike::Input& input);
    std::vector<Said> take();

    // With one engine or many:
    std::vector<Said> configure(const ike::ConfigSnapshot& config, Instant now);
    // Each of them, while its thread does nothing.
    void each(const std::function<void(ike::Engine&)>& work);

    ReqId reqid_of(const std::string& connection, const std::string& child);
    // In the order of their unique ids.
    std::vector<ike::IkeSaStatus> status(Instant now);
    bool stands(std::string_view connection, std::string_view child);
    std::vector<ike::Failure> failures();
    void keep(ike::Failure failure);
    ike::Counters counters();
    std::map<std::string, ike::Counters> connection_counters();
    std::size_t half_open();
    bool waits();  // for a deadline
    std::uint64_t inputs_dropped() const;

 private:
    struct Share;
    class SharedNeighbours;

    template <class Work>
    auto in_turn(unsigned share, Work work);
    void run(Share& share);
    void say(Said said);

    Listeners listeners_;
    ike::InputRoutes routes_;
    std::shared_ptr<SharedNeighbours> neighbours_;
    std::vector<std::unique_ptr<Share>> shares_;
    std::mutex said_mutex_;
    std::vector<Said> said_;
    bool told_ = false;
};

}  // namespace culvert::daemon
