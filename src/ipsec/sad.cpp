#include "ipsec/sad.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

// One to one, so that only 0 becomes 0; each bit of the result hangs on each of the argument.
std::uint32_t mixed(std::uint32_t value) {
    value ^= value >> 16U;
    value *= 0x85ebca6bU;
    value ^= value >> 13U;
    value *= 0xc2b2ae35U;
    value ^= value >> 16U;
    return value;
}

}  // namespace

std::uint32_t Sad::InboundTraits::hash(EspSpi spi) { return mixed(spi.value()); }
std::uint32_t Sad::OutboundTraits::hash(ReqId reqid) {
    const std::uint32_t hash = mixed(reqid.value());
    return hash == 0 ? 1 : hash;  // reqid 0 is one like others
}

void Sad::add(std::shared_ptr<InboundSa> sa) {
    const EspSpi spi = sa->spi();
    ASSERT(spi != EspSpi{});
    inbound_.put(spi, std::move(sa));
}

void Sad::remove_inbound(EspSpi spi) {
    if (spi != EspSpi{}) { inbound_.erase(spi); }
}

InboundSa* Sad::find(EspSpi spi) const {
    if (spi == EspSpi{}) { return nullptr; }
    return inbound_.find(spi);
}

void Sad::find(std::span<const EspSpi> spis, std::span<InboundSa*> found) const {
    ASSERT(spis.size() == found.size());
    inbound_.find(spis, found);
}

const Sad::OfReqId& Sad::of(ReqId reqid) const {
    static const OfReqId none;
    const Served* served = outbound_.find(reqid);
    return served == nullptr ? none : served->sas;
}

void Sad::put(ReqId reqid, OfReqId sas) {
    outbound_.put(reqid, std::make_shared<const Served>(Served{reqid, std::move(sas)}));
}

void Sad::add(std::shared_ptr<OutboundSa> sa) {
    const ReqId reqid = sa->reqid();
    OfReqId sas = of(reqid);
    const auto same = std::ranges::find(sas, sa->id(), [](const auto& s) { return s->id(); });
    if (same != sas.end()) {
        *same = std::move(sa);
    } else {
        sas.push_back(std::move(sa));
    }
    put(reqid, std::move(sas));
}

void Sad::add_behind(std::shared_ptr<OutboundSa> sa) {
    const ReqId reqid = sa->reqid();
    OfReqId sas = of(reqid);
    sas.insert(sas.begin(), std::move(sa));
    put(reqid, std::move(sas));
}

void Sad::remove_outbound(ReqId reqid, ChildSaId id) {
    OfReqId sas = of(reqid);
    if (std::erase_if(sas, [id](const auto& sa) { return sa->id() == id; }) == 0) { return; }
    if (sas.empty()) {
        outbound_.erase(reqid);
    } else {
        put(reqid, std::move(sas));
    }
}

OutboundSa* Sad::outbound(ReqId reqid, const PacketInfo& packet, unsigned worker) const {
    const OfReqId& sas = of(reqid);
    unsigned resources = 0;
    for (const auto& sa : sas) {
        if (sa->resource()) { resources = std::max(resources, *sa->resource() + 1U); }
    }
    OutboundSa* any = nullptr;
    for (auto sa = sas.rbegin(); sa != sas.rend(); ++sa) {
        if (!matches_outbound(packet, (*sa)->local_ts(), (*sa)->remote_ts())) { continue; }
        if (resources == 0 || (*sa)->resource() == worker % resources) { return sa->get(); }
        if (any == nullptr) { any = sa->get(); }
    }
    return any;
}

OutboundSa* Sad::newest_outbound(ReqId reqid) const {
    const OfReqId& sas = of(reqid);
    return sas.empty() ? nullptr : sas.back().get();
}

bool Sad::has_outbound(ReqId reqid) const { return !of(reqid).empty(); }

}  // namespace culvert::ipsec
