#include "daemon/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

// From half of the time on: a wait that chance makes short is no back-off.
Duration wait_after(unsigned failures, Random& random) {
    const unsigned doublings = std::min(failures - 1, keep_doublings_max);
    const auto most =
        std::min<std::chrono::milliseconds>(keep_wait * (1U << doublings), keep_wait_max);
    const auto half = static_cast<std::uint64_t>(most.count() / 2);
    return std::chrono::milliseconds{static_cast<std::int64_t>(half + random.below(half + 1))};
}

}  // namespace

Keeper::Keeper(Loop& loop, Log& log, Gateway& gateway, Random& random)
    : log_(log), gateway_(gateway), random_(random), timer_(loop, [this] { look(); }) {}

void Keeper::start() { look(); }

void Keeper::look() {
    if (stopped_) { return; }
    timer_.set_in(keep_look_every);  // first: what follows may lack memory
    follow_configuration();
    const Instant now = Loop::now();
    for (auto& [name, kept] : kept_) {
        if (kept.trying || kept.held) { continue; }
        if (gateway_.stands(name.first, name.second)) {
            kept.failures = 0;
            kept.not_before = {};
        } else if (now >= kept.not_before) {
            kept.trying = true;
            bring_up(name);
        }
    }
}

void Keeper::follow_configuration() {
    const ike::ConfigSnapshot now = gateway_.snapshot();
    if (now == known_) { return; }
    std::map<Name, Kept> next;
    for (const ike::Connection& connection : now->connections) {
        for (const ike::ChildConfig& child : connection.children) {
            if (!child.keep_up) { continue; }
            Name name{connection.name, child.name};
            const auto before = kept_.find(name);
            next.emplace(std::move(name), before == kept_.end() ? Kept{} : before->second);
        }
    }
    kept_ = std::move(next);
    known_ = now;
}

void Keeper::bring_up(const Name& name) {
    gateway_.initiate(name.first, name.second, [this, name](const ike::CommandDone& done) {
        const auto found = kept_.find(name);
        if (found == kept_.end()) { return; }
        found->second.trying = false;
        if (!done.status && !found->second.held) {
            failed(name, found->second, done.status.error());
        }
    });
}

void Keeper::failed(const Name& name, Kept& kept, const Error& error) {
    ++kept.failures;
    kept.why = explain(error);
    const Duration wait = wait_after(kept.failures, random_);
    kept.not_before = Loop::now() + wait;
    log_.warn(
        LogGroup::daemon,
        fmt::format("{}/{} (culvert_keep_up) did not come up, try {}; the next is in {} s: {}",
                    name.first, name.second, kept.failures,
                    std::chrono::ceil<std::chrono::seconds>(wait).count(), kept.why));
}

std::optional<Keeper::Standing> Keeper::standing(const std::string& connection,
                                                 const std::string& child) const {
    const auto found = kept_.find(Name{connection, child});
    if (found == kept_.end()) { return std::nullopt; }
    const Kept& kept = found->second;
    Standing out{.held = kept.held, .failures = kept.failures, .next_try = {}, .why = {}};
    if (kept.failures == 0) { return out; }
    out.why = kept.why;
    if (!kept.trying) { out.next_try = std::max(Duration{}, kept.not_before - Loop::now()); }
    return out;
}

template <class Use>
void Keeper::each_meant(std::string_view connection, std::string_view child, Use use) {
    follow_configuration();
    for (auto& [name, kept] : kept_) {
        if ((connection.empty() || name.first == connection) &&
            (child.empty() || name.second == child)) {
            use(name, kept);
        }
    }
}

void Keeper::hold(std::string_view connection, std::string_view child) {
    each_meant(connection, child, [this](const Name& name, Kept& kept) {
        if (std::exchange(kept.held, true)) { return; }
        log_.info(LogGroup::daemon,
                  fmt::format("{}/{} is not kept up any more, until `culvert up {}`", name.first,
                              name.second, name.second));
    });
}

void Keeper::release(std::string_view connection, std::string_view child) {
    each_meant(connection, child, [](const Name& /*name*/, Kept& kept) {
        kept.held = false;
        kept.failures = 0;
        kept.not_before = {};
    });
}

}  // namespace culvert::daemon
