#include "ike/v2/half_open_guard.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "base/writer.hpp"
#include "crypto/prf.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

constexpr std::size_t cookie_mac_size = 16;

}  // namespace

bool RateLimit::allow(Instant now) {
    if (now - window_start_ >= std::chrono::seconds(1)) {
        window_start_ = now;
        used_ = 0;
    }
    if (used_ >= per_second_) { return false; }
    ++used_;
    return true;
}

namespace {

void take_one(std::unordered_map<IpAddress, unsigned>& counts, const IpAddress& of) {
    const auto found = counts.find(of);
    ASSERT(found != counts.end());
    if (--found->second == 0) { counts.erase(found); }
}

}  // namespace

void HalfOpenGuard::opened(const IpAddress& remote) {
    ++total_;
    ++by_prefix_[prefix_of(remote)];
    ++by_region_[region_of(remote)];
}

void HalfOpenGuard::closed(const IpAddress& remote) {
    leaves(remote);
    take_one(by_prefix_, prefix_of(remote));
}

void HalfOpenGuard::leaves(const IpAddress& remote) {
    ASSERT(total_ > 0);
    --total_;
    take_one(by_region_, region_of(remote));
}

bool HalfOpenGuard::refused(const IpAddress& remote) {
    take_one(by_prefix_, prefix_of(remote));
    unsigned& staying = refused_by_prefix_[prefix_of(remote)];
    if (staying >= refused_per_source_max) { return false; }
    ++staying;
    return true;
}

void HalfOpenGuard::refused_is_gone(const IpAddress& remote, bool stayed) {
    leaves(remote);
    if (stayed) { take_one(refused_by_prefix_, prefix_of(remote)); }
}

unsigned HalfOpenGuard::from(const IpAddress& remote) const {
    const auto found = by_prefix_.find(prefix_of(remote));
    return found == by_prefix_.end() ? 0 : found->second;
}

// Of a limit on all that are open, if there is one.
bool HalfOpenGuard::reached(unsigned limit) const {
    return limit > 0 && total_ >= (limit + guards_ - 1) / guards_;
}

// Whoever has many networks of his own, and takes cookies there, does not shut out all others.
bool HalfOpenGuard::region_is_full(const IpAddress& remote, unsigned limit) const {
    const auto found = by_region_.find(region_of(remote));
    const unsigned here = found == by_region_.end() ? 0 : found->second;
    return limit > 0 && here >= std::max(1U, limit / guards_ / regions_of_limit);
}

HalfOpenGuard::Verdict HalfOpenGuard::judge(const IpAddress& remote,
                                            const EngineSettings& settings) const {
    const unsigned here = from(remote);
    if (settings.block_threshold_per_ip > 0 && here >= settings.block_threshold_per_ip) {
        return Verdict::ignore;
    }
    const bool by_source = settings.block_threshold_per_ip > 0;
    if (reached(settings.half_open_max) ||
        (by_source && region_is_full(remote, settings.half_open_max))) {
        return Verdict::ignore;
    }
    if (reached(settings.cookie_threshold) ||
        (settings.cookie_threshold_per_ip > 0 && here >= settings.cookie_threshold_per_ip)) {
        return Verdict::ask_cookie;
    }
    return Verdict::accept;
}

Bytes HalfOpenGuard::make_cookie(ByteView nonce, const IpAddress& remote, IkeSpi initiator_spi,
                                 Instant now, Random& random) {
    rotate(now, random);
    return compute(current_, nonce, remote, initiator_spi);
}

bool HalfOpenGuard::check_cookie(ByteView cookie, ByteView nonce, const IpAddress& remote,
                                 IkeSpi initiator_spi, Instant now) {
    // A secret lives for two periods: one as the current, one as the previous one.
    const auto fits = [&](const CookieSecret& secret) {
        return !secret.secret.empty() && now - secret.made < 2 * cookie_secret_lifetime &&
               constant_time_equal(cookie, compute(secret, nonce, remote, initiator_spi));
    };
    return fits(current_) || fits(previous_);
}

namespace {

IpAddress cut_to(const IpAddress& address, std::size_t octets) {
    std::array<std::uint8_t, 16> out{};
    std::copy_n(address.octets().begin(), octets, out.begin());
    return IpAddress::from_octets(std::span{out}.first(address.octets().size())).value_or(address);
}

}  // namespace

// One host has a whole /64: counting single IPv6 addresses would count nothing.
IpAddress HalfOpenGuard::prefix_of(const IpAddress& remote) {
    return remote.is_v4() ? remote : cut_to(remote, 8);
}

// A site has a whole /48, and many an attacker the /24 of a machine hall.
IpAddress HalfOpenGuard::region_of(const IpAddress& remote) {
    return cut_to(remote, remote.is_v4() ? 3 : 6);
}

void HalfOpenGuard::rotate(Instant now, Random& random) {
    if (!current_.secret.empty() && now - current_.made < cookie_secret_lifetime) { return; }
    CookieSecret next{.version = static_cast<std::uint8_t>(current_.version + 1),
                      .secret = Secret{32},
                      .made = now};
    random.fill(next.secret.write());
    previous_ = std::exchange(current_, std::move(next));
}

Bytes HalfOpenGuard::compute(const CookieSecret& secret, ByteView nonce, const IpAddress& remote,
                             IkeSpi initiator_spi) {
    Writer spi;
    spi.u64(initiator_spi.value());
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Secret mac = prf(secret.secret.reveal(), {nonce, remote.octets(), spi.view()});
    Writer cookie;
    cookie.u8(secret.version);
    cookie.bytes(mac.reveal().first(cookie_mac_size));
    return cookie.take();
}

}  // namespace culvert::ike::v2
