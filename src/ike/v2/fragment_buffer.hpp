#pragma once
// Fragments of one message (RFC 7383 2.6), each opened before it is kept.

#include <cstdint>
#include <map>
#include <optional>

#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {

class FragmentBuffer {
 public:
    explicit FragmentBuffer(MessageId id) : id_(id) {}
    bool is_for(MessageId id) const { return id_ == id; }

    // The whole, once the last piece came. Pieces that do not fit the others are left out.
    std::optional<Result<wire::Message>> add(wire::Fragment fragment);

    std::size_t arrived() const { return pieces_.size(); }
    std::size_t total() const { return total_; }

 private:
    MessageId id_;
    std::uint16_t total_ = 0;
    std::size_t size_ = 0;
    std::map<std::uint16_t, wire::Fragment> pieces_;
};

}  // namespace culvert::ike::v2
