#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.hpp"
#include "ipsec/ah.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/sa_core.hpp"

namespace culvert::ipsec {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

Instant deadline(Instant now, std::chrono::seconds after) {
    return after.count() == 0 ? Instant::max() : now + after;
}

// RFC 3948 1 and RFC 3715 2.1: AH covers the addresses that a NAT changes.
Error ah_through_nat() {
    return {.code = ErrorCode::unsupported,
            .wanted = "an SA of AH between addresses that arrive as they were sent",
            .received = "UDP or TCP encapsulation, as through a NAT",
            .remedy = "use esp_proposals; null with an integrity algorithm gives what AH would"};
}

Result<SaTransform> make_transform(const ChildSa& sa, const IpsecKeys& keys) {
    const IpsecSuite& suite = sa.suite;
    if (suite.protocol == IpsecProtocol::ah) {
        if (sa.udp_encap) { return std::unexpected(ah_through_nat()); }
        auto mac = crypto::PacketMac::create(suite.integrity, keys.integrity);
        if (!mac) { return std::unexpected(std::move(mac).error()); }
        return SaTransform{crypto::PacketCipher::absent(), std::move(*mac)};
    }
    auto cipher = crypto::PacketCipher::create({.encryption = suite.encryption,
                                                .key_bits = suite.key_bits,
                                                .integrity = suite.integrity,
                                                .esn = suite.esn},
                                               keys.encryption, keys.integrity);
    if (!cipher) { return std::unexpected(std::move(cipher).error()); }
    return SaTransform{std::move(*cipher)};
}

std::size_t hot_batch(const SaTransform& transform, std::size_t octets, std::size_t size) {
    constexpr std::size_t least = 4;  // what a batch costs by itself is spread over them
    if (transform.cipher.multi_buffer()) { return batch_max; }
    return std::clamp(octets / std::max<std::size_t>(size, 1), least, batch_max);
}

}  // namespace

Usage::Usage(const IpsecLifetime& lifetime, Instant now)
    : lifetime_(lifetime),
      soft_deadline_(deadline(now, lifetime.soft_time)),
      hard_deadline_(deadline(now, lifetime.hard_time)) {}

std::uint64_t Usage::allowed(std::uint64_t wanted, Instant now) const {
    if (now >= hard_deadline_) { return 0; }
    if (lifetime_.hard_bytes != 0 && bytes_.load(relaxed) >= lifetime_.hard_bytes) { return 0; }
    if (lifetime_.hard_packets == 0) { return wanted; }
    const std::uint64_t done = packets_.load(relaxed);
    return done >= lifetime_.hard_packets ? 0 : std::min(wanted, lifetime_.hard_packets - done);
}

void Usage::add(std::uint64_t packets, std::uint64_t bytes, Instant now) {
    packets_.fetch_add(packets, relaxed);
    bytes_.fetch_add(bytes, relaxed);
    last_use_.store(now.time_since_epoch().count(), relaxed);
}

SaCounters Usage::counters() const {
    SaCounters out{.packets = packets_.load(relaxed), .bytes = bytes_.load(relaxed)};
    const Instant::rep last = last_use_.load(relaxed);
    if (last != never) { out.last_use = Instant{Duration{last}}; }
    return out;
}

bool Usage::soft_due(Instant now) const {
    return now >= soft_deadline_ ||
           (lifetime_.soft_bytes != 0 && bytes_.load(relaxed) >= lifetime_.soft_bytes) ||
           (lifetime_.soft_packets != 0 && packets_.load(relaxed) >= lifetime_.soft_packets);
}

bool Usage::hard_due(Instant now) const { return allowed(1, now) == 0; }

LifetimeEvent Usage::take_event(Instant now, bool nearly_out) {
    if (hard_told_.load(relaxed)) { return LifetimeEvent::none; }
    if (hard_due(now)) {
        return hard_told_.exchange(true, relaxed) ? LifetimeEvent::none : LifetimeEvent::hard;
    }
    if (soft_told_.load(relaxed) || !(nearly_out || soft_due(now))) { return LifetimeEvent::none; }
    return soft_told_.exchange(true, relaxed) ? LifetimeEvent::none : LifetimeEvent::soft;
}

std::optional<Instant> Usage::next_deadline() const {
    if (hard_told_.load(relaxed)) { return std::nullopt; }
    const Instant next =
        soft_told_.load(relaxed) ? hard_deadline_ : std::min(soft_deadline_, hard_deadline_);
    if (next == Instant::max()) { return std::nullopt; }
    return next;
}

SequenceCounter::Block SequenceCounter::reserve(std::uint64_t wanted) {
    std::uint64_t last = last_.load(relaxed);
    while (true) {
        const std::uint64_t count = std::min(wanted, limit_ - last);
        if (count == 0) { return {}; }
        if (last_.compare_exchange_weak(last, last + count, relaxed)) {
            return {.first = last + 1, .count = count};
        }
    }
}

bool SequenceCounter::nearly_out() const { return last_.load(relaxed) >= limit_ - limit_ / 4; }

SaCommon::SaCommon(const ChildSa& sa, SaTransform transform, EspSpi which, Instant now)
    : SaTransform(std::move(transform)),
      id(sa.id),
      reqid(sa.reqid),
      spi(which),
      suite(sa.suite),
      mode(sa.mode),
      rules(sa.header_rules),
      resource(sa.resource),
      local_ts(sa.local_ts),
      remote_ts(sa.remote_ts),
      usage(sa.lifetime, now) {}

std::optional<PlainRange> PlainRange::of(const TrafficSelectors& selectors) {
    if (selectors.size() != 1) { return std::nullopt; }
    const TrafficSelector& one = selectors.front();
    if (one.protocol != 0 || !one.any_port() || !one.addresses.first.is_v4()) {
        return std::nullopt;
    }
    return PlainRange{.first = one.addresses.first.v4_host_order(),
                      .last = one.addresses.last.v4_host_order()};
}

OutboundSa::Core::Core(const ChildSa& sa, SaTransform transform, Instant now,
                       std::uint64_t first_sequence)
    : SaCommon(sa, std::move(transform), sa.outbound_spi, now),
      sequence(sa.suite.esn, first_sequence),
      tfc_padding(sa.tfc_padding) {
    align = std::max<std::size_t>(4, cipher.block());
    ASSERT(std::has_single_bit(align));
}

InboundSa::Core::Core(const ChildSa& sa, SaTransform transform, Instant now,
                      std::uint64_t highest_sequence)
    : SaCommon(sa, std::move(transform), sa.inbound_spi, now),
      window(sa.replay_window, sa.suite.esn, highest_sequence),
      local_plain(PlainRange::of(local_ts)),
      remote_plain(PlainRange::of(remote_ts)) {
    align = std::max<std::size_t>(4, cipher.block());
    if (mode == IpsecMode::transport && (sa.nat_original_remote || sa.nat_original_local)) {
        nat_sent = {.source = sa.nat_original_remote.value_or(sa.remote.address),
                    .destination = sa.nat_original_local.value_or(sa.local.address)};
    }
}

Result<std::shared_ptr<OutboundSa>> OutboundSa::create(const ChildSa& sa, Random& random,
                                                       Instant now) {
    return create(sa, random, now, TestOptions{});
}

Result<std::shared_ptr<OutboundSa>> OutboundSa::create(const ChildSa& sa, Random& random,
                                                       Instant now, TestOptions options) {
    auto transform = make_transform(sa, sa.outbound);
    if (!transform) { return std::unexpected(std::move(transform).error()); }
    auto core = std::make_shared<Core>(sa, std::move(*transform), now, options.first_sequence);
    core->fixed_iv = std::move(options.iv);
    if (core->cipher.block() > 1) {
        // CBC: the cipher of the sequence number under a key of its own nobody can foretell (RFC
        // 3602 3 asks for randomly chosen or unpredictable IVs).
        Secret key(16);
        random.fill(key.write());
        core->iv_generator.emplace(key);
    }
    return std::shared_ptr<OutboundSa>(
        new OutboundSa(std::move(core), {sa.local, sa.remote, sa.udp_encap, sa.stream}));
}

OutboundSa::OutboundSa(std::shared_ptr<Core> core, SaEndpoints endpoints)
    : core_(std::move(core)), endpoints_(std::move(endpoints)) {}
OutboundSa::~OutboundSa() = default;

std::shared_ptr<OutboundSa> OutboundSa::with_endpoints(SaEndpoints endpoints) const {
    return std::shared_ptr<OutboundSa>(new OutboundSa(core_, std::move(endpoints)));
}

ChildSaId OutboundSa::id() const { return core_->id; }
ReqId OutboundSa::reqid() const { return core_->reqid; }
EspSpi OutboundSa::spi() const { return core_->spi; }
IpsecMode OutboundSa::mode() const { return core_->mode; }
const IpsecSuite& OutboundSa::suite() const { return core_->suite; }
const HeaderRules& OutboundSa::header_rules() const { return core_->rules; }
std::optional<std::uint16_t> OutboundSa::resource() const { return core_->resource; }
const TrafficSelectors& OutboundSa::local_ts() const { return core_->local_ts; }
const TrafficSelectors& OutboundSa::remote_ts() const { return core_->remote_ts; }
SaCounters OutboundSa::counters() const { return core_->usage.counters(); }
LifetimeEvent OutboundSa::take_lifetime_event(Instant now) {
    return core_->usage.take_event(now, core_->sequence.nearly_out());
}
std::optional<Instant> OutboundSa::next_deadline() const { return core_->usage.next_deadline(); }

std::size_t OutboundSa::esp_size(std::size_t inner_size) const {
    if (core_->mac) {
        return ah_size(*core_->mac, endpoints_.remote.address.family()) + inner_size;
    }
    const std::size_t align = core_->align;
    const std::size_t text = (inner_size + 2 + align - 1) & ~(align - 1);
    return 8 + core_->cipher.iv_size() + text + core_->cipher.icv_size();
}

std::size_t OutboundSa::text_offset() const { return 8 + core_->cipher.iv_size(); }

bool OutboundSa::carries_trains() const {
    return core_->suite.protocol == IpsecProtocol::esp && core_->mode == IpsecMode::tunnel &&
           !core_->tfc_padding;
}

std::size_t OutboundSa::batch_of(std::size_t size) const {
    return hot_batch(*core_, hot_octets_twice, size);
}

bool OutboundSa::reads_elsewhere() const { return !core_->mac && !core_->cipher.multi_buffer(); }

std::uint32_t OutboundSa::inner_mtu(std::uint32_t path_mtu) const {
    const std::size_t header = endpoints_.remote.address.is_v6() ? 40 : 20;
    if (core_->mac) {
        const std::size_t ah = ah_size(*core_->mac, endpoints_.remote.address.family());
        const std::size_t kept = core_->mode == IpsecMode::transport ? header : 0;
        return path_mtu < header + ah ? 0
                                      : static_cast<std::uint32_t>(path_mtu - header - ah + kept);
    }
    const std::size_t around = header + (endpoints_.udp_encap ? 8U : 0U) + 8 +
                               core_->cipher.iv_size() + core_->cipher.icv_size();
    if (path_mtu < around + core_->align) { return 0; }
    const std::size_t text = (path_mtu - around) / core_->align * core_->align;
    const std::size_t inner = text - 2 + (core_->mode == IpsecMode::transport ? header : 0);
    return static_cast<std::uint32_t>(inner);
}

std::uint32_t OutboundSa::path_mtu() const { return core_->path_mtu.load(relaxed); }

void OutboundSa::set_path_mtu(std::uint32_t path_mtu) {
    const std::uint32_t floor =
        endpoints_.remote.address.is_v6() ? path_mtu_v6_min : path_mtu_v4_min;
    core_->path_mtu.store(path_mtu == 0 ? 0 : std::max(path_mtu, floor), relaxed);
}

Result<std::shared_ptr<InboundSa>> InboundSa::create(const ChildSa& sa, Instant now) {
    return create(sa, now, TestOptions{});
}

Result<std::shared_ptr<InboundSa>> InboundSa::create(const ChildSa& sa, Instant now,
                                                     TestOptions options) {
    auto transform = make_transform(sa, sa.inbound);
    if (!transform) { return std::unexpected(std::move(transform).error()); }
    auto core = std::make_shared<Core>(sa, std::move(*transform), now, options.highest_sequence);
    return std::shared_ptr<InboundSa>(
        new InboundSa(std::move(core), {sa.local, sa.remote, sa.udp_encap, sa.stream}));
}

InboundSa::InboundSa(std::shared_ptr<Core> core, SaEndpoints endpoints)
    : core_(std::move(core)), endpoints_(std::move(endpoints)) {}
InboundSa::~InboundSa() = default;

std::shared_ptr<InboundSa> InboundSa::with_endpoints(SaEndpoints endpoints) const {
    return std::shared_ptr<InboundSa>(new InboundSa(core_, std::move(endpoints)));
}

ChildSaId InboundSa::id() const { return core_->id; }
ReqId InboundSa::reqid() const { return core_->reqid; }
EspSpi InboundSa::spi() const { return core_->spi; }
IpsecMode InboundSa::mode() const { return core_->mode; }
const IpsecSuite& InboundSa::suite() const { return core_->suite; }
const HeaderRules& InboundSa::header_rules() const { return core_->rules; }
const TrafficSelectors& InboundSa::local_ts() const { return core_->local_ts; }
const TrafficSelectors& InboundSa::remote_ts() const { return core_->remote_ts; }
SaCounters InboundSa::counters() const { return core_->usage.counters(); }
LifetimeEvent InboundSa::take_lifetime_event(Instant now) {
    return core_->usage.take_event(now, false);
}
std::optional<Instant> InboundSa::next_deadline() const { return core_->usage.next_deadline(); }
std::size_t InboundSa::batch_of(std::size_t size) const {
    return hot_batch(*core_, hot_octets, size);
}
std::uint64_t InboundSa::highest_sequence() const { return core_->window.highest(); }
std::uint64_t InboundSa::arrived() const { return core_->arrived.load(relaxed); }
std::uint32_t InboundSa::largest_arrived() const { return core_->largest.load(relaxed); }

void InboundSa::Core::note_arrived(std::uint64_t packets, std::size_t largest_inner) {
    arrived.fetch_add(packets, relaxed);
    const auto fresh = static_cast<std::uint32_t>(largest_inner);
    std::uint32_t known = largest.load(relaxed);
    while (known < fresh && !largest.compare_exchange_weak(known, fresh, relaxed)) {}
}

}  // namespace culvert::ipsec
