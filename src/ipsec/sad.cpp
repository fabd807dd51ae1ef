#include "ipsec/sad.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

std::size_t spread(EspSpi spi) {
    return static_cast<std::size_t>(spi.value() * 0x9e3779b97f4a7c15U >> 32U);
}

}  // namespace

std::size_t Sad::slot_of(EspSpi spi) const {
    const std::size_t mask = inbound_.size() - 1;
    std::size_t at = spread(spi) & mask;
    while (inbound_[at].spi != EspSpi{} && inbound_[at].spi != spi) { at = (at + 1) & mask; }
    return at;
}

void Sad::grow() {
    const std::vector<Slot> old =
        std::exchange(inbound_, std::vector<Slot>(std::max<std::size_t>(16, inbound_.size() * 2)));
    for (const Slot& slot : old) {
        if (slot.spi != EspSpi{}) { inbound_[slot_of(slot.spi)] = slot; }
    }
}

void Sad::add(std::shared_ptr<InboundSa> sa) {
    const EspSpi spi = sa->spi();
    ASSERT(spi != EspSpi{});
    if (inbound_count_ * 2 >= inbound_.size()) { grow(); }
    Slot& slot = inbound_[slot_of(spi)];
    if (slot.spi == EspSpi{}) { ++inbound_count_; }
    slot = {spi, std::move(sa)};
}

void Sad::remove_inbound(EspSpi spi) {
    if (inbound_.empty() || spi == EspSpi{}) { return; }
    const std::size_t mask = inbound_.size() - 1;
    std::size_t hole = slot_of(spi);
    if (inbound_[hole].spi == EspSpi{}) { return; }
    --inbound_count_;
    // What was pushed on past the hole comes back to it.
    for (std::size_t at = (hole + 1) & mask; inbound_[at].spi != EspSpi{}; at = (at + 1) & mask) {
        const std::size_t home = spread(inbound_[at].spi) & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) { continue; }
        inbound_[hole] = std::move(inbound_[at]);
        hole = at;
    }
    inbound_[hole] = {};
}

InboundSa* Sad::find(EspSpi spi) const {
    if (inbound_.empty() || spi == EspSpi{}) { return nullptr; }
    return inbound_[slot_of(spi)].sa.get();
}

void Sad::find(std::span<const EspSpi> spis, std::span<InboundSa*> found) const {
    ASSERT(spis.size() == found.size());
    if (!inbound_.empty()) {
        for (const EspSpi spi : spis) {
            __builtin_prefetch(&inbound_[spread(spi) & (inbound_.size() - 1)]);
        }
    }
    for (std::size_t i = 0; i < spis.size(); ++i) { found[i] = find(spis[i]); }
}

Sad::Served& Sad::served(ReqId reqid) {
    auto at = std::ranges::lower_bound(outbound_, reqid, {}, &Served::reqid);
    if (at == outbound_.end() || at->reqid != reqid) { at = outbound_.insert(at, {reqid, {}}); }
    return *at;
}

void Sad::add(std::shared_ptr<OutboundSa> sa) {
    auto& sas = served(sa->reqid()).sas;
    const auto same = std::ranges::find(sas, sa->id(), [](const auto& s) { return s->id(); });
    if (same != sas.end()) {
        *same = std::move(sa);
    } else {
        sas.push_back(std::move(sa));
    }
}

void Sad::add_behind(std::shared_ptr<OutboundSa> sa) {
    auto& sas = served(sa->reqid()).sas;
    sas.insert(sas.begin(), std::move(sa));
}

void Sad::remove_outbound(ReqId reqid, ChildSaId id) {
    const auto at = std::ranges::lower_bound(outbound_, reqid, {}, &Served::reqid);
    if (at == outbound_.end() || at->reqid != reqid) { return; }
    std::erase_if(at->sas, [id](const auto& sa) { return sa->id() == id; });
    if (at->sas.empty()) { outbound_.erase(at); }
}

OutboundSa* Sad::outbound(ReqId reqid, const PacketInfo& packet) const {
    const auto at = std::ranges::lower_bound(outbound_, reqid, {}, &Served::reqid);
    if (at == outbound_.end() || at->reqid != reqid) { return nullptr; }
    for (auto sa = at->sas.rbegin(); sa != at->sas.rend(); ++sa) {
        if (matches_outbound(packet, (*sa)->local_ts(), (*sa)->remote_ts())) { return sa->get(); }
    }
    return nullptr;
}

OutboundSa* Sad::newest_outbound(ReqId reqid) const {
    const auto at = std::ranges::lower_bound(outbound_, reqid, {}, &Served::reqid);
    return at == outbound_.end() || at->reqid != reqid ? nullptr : at->sas.back().get();
}

bool Sad::has_outbound(ReqId reqid) const {
    const auto at = std::ranges::lower_bound(outbound_, reqid, {}, &Served::reqid);
    return at != outbound_.end() && at->reqid == reqid;
}

std::optional<EspSpi> peek_spi(ByteView esp) {
    if (esp.size() < 4) { return std::nullopt; }
    return EspSpi{std::uint32_t{esp[0]} << 24U | std::uint32_t{esp[1]} << 16U |
                  std::uint32_t{esp[2]} << 8U | esp[3]};
}

}  // namespace culvert::ipsec
