// A Child SA from what was agreed on to the plane, and off it again.

#include <algorithm>

#include <fmt/format.h>

#include "ike/v2/child_negotiation.hpp"
#include "ike/v2/child_resources.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

namespace {

IpsecLifetime lifetime_of(const ChildConfig& config, const Environment& env) {
    // Soft time is the engine's own deadline; the hard one is the plane's as well, so that no key
    // outlives it whatever happens to us.
    return {.hard_time = config.life_time,
            .soft_bytes = env.about(config.rekey_bytes, config.rand_bytes),
            .hard_bytes = config.life_bytes,
            .soft_packets = env.about(config.rekey_packets, config.rand_packets),
            .hard_packets = config.life_packets,
            .inactivity = config.inactivity};
}

// What carries packets, where swanctl's sha256_96 has its way; what was agreed on keeps its name.
IpsecSuite suite_on_the_wire(const ChildConfig& config, const IpsecSuite& agreed) {
    IpsecSuite out = agreed;
    if (config.sha256_96 && agreed.integrity == crypto::IntegrityAlgorithm::hmac_sha2_256_128) {
        out.integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_96;
    }
    return out;
}

// Some protocols or ports only.
bool protects_some(const std::vector<SelectorConfig>& selectors) {
    return std::ranges::any_of(selectors, [](const SelectorConfig& one) {
        return one.selector.protocol != 0 || !one.selector.any_port();
    });
}

}  // namespace

ChildSaId install_child(SaCore& sa, const AgreedChild& agreed, ChildKeys keys, bool we_initiated,
                        const Environment& env) {
    const ChildConfig& config = *agreed.config;
    Child child{.id = env.new_child_id(),
                .reqid = agreed.reqid,
                .config = agreed.config,
                .mode = agreed.mode,
                .suite = agreed.suite,
                .ke = agreed.ke,
                .additional = agreed.additional,
                .inbound_spi = agreed.inbound_spi,
                .outbound_spi = agreed.outbound_spi,
                .udp_encap = sa.encapsulates(),
                .resource = agreed.resource,
                .local_ts = agreed.traffic.selectors.local,
                .remote_ts = agreed.traffic.selectors.remote,
                .installed_at = env.now,
                .rekey_at = env.at_about(config.rekey_time, config.rand_time)};
    if (config.life_time.count() > 0) { child.expires_at = env.now + config.life_time; }
    IpsecKeys ours = we_initiated ? std::move(keys.initiator) : std::move(keys.responder);
    IpsecKeys theirs = we_initiated ? std::move(keys.responder) : std::move(keys.initiator);
    env.emit(InstallChild{
        .sa = {.id = child.id,
               .reqid = child.reqid,
               .connection = sa.name(),
               .name = config.name,
               .suite = suite_on_the_wire(config, child.suite),
               .mode = child.mode,
               .local_is_initiator = we_initiated,
               .local = sa.local,
               .remote = sa.remote,
               .udp_encap = child.udp_encap,
               .stream = sa.stream,
               .inbound_spi = child.inbound_spi,
               .outbound_spi = child.outbound_spi,
               .inbound = std::move(theirs),
               .outbound = std::move(ours),
               .local_ts = child.local_ts,
               .remote_ts = child.remote_ts,
               .replay_window = config.replay_window,
               .lifetime = lifetime_of(config, env),
               .header_rules = config.header_rules,
               .priority = config.priority,
               .install_policies = config.install_policies,
               .leaves_rest = protects_some(config.local_ts) || protects_some(config.remote_ts),
               .behind_older = agreed.behind_older,
               .resource = agreed.resource,
               .tfc_padding = agreed.no_tfc_padding ? std::nullopt : config.tfc_padding,
               .nat_original_local = agreed.traffic.original_local,
               .nat_original_remote = agreed.traffic.original_remote}});
    env.state.child_owner.insert_or_assign(child.id, sa.local_spi);
    sa.children.push_back(std::move(child));
    return sa.children.back().id;
}

void remove_child(SaCore& sa, ChildSaId id, std::string_view why, const Environment& env) {
    const auto found = std::ranges::find(sa.children, id, &Child::id);
    if (found == sa.children.end()) { return; }
    const bool replaced = found->replaced;
    env.emit(RemoveChild{.id = id, .replaced = replaced});
    env.event(sa, *found, replaced ? EventKind::child_state_changed : EventKind::child_down,
              replaced ? Severity::debug : Severity::info,
              fmt::format("Child SA {}{{{}}} closed: {}", found->config->name, id.value(), why));
    env.release(found->inbound_spi);
    env.state.child_owner.erase(id);
    sa.children.erase(found);
}

void replaced(Child& child) {
    child.state = ChildState::rekeyed;
    child.replaced = true;
    child.rekey_at.reset();
}

void stop_sending(Child& child, const Environment& env) {
    if (!child.sending) { return; }
    child.sending = false;
    env.emit(StopSending{.id = child.id});
}

}  // namespace culvert::ike::v2
