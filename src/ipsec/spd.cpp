#include "ipsec/spd.hpp"

#include <map>
#include <utility>

#include "base/assert.hpp"
#include "ipsec/classifier.hpp"

namespace culvert::ipsec {

struct Spd::Impl {
    SpdDefaults defaults;
    Classifier outbound;
    Classifier inbound;
};

struct SpdBuilder::Impl {
    SpdDefaults defaults;
    std::map<SpdEntryId, SpdEntry> entries;
    std::uint64_t next_id = 0;
    ClassifierBuilder outbound;
    ClassifierBuilder inbound;
};

namespace {

SpdDecision decide(const Classifier& classifier, const PacketInfo& packet, PolicyAction otherwise) {
    const Classifier::Answer answer = classifier.find(packet);
    if (!answer.found) { return {.action = otherwise}; }
    return {.action = answer.action,
            .trap = answer.trap,
            .reqid = answer.reqid,
            .entry = SpdEntryId{answer.serial}};
}

ClassifierRule rule_of(const SpdEntry& entry, SpdEntryId id) {
    return {.order = {.priority = entry.priority, .serial = id.value()},
            .action = entry.action,
            .trap = entry.trap,
            .reqid = entry.reqid};
}

Spd compiled(const std::vector<SpdEntry>& entries, SpdDefaults defaults) {
    SpdBuilder builder{defaults};
    for (const SpdEntry& entry : entries) { builder.add(entry); }
    return builder.snapshot();
}

}  // namespace

Spd::Spd(const std::vector<SpdEntry>& entries, SpdDefaults defaults)
    : Spd(compiled(entries, defaults)) {}
Spd::Spd(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Spd::~Spd() = default;

SpdDecision Spd::lookup_outbound(const PacketInfo& packet) const {
    return decide(impl_->outbound, packet, impl_->defaults.outbound);
}

void Spd::approach_outbound(const PacketInfo& packet) const { impl_->outbound.approach(packet); }

SpdDecision Spd::lookup_inbound(const PacketInfo& packet) const {
    return decide(impl_->inbound, packet, impl_->defaults.inbound);
}

DropReason Spd::check_inbound_clear(const PacketInfo& packet) const {
    switch (lookup_inbound(packet).action) {
        case PolicyAction::protect: return DropReason::inbound_must_be_protected;
        case PolicyAction::bypass: return DropReason::none;
        case PolicyAction::discard: break;
    }
    return DropReason::inbound_discard;
}

SpdBuilder::SpdBuilder(SpdDefaults defaults) : impl_(std::make_unique<Impl>()) {
    impl_->defaults = defaults;
}
SpdBuilder::SpdBuilder(SpdBuilder&&) noexcept = default;
SpdBuilder& SpdBuilder::operator=(SpdBuilder&&) noexcept = default;
SpdBuilder::~SpdBuilder() = default;

SpdEntryId SpdBuilder::add(SpdEntry entry) {
    const SpdEntryId id{impl_->next_id++};
    const ClassifierRule rule = rule_of(entry, id);
    if (entry.direction != SpdDirection::inbound) {
        impl_->outbound.add(rule, entry.local, entry.remote);
    }
    if (entry.direction != SpdDirection::outbound) {
        impl_->inbound.add(rule, entry.remote, entry.local);
    }
    impl_->entries.emplace(id, std::move(entry));
    return id;
}

void SpdBuilder::remove(SpdEntryId id) {
    const auto at = impl_->entries.find(id);
    ASSERT(at != impl_->entries.end());
    const SpdEntry& entry = at->second;
    const ClassifierRule rule = rule_of(entry, id);
    if (entry.direction != SpdDirection::inbound) {
        impl_->outbound.remove(rule.order, entry.local, entry.remote);
    }
    if (entry.direction != SpdDirection::outbound) {
        impl_->inbound.remove(rule.order, entry.remote, entry.local);
    }
    impl_->entries.erase(at);
}

Spd SpdBuilder::snapshot() const {
    return Spd{std::make_shared<const Spd::Impl>(Spd::Impl{.defaults = impl_->defaults,
                                                           .outbound = impl_->outbound.snapshot(),
                                                           .inbound = impl_->inbound.snapshot()})};
}

const SpdEntry& SpdBuilder::entry(SpdEntryId id) const {
    const auto at = impl_->entries.find(id);
    ASSERT(at != impl_->entries.end());
    return at->second;
}

std::vector<SpdEntry> SpdBuilder::entries() const {
    std::vector<SpdEntry> out;
    out.reserve(impl_->entries.size());
    for (const auto& [id, entry] : impl_->entries) { out.push_back(entry); }
    return out;
}

}  // namespace culvert::ipsec
