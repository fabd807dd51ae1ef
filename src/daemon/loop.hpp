#pragma once
// The main thread's loop: tasks from anywhere, timers that count suspend, descriptors, signals.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/instant.hpp"

namespace culvert::daemon {

using Task = std::move_only_function<void()>;

class Loop {
 public:
    Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    Loop(Loop&&) = delete;
    Loop& operator=(Loop&&) = delete;
    ~Loop();

    // Until stop(). A task that throws (no memory, no descriptor) is given up; the next ones go on,
    // and `fault` hears what it was.
    void run(const std::function<void(std::string_view what)>& fault);
    void stop();
    // From any thread.
    void post(Task task);
    // CLOCK_BOOTTIME.
    static Instant now();
    void on_signals(const std::vector<int>& signals, std::function<void(int)> handler);

    class Impl;
    Impl& impl() { return *impl_; }

 private:
    std::unique_ptr<Impl> impl_;
};

// Calls its task at a time. It belongs to one loop and dies before it; after that its task never
// runs.
class Timer {
 public:
    Timer(Loop& loop, std::function<void()> task);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    Timer(Timer&&) = delete;
    Timer& operator=(Timer&&) = delete;
    ~Timer();

    // Replaces the time that was set; nothing: never.
    void set(std::optional<Instant> at);
    void set_in(Duration from_now) { set(Loop::now() + from_now); }

 private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

// Waits for one descriptor, which it does not own and which must outlive it. Each wait is for one
// time; after destruction no task runs.
class Watcher {
 public:
    Watcher(Loop& loop, int descriptor);
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    Watcher(Watcher&&) = delete;
    Watcher& operator=(Watcher&&) = delete;
    ~Watcher();

    void when_readable(Task task);
    void when_writable(Task task);

 private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace culvert::daemon
