#pragma once
// What an engine draws or counts by itself, in such a way that it finds its way back (share.hpp),
// and that no other engine of this gateway comes to the same.

#include <cstdint>

#include "ike/engine.hpp"

namespace culvert::ike::v2 {

class Numbering {
 public:
    explicit Numbering(Share share) : share_(share) {}

    std::uint64_t ike_spi(std::uint64_t drawn) const;
    // Of the lower 28 bits, those that name no worker.
    std::uint32_t esp_spi(std::uint32_t drawn) const;
    // The n-th of an engine, from 1.
    template <class Number>
    Number id(Number n) const {
        return static_cast<Number>((n - 1) * share_.count + share_.index + 1);
    }

 private:
    Share share_;
};

}  // namespace culvert::ike::v2
