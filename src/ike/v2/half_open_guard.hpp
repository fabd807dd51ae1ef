#pragma once
// What strangers may cost (RFC 7296 2.6): half-open IKE SAs counted in all, by /32 or /64 and by
// /24 or /48, stateless cookies under two rotating secrets, and a rate for answers to what fits
// nothing.

#include <array>
#include <cstdint>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "ike/connection.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

// So many a second, then none until the next second.
class RateLimit {
 public:
    explicit RateLimit(unsigned per_second) : per_second_(per_second) {}
    bool allow(Instant now);
    // Whether allow() would.
    bool has_room(Instant now) const {
        return now - window_start_ >= std::chrono::seconds(1) || used_ < per_second_;
    }

 private:
    unsigned per_second_;
    unsigned used_ = 0;
    Instant window_start_{};
};

class HalfOpenGuard {
 public:
    // One of so many that share the limits for all peers: each has its part of them.
    explicit HalfOpenGuard(unsigned guards = 1) : guards_(guards) {}

    void opened(const IpAddress& remote);
    void closed(const IpAddress& remote);
    // One was refused: it is no half-open one any more, and stays for a while to repeat its answer.
    // False: of this source so many stay that this one may not. Then, or later: refused_is_gone().
    bool refused(const IpAddress& remote);
    void refused_is_gone(const IpAddress& remote, bool stayed);
    std::size_t total() const { return total_; }
    unsigned from(const IpAddress& remote) const;

    enum class Verdict : std::uint8_t { accept, ask_cookie, ignore };
    Verdict judge(const IpAddress& remote, const EngineSettings& settings) const;

    // Cookie = <version of secret> | hash(secret, Ni | IPi | SPIi), as RFC 7296 2.6 suggests.
    Bytes make_cookie(ByteView nonce, const IpAddress& remote, IkeSpi initiator_spi, Instant now,
                      Random& random);
    bool check_cookie(ByteView cookie, ByteView nonce, const IpAddress& remote,
                      IkeSpi initiator_spi, Instant now);

 private:
    struct CookieSecret {
        std::uint8_t version = 0;
        Secret secret;
        Instant made{};
    };
    static IpAddress prefix_of(const IpAddress& remote);
    static IpAddress region_of(const IpAddress& remote);
    void leaves(const IpAddress& remote);
    void rotate(Instant now, Random& random);
    static Bytes compute(const CookieSecret& secret, ByteView nonce, const IpAddress& remote,
                         IkeSpi initiator_spi);

    bool reached(unsigned limit) const;
    bool region_is_full(const IpAddress& remote, unsigned limit) const;

    unsigned guards_;
    std::size_t total_ = 0;
    std::unordered_map<IpAddress, unsigned> by_prefix_;
    std::unordered_map<IpAddress, unsigned> by_region_;
    std::unordered_map<IpAddress, unsigned> refused_by_prefix_;
    CookieSecret current_;
    CookieSecret previous_;
};

}  // namespace culvert::ike::v2
