#pragma once
// The engines of one peer, dealt with as the daemon deals with them, but without threads: what an
// input leads to is done at once.

#include <memory>
#include <vector>

#include "ike/command_parts.hpp"
#include "ike/engine.hpp"
#include "ike/share.hpp"

namespace culvert::sim {

class Engines {
 public:
    // `count` is a power of two.
    Engines(const ike::ConfigSnapshot& config, Random& random, unsigned count);

    void use_source_lookup(const ike::SourceFor& source_for);
    void use_crash_secret(const Secret& secret);
    void use_leases(const std::shared_ptr<ike::Leases>& leases);

    ike::Actions handle(ike::Input input, Instant now);
    ike::Actions tick(Instant now);
    std::optional<Instant> next_deadline() const;
    std::vector<ike::IkeSaStatus> status(Instant now) const;
    std::size_t half_open() const;
    std::vector<ike::Failure> failures() const;
    bool stands(std::string_view connection, std::string_view child) const;
    void check_invariants() const;

 private:
    unsigned count() const { return static_cast<unsigned>(engines_.size()); }
    // Hands `said` on, and takes out of it what is between engines.
    void hear(unsigned share, ike::Actions said, Instant now, ike::Actions& out);

    ike::InputRoutes routes_;
    std::vector<ike::Engine> engines_;
    ike::CommandParts parts_;
};

}  // namespace culvert::sim
