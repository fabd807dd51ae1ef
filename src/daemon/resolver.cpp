#include "daemon/resolver.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include <netdb.h>
#include <netinet/in.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

std::optional<IpAddress> address_of(const addrinfo& found) {
    if (found.ai_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, found.ai_addr, sizeof address);
        Bytes octets(sizeof address.sin_addr);
        std::memcpy(octets.data(), &address.sin_addr, octets.size());
        return IpAddress::from_octets(octets);
    }
    if (found.ai_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, found.ai_addr, sizeof address);
        Bytes octets(sizeof address.sin6_addr);
        std::memcpy(octets.data(), &address.sin6_addr, octets.size());
        return IpAddress::from_octets(octets);
    }
    return std::nullopt;
}

void look_up(const std::string& name, Resolver::Answer& out) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
    std::vector<IpAddress>& addresses = out.addresses[name];
    if (status != 0) {
        out.why[name] = ::gai_strerror(status);
        return;
    }
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        const auto address = address_of(*at);
        if (address && addresses.size() < addresses_a_name_max &&
            std::ranges::find(addresses, *address) == addresses.end()) {
            addresses.push_back(*address);
        }
    }
    ::freeaddrinfo(found);
    if (addresses.empty()) { out.why[name] = "it has no address"; }
}

}  // namespace

// Shared with the one thread, which may be inside getaddrinfo when the daemon ends.
struct Resolver::Shared {
    struct Job {
        std::set<std::string> names;
        OnAnswer on_answer;
    };
    std::mutex mutex;
    Loop* loop = nullptr;  // none: the resolver is gone
    std::deque<Job> jobs;
    bool running = false;

    // The thread. Without memory for a job it ends, and the next question begins another.
    void work_safely() {
        try {
            work();
        } catch (const std::exception&) {
            const std::scoped_lock lock{mutex};
            running = false;
        }
    }

    // Works until nothing is left.
    void work() {
        while (true) {
            Job job;
            {
                const std::scoped_lock lock{mutex};
                if (jobs.empty() || loop == nullptr) {
                    running = false;
                    return;
                }
                job = std::move(jobs.front());
                jobs.pop_front();
            }
            Answer answer;
            for (const std::string& name : job.names) { look_up(name, answer); }
            const std::scoped_lock lock{mutex};
            if (loop == nullptr) { return; }
            loop->post([on_answer = std::move(job.on_answer),
                        answer = std::move(answer)]() mutable { on_answer(std::move(answer)); });
        }
    }
};

Resolver::Resolver(Loop& loop) : shared_(std::make_shared<Shared>()) { shared_->loop = &loop; }

Resolver::~Resolver() {
    const std::scoped_lock lock{shared_->mutex};
    shared_->loop = nullptr;
}

void Resolver::resolve(std::set<std::string> names, OnAnswer on_answer) {
    const std::scoped_lock lock{shared_->mutex};
    shared_->jobs.push_back({std::move(names), std::move(on_answer)});
    if (shared_->running) { return; }
    try {
        std::thread{[shared = shared_] { shared->work_safely(); }}.detach();
        shared_->running = true;
    } catch (const std::system_error&) {
        // No thread to be had: the next question tries again, and this one waits for it.
        shared_->running = false;
    }
}

}  // namespace culvert::daemon
