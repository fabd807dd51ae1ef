#include "plane/poller.hpp"

#include <array>
#include <cerrno>
#include <exception>

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace culvert::plane {

Result<Poller> Poller::make() {
    FileDescriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll) { return std::unexpected(system_error("to wait for sockets (epoll)", errno)); }
    FileDescriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!wake) { return std::unexpected(system_error("to wake a thread (eventfd)", errno)); }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
        return std::unexpected(system_error("to watch a descriptor", errno));
    }
    return Poller{std::move(epoll), std::move(wake)};
}

Status Poller::watch(int fd, std::function<void(std::uint32_t)> ready) {
    calls_.push_back(std::make_unique<Call>(Call{.fd = fd, .ready = std::move(ready)}));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLERR;
    event.data.ptr = calls_.back().get();
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return std::unexpected(system_error("to watch a descriptor", errno));
    }
    return {};
}

void Poller::look_at(int fd, bool wanted) const {
    for (const auto& call : calls_) {
        if (call->fd != fd) { continue; }
        epoll_event event{};
        event.events = wanted ? EPOLLIN | EPOLLERR : EPOLLERR;
        event.data.ptr = call.get();
        // It is there already, so that nothing can be missing.
        static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event));
    }
}

Status Poller::every(std::chrono::seconds period, std::function<void()> tick) {
    timer_ = FileDescriptor{::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!timer_) { return std::unexpected(system_error("a timer", errno)); }
    itimerspec times{};
    times.it_value.tv_sec = period.count();
    times.it_interval.tv_sec = period.count();
    if (::timerfd_settime(timer_.get(), 0, &times, nullptr) != 0) {
        return std::unexpected(system_error("to set a timer", errno));
    }
    return watch(timer_.get(), [fd = timer_.get(), tick = std::move(tick)](std::uint32_t) {
        std::uint64_t expirations = 0;
        if (::read(fd, &expirations, sizeof expirations) > 0) { tick(); }
    });
}

void Poller::run() {
    std::array<epoll_event, 16> events{};
    for (;;) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) { return; }
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) { return; }
            try {
                static_cast<const Call*>(event.data.ptr)->ready(event.events);
            } catch (const std::exception&) {
                // No memory for what was at hand, which is lost as on the wire; the rest goes on.
            }
        }
    }
}

void Poller::stop() const {
    const std::uint64_t one = 1;
    // It only fails when the counter is full, and then run() is woken already.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace culvert::plane
