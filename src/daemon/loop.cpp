#include "daemon/loop.hpp"

#include <ctime>
#include <exception>

#include <sys/timerfd.h>

#define ASIO_STANDALONE
#define ASIO_NO_DEPRECATED
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>

#include "base/assert.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

timespec to_timespec(Instant at) {
    // Zero would disarm the timer; whatever is due already fires at once.
    const auto count = std::max<Duration::rep>(at.time_since_epoch().count(), 1);
    return {.tv_sec = static_cast<std::time_t>(count / 1'000'000'000),
            .tv_nsec = static_cast<long>(count % 1'000'000'000)};
}

}  // namespace

class Loop::Impl {
 public:
    asio::io_context context{1};
    std::optional<asio::signal_set> signals;
    std::function<void(int)> on_signal;

    void wait_for_signal() {
        signals->async_wait([this](const asio::error_code& error, int number) {
            if (error) { return; }
            try {
                on_signal(number);
            } catch (...) {
                wait_for_signal();
                throw;
            }
            wait_for_signal();
        });
    }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run(const std::function<void(std::string_view what)>& fault) {
    const auto guard = asio::make_work_guard(impl_->context);
    for (;;) {
        try {
            impl_->context.run();
            return;
        } catch (const std::exception& what) { fault(what.what()); }
    }
}

void Loop::stop() { impl_->context.stop(); }

void Loop::post(Task task) {
    // asio copies no handler that only moves, but its type must look copyable to none: a shared one
    // serves.
    asio::post(impl_->context, [shared = std::make_shared<Task>(std::move(task))] { (*shared)(); });
}

Instant Loop::now() {
    timespec time{};
    ASSERT(::clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return Instant{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

void Loop::on_signals(const std::vector<int>& signals, std::function<void(int)> handler) {
    impl_->on_signal = std::move(handler);
    impl_->signals.emplace(impl_->context);
    for (const int number : signals) {
        asio::error_code error;
        impl_->signals->add(number, error);
        ASSERT(!error);
    }
    impl_->wait_for_signal();
}

class Timer::Impl : public std::enable_shared_from_this<Timer::Impl> {
 public:
    Impl(asio::io_context& context, std::function<void()> task)
        : descriptor(context, ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)),
          on_time(std::move(task)) {
        ASSERT(descriptor.native_handle() >= 0);
    }

    asio::posix::stream_descriptor descriptor;
    std::function<void()> on_time;
    bool alive = true;

    void wait() {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const asio::error_code& error) {
                                  if (error || !self->alive) { return; }
                                  self->fired();
                              });
    }

    void fired() {
        std::uint64_t times = 0;
        // Reads nothing when the timer was set anew meanwhile.
        const bool due = ::read(descriptor.native_handle(), &times, sizeof times) > 0;
        wait();
        if (due) { on_time(); }
    }
};

Timer::Timer(Loop& loop, std::function<void()> task)
    : impl_(std::make_shared<Impl>(loop.impl().context, std::move(task))) {
    impl_->wait();
}

Timer::~Timer() {
    impl_->alive = false;
    asio::error_code ignored;
    impl_->descriptor.close(ignored);
}

void Timer::set(std::optional<Instant> at) {
    itimerspec spec{};
    if (at) { spec.it_value = to_timespec(*at); }
    ASSERT(::timerfd_settime(impl_->descriptor.native_handle(), TFD_TIMER_ABSTIME, &spec,
                             nullptr) == 0);
}

class Watcher::Impl : public std::enable_shared_from_this<Watcher::Impl> {
 public:
    Impl(asio::io_context& context, int fd) : descriptor(context, fd) {}

    asio::posix::stream_descriptor descriptor;
    bool alive = true;

    void wait(asio::posix::stream_descriptor::wait_type type, Task task) {
        descriptor.async_wait(
            type, [self = shared_from_this(), shared = std::make_shared<Task>(std::move(task))](
                      const asio::error_code& error) {
                if (error || !self->alive) { return; }
                (*shared)();
            });
    }
};

Watcher::Watcher(Loop& loop, int descriptor)
    : impl_(std::make_shared<Impl>(loop.impl().context, descriptor)) {}

Watcher::~Watcher() {
    impl_->alive = false;
    impl_->descriptor.release();  // cancels; the descriptor is another's to close
}

void Watcher::when_readable(Task task) {
    impl_->wait(asio::posix::stream_descriptor::wait_read, std::move(task));
}

void Watcher::when_writable(Task task) {
    impl_->wait(asio::posix::stream_descriptor::wait_write, std::move(task));
}

}  // namespace culvert::daemon
