#include "sim/engines.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace culvert::sim {

Engines::Engines(const ike::ConfigSnapshot& config, Random& random, unsigned count) {
    routes_.use(config);
    const auto neighbours = std::make_shared<ike::NeighbourBook>();
    for (unsigned i = 0; i < count; ++i) {
        engines_.emplace_back(config, random, ike::Share{.index = i, .count = count});
        if (count > 1) { engines_.back().use_neighbours(neighbours); }
    }
    for (const ike::Connection& connection : config->connections) {
        if (count == 1) { break; }
        for (const ike::ChildConfig& child : connection.children) {
            const ReqId reqid = engines_.front().reqid_of(connection.name, child.name);
            routes_.know(reqid, connection.name);
            for (ike::Engine& engine : engines_) {
                engine.know_reqid(connection.name, child.name, reqid);
            }
        }
    }
}

void Engines::use_source_lookup(const ike::SourceFor& source_for) {
    for (ike::Engine& engine : engines_) { engine.use_source_lookup(source_for); }
}

void Engines::use_crash_secret(const Secret& secret) {
    for (ike::Engine& engine : engines_) {
        engine.use_crash_secret(Secret::copy_of(secret.reveal()));
    }
}

void Engines::use_leases(const std::shared_ptr<ike::Leases>& leases) {
    for (ike::Engine& engine : engines_) { engine.use_leases(leases); }
}

ike::Actions Engines::handle(ike::Input input, Instant now) {
    if (count() == 1) { return engines_.front().handle(std::move(input), now); }
    ike::Actions out;
    const auto stands = [this](unsigned share, const std::string& connection) {
        return engines_[share].stands(connection, {});
    };
    if (const auto share = routes_.of(input, count(), stands)) {
        hear(*share, engines_[*share].handle(std::move(input), now), now, out);
        return out;
    }
    if (const auto* terminate = std::get_if<ike::Terminate>(&input)) {
        parts_.expect(terminate->id, count());
    } else if (const auto* rekey = std::get_if<ike::Rekey>(&input)) {
        parts_.expect(rekey->id, count());
    } else if (const auto* redirect = std::get_if<ike::Redirect>(&input)) {
        parts_.expect(redirect->id, count());
    }
    for (unsigned i = 0; i < count(); ++i) { hear(i, engines_[i].handle(input, now), now, out); }
    return out;
}

void Engines::hear(unsigned share, ike::Actions said, Instant now, ike::Actions& out) {
    for (ike::Action& action : said) {
        if (const auto* tell = std::get_if<ike::TellNeighbours>(&action)) {
            for (unsigned i = 0; i < count(); ++i) {
                if (i != share) { hear(i, engines_[i].handle(tell->what, now), now, out); }
            }
        } else if (const auto* done = std::get_if<ike::CommandDone>(&action)) {
            if (auto whole = parts_.done(*done)) { out.emplace_back(*std::move(whole)); }
        } else {
            out.push_back(std::move(action));
        }
    }
}

ike::Actions Engines::tick(Instant now) {
    ike::Actions out;
    for (unsigned i = 0; i < count(); ++i) { hear(i, engines_[i].tick(now), now, out); }
    return out;
}

std::optional<Instant> Engines::next_deadline() const {
    std::optional<Instant> out;
    for (const ike::Engine& engine : engines_) {
        const auto one = engine.next_deadline();
        if (one && (!out || *one < *out)) { out = one; }
    }
    return out;
}

std::vector<ike::IkeSaStatus> Engines::status(Instant now) const {
    std::vector<ike::IkeSaStatus> out;
    for (const ike::Engine& engine : engines_) {
        std::ranges::move(engine.status(now), std::back_inserter(out));
    }
    return out;
}

std::size_t Engines::half_open() const {
    std::size_t out = 0;
    for (const ike::Engine& engine : engines_) { out += engine.half_open(); }
    return out;
}

std::vector<ike::Failure> Engines::failures() const {
    std::vector<ike::Failure> out;
    for (const ike::Engine& engine : engines_) {
        std::ranges::move(engine.failures(), std::back_inserter(out));
    }
    return out;
}

bool Engines::stands(std::string_view connection, std::string_view child) const {
    return std::ranges::any_of(
        engines_, [&](const ike::Engine& engine) { return engine.stands(connection, child); });
}

void Engines::check_invariants() const {
    for (const ike::Engine& engine : engines_) { engine.check_invariants(); }
}

}  // namespace culvert::sim
