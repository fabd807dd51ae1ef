#pragma once
// Keeps who has which virtual address over restarts (SQLite, in the state folder).

#include <memory>
#include <string>

#include "base/error.hpp"
#include "ike/leases.hpp"

namespace culvert::daemon {

class LeaseStore {
 public:
    // Fails with system, naming file and reason. One process at a time.
    static Result<LeaseStore> open(const std::string& path);
    LeaseStore(LeaseStore&&) noexcept;
    LeaseStore& operator=(LeaseStore&&) noexcept;
    LeaseStore(const LeaseStore&) = delete;
    LeaseStore& operator=(const LeaseStore&) = delete;
    ~LeaseStore();

    Status load(ike::LeaseBook& into);
    // A lease that was made or changed hands. Takes the place of what was kept of its address.
    Status keep(const ike::Lease& lease);

 private:
    struct Impl;
    explicit LeaseStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::daemon
