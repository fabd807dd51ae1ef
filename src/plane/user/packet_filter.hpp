#pragma once
// Keeps the rules of filter_rules.hpp in the kernel, through the nft program. Changes are gathered
// and applied by a thread of its own: a rule may lag behind its policy by some milliseconds. What
// other programs take away it writes again.

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "ipsec/spd.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/user/filter_rules.hpp"
#include "plane/user/table_watch.hpp"

namespace culvert::plane {

class PacketFilter {
 public:
    // `warn` hears that another program changed the table, or what nft
    // refuses.
    PacketFilter(FilterSettings settings, std::function<void(Error)> warn)
        : settings_(std::move(settings)), warn_(std::move(warn)) {}
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
    // What nft refused; it is tried again.
    std::uint64_t failures() const;
    // How often the table was written again.
    std::uint64_t restored() const;

 private:
    using Clock = std::chrono::steady_clock;

    void run();
    void wait();
    void wake() const;
    void follow(std::vector<ipsec::SpdEntry> entries);
    void failed(Error why);
    Status apply(const std::vector<ipsec::SpdEntry>& entries);
    void watch();
    void look_when_due();
    bool is_as_written();
    void remember();

    FilterSettings settings_;
    std::function<void(Error)> warn_;
    // The thread's own.
    FilterPlan applied_;
    bool sets_ = true;
    std::optional<std::vector<ipsec::SpdEntry>> refused_;
    Clock::time_point again_at_{};
    bool told_refusal_ = false;
    std::optional<TableWatch> watch_;
    std::optional<std::uint64_t> written_;      // the fingerprint of what we wrote
    std::optional<Clock::time_point> look_at_;  // somebody changed something
    Clock::time_point looked_{};
    std::thread thread_;
    FileDescriptor wake_;
    mutable std::mutex mutex_;
    std::optional<std::vector<ipsec::SpdEntry>> wanted_;
    std::uint64_t failures_ = 0;
    std::uint64_t restored_ = 0;
    bool stopping_ = false;
};

}  // namespace culvert::plane
