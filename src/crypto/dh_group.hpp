#pragma once
// What the families of Diffie-Hellman groups have in common, for the sources of this room.

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::crypto {

// One private value of a group, with the public value that belongs to it.
class DhKey {
 public:
    explicit DhKey(Bytes public_value) : public_value_(std::move(public_value)) {}
    DhKey(const DhKey&) = delete;
    DhKey& operator=(const DhKey&) = delete;
    DhKey(DhKey&&) = delete;
    DhKey& operator=(DhKey&&) = delete;
    virtual ~DhKey() = default;

    const Bytes& public_value() const { return public_value_; }
    // `peer` has the group's public_size() octets; all else is checked here.
    virtual Result<Secret> shared(ByteView peer) const = 0;

 private:
    Bytes public_value_;
};

// A group without any state of an exchange; lives as long as the process, used by all threads.
class DhGroup {
 public:
    DhGroup() = default;
    DhGroup(const DhGroup&) = delete;
    DhGroup& operator=(const DhGroup&) = delete;
    DhGroup(DhGroup&&) = delete;
    DhGroup& operator=(DhGroup&&) = delete;
    virtual ~DhGroup() = default;

    // Of a public value on the wire, in octets.
    virtual std::size_t public_size() const = 0;
    virtual Secret draw_private(Random& random) const = 0;
    // Fails with bad_key_material when the group has no such private value.
    virtual Result<std::unique_ptr<DhKey>> key(Secret private_value) const = 0;
};

// Each family's groups; null for a method that is none of them.
const DhGroup* modp_group(KeMethod method);
const DhGroup* ecp_group(KeMethod method);
const DhGroup* montgomery_group(KeMethod method);

// The peer's value failed the check that `wanted` states.
Error bad_public_value(std::string_view wanted, std::string_view received);
Error bad_private_value();

}  // namespace culvert::crypto
