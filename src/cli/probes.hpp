#pragma once
// What `diagnose` tries from this host, apart from what it asks the daemon. Tests answer instead.

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::cli {

class Probes {
 public:
    Probes() = default;
    Probes(const Probes&) = delete;
    Probes& operator=(const Probes&) = delete;
    Probes(Probes&&) = delete;
    Probes& operator=(Probes&&) = delete;
    virtual ~Probes() = default;

    // What the name stands for; the error has the resolver's words.
    virtual Result<std::vector<IpAddress>> resolve(const std::string& name) = 0;
    // An address of this host that lies in the range.
    virtual std::optional<IpAddress> own_address_in(const IpRange& range) = 0;
    // One echo with so many octets of IP packet, never fragmented; whether it was answered within a
    // second.
    virtual Result<bool> ping(const IpAddress& from, const IpAddress& to, unsigned packet_size) = 0;
};

// This host's resolver, interfaces and ping(8).
class HostProbes final : public Probes {
 public:
    Result<std::vector<IpAddress>> resolve(const std::string& name) override;
    std::optional<IpAddress> own_address_in(const IpRange& range) override;
    Result<bool> ping(const IpAddress& from, const IpAddress& to, unsigned packet_size) override;
};

}  // namespace culvert::cli
