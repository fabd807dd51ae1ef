#include "ipsec/spd.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ipsec/classifier.hpp"

namespace culvert::ipsec {

struct Spd::Impl {
    std::vector<SpdEntry> entries;
    std::vector<std::uint32_t> by_rank;  // rank -> index into entries
    SpdDefaults defaults;
    Classifier outbound;
    Classifier inbound;

    SpdDecision decide(std::uint32_t rank, PolicyAction otherwise) const {
        if (rank == Classifier::no_match) { return {.action = otherwise}; }
        const std::uint32_t index = by_rank[rank];
        return {.action = entries[index].action, .reqid = entries[index].reqid, .entry = index};
    }
};

Spd::Spd(std::vector<SpdEntry> entries, SpdDefaults defaults) {
    auto impl = std::make_unique<Impl>();
    impl->entries = std::move(entries);
    impl->defaults = defaults;
    impl->by_rank.resize(impl->entries.size());
    std::iota(impl->by_rank.begin(), impl->by_rank.end(), 0U);
    std::ranges::stable_sort(
        impl->by_rank, {}, [&impl](std::uint32_t index) { return impl->entries[index].priority; });
    for (std::uint32_t rank = 0; rank < impl->by_rank.size(); ++rank) {
        const SpdEntry& entry = impl->entries[impl->by_rank[rank]];
        if (entry.direction != SpdDirection::inbound) {
            impl->outbound.add(rank, entry.local, entry.remote);
        }
        if (entry.direction != SpdDirection::outbound) {
            impl->inbound.add(rank, entry.remote, entry.local);
        }
    }
    impl->outbound.finish();
    impl->inbound.finish();
    impl_ = std::move(impl);
}

Spd::Spd(Spd&&) noexcept = default;
Spd& Spd::operator=(Spd&&) noexcept = default;
Spd::~Spd() = default;

SpdDecision Spd::lookup_outbound(const PacketInfo& packet) const {
    return impl_->decide(impl_->outbound.find(packet), impl_->defaults.outbound);
}

SpdDecision Spd::lookup_inbound(const PacketInfo& packet) const {
    return impl_->decide(impl_->inbound.find(packet), impl_->defaults.inbound);
}

DropReason Spd::check_inbound_clear(const PacketInfo& packet) const {
    switch (lookup_inbound(packet).action) {
        case PolicyAction::protect: return DropReason::inbound_must_be_protected;
        case PolicyAction::bypass: return DropReason::none;
        case PolicyAction::discard: break;
    }
    return DropReason::inbound_discard;
}

const std::vector<SpdEntry>& Spd::entries() const { return impl_->entries; }

}  // namespace culvert::ipsec
