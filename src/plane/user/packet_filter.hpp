#pragma once
// Keeps the rules of filter_rules.hpp in the kernel, through the nft program. Changes are gathered
// and applied by a thread of its own: a rule may lag behind its policy by some milliseconds.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "ipsec/spd.hpp"
#include "plane/user/filter_rules.hpp"

namespace culvert::plane {

// Runs `nft` with these arguments and this input. Its standard output, or: not_found (there is no
// nft), system, or unsupported with what nft said.
Result<std::string> run_nft(const std::vector<std::string>& arguments, std::string_view input);

class PacketFilter {
 public:
    explicit PacketFilter(FilterSettings settings) : settings_(std::move(settings)) {}
    PacketFilter(const PacketFilter&) = delete;
    PacketFilter& operator=(const PacketFilter&) = delete;
    PacketFilter(PacketFilter&&) = delete;
    PacketFilter& operator=(PacketFilter&&) = delete;
    // Takes the table away.
    ~PacketFilter();

    // Makes the table. After a failure all else does nothing.
    Status start();
    void update(std::vector<ipsec::SpdEntry> entries);
    bool running() const { return thread_.joinable(); }

    struct Dropped {
        std::uint64_t clear = 0;    // that should have been protected
        std::uint64_t discard = 0;  // that a DISCARD policy names
    };
    std::optional<Dropped> dropped() const;
    // Updates that nft refused.
    std::uint64_t failures() const;

 private:
    void run();
    bool apply(const std::vector<ipsec::SpdEntry>& entries);

    FilterSettings settings_;
    // The thread's own.
    FilterPlan applied_;
    bool sets_ = true;
    std::thread thread_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<std::vector<ipsec::SpdEntry>> wanted_;
    std::uint64_t failures_ = 0;
    bool stopping_ = false;
};

}  // namespace culvert::plane
