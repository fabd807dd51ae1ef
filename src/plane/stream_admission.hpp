#pragma once
// How many TCP streams may be there (RFC 9329 12; abuse case A-11): in all, from one address, and
// of strangers, who have not authenticated. Decides only; one thread at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "ipsec_types/spi.hpp"

namespace culvert::plane {

class StreamAdmission {
 public:
    struct Limits {
        std::size_t all;
        std::size_t strangers;
        std::size_t strangers_an_address;  // a /64 counts as one
    };
    explicit StreamAdmission(const Limits& limits) : limits_(limits) {}

    // One that was accepted: may it stay? If a stranger has to go for it, who; that is the oldest
    // one from where most of them come.
    Result<std::optional<StreamId>> arrive(StreamId id, const IpAddress& from);
    // An authenticated peer uses it: no stranger any more.
    void authenticated(StreamId id);
    void gone(StreamId id);
    bool is_stranger(StreamId id) const;
    std::size_t size() const { return from_.size(); }
    std::size_t strangers() const { return stranger_count_; }

 private:
    using Prefix = std::uint64_t;
    void no_stranger(StreamId id, Prefix prefix);

    Limits limits_;
    std::unordered_map<StreamId, Prefix> from_;
    std::map<Prefix, std::set<StreamId>> strangers_;  // the lowest id is the oldest
    std::size_t stranger_count_ = 0;
};

}  // namespace culvert::plane
