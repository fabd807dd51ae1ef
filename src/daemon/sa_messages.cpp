#include "daemon/sa_messages.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/limits.hpp"
#include "daemon/selector_text.hpp"

namespace culvert::daemon {
namespace {

using vici::List;
using vici::Section;

std::string seconds_between(Instant from, Instant to) {
    return fmt::format("{}", std::chrono::floor<std::chrono::seconds>(to - from).count());
}

List to_list(const TrafficSelectors& selectors) {
    List out;
    for (const TrafficSelector& selector : selectors) { out.push_back(selector_text(selector)); }
    return out;
}

List to_list(const std::vector<ike::SelectorConfig>& selectors) {
    List out;
    for (const ike::SelectorConfig& one : selectors) {
        out.push_back(selector_text(one.selector, one.dynamic));
    }
    return out;
}

List to_list(const std::vector<IpAddress>& addresses) {
    List out;
    for (const IpAddress& address : addresses) { out.push_back(address.to_string()); }
    return out;
}

void add_key_size(Section& out, std::string_view key, std::uint16_t bits) {
    if (bits != 0) { out.set(key, fmt::format("{}", bits)); }
}

// strongSwan's keys: "ake1" to "ake7".
void add_additional_kes(Section& out, const ike::AdditionalKes& chosen) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        if (chosen.at(i) == crypto::KeMethod::none) { continue; }
        out.set(fmt::format("ake{}", i + 1), ike::to_string(chosen.at(i)));
    }
}

void add_ike_suite(Section& out, const ike::ChosenIkeSuite& suite) {
    out.set("encr-alg", ike::to_string(suite.encryption));
    add_key_size(out, "encr-keysize", suite.key_bits);
    if (suite.integrity != crypto::IntegrityAlgorithm::none) {
        out.set("integ-alg", ike::to_string(suite.integrity));
    }
    out.set("prf-alg", ike::to_string(suite.prf));
    out.set("dh-group", ike::to_string(suite.ke));
    add_additional_kes(out, suite.additional);
}

void add_yes(Section& out, std::string_view key, bool value) {
    if (value) { out.set(key, "yes"); }
}

bool is_installed(ike::ChildState state) {
    switch (state) {
        case ike::ChildState::installed:
        case ike::ChildState::updating:
        case ike::ChildState::rekeying:
        case ike::ChildState::rekeyed:
        case ike::ChildState::deleting: return true;
        case ike::ChildState::created:
        case ike::ChildState::routed:
        case ike::ChildState::installing:
        case ike::ChildState::retrying:
        case ike::ChildState::deleted:
        case ike::ChildState::destroying: return false;
    }
    return false;
}

void add_child_suite(Section& out, const ike::ChildSaStatus& child) {
    if (child.suite.encryption != crypto::EncryptionAlgorithm::none) {
        out.set("encr-alg", ike::to_string(child.suite.encryption));
        add_key_size(out, "encr-keysize", child.suite.key_bits);
    }
    if (child.suite.integrity != crypto::IntegrityAlgorithm::none) {
        out.set("integ-alg", ike::to_string(child.suite.integrity));
    }
    if (child.ke != crypto::KeMethod::none) { out.set("dh-group", ike::to_string(child.ke)); }
    add_additional_kes(out, child.additional);
    if (child.suite.esn) { out.set("esn", "1"); }
}

void add_traffic(Section& out, const ChildSaCounters& counters) {
    const auto number = [](auto value) { return fmt::format("{}", value); };
    out.set("bytes-in", number(counters.inbound_bytes));
    out.set("packets-in", number(counters.inbound_packets));
    if (counters.inbound_idle_s >= 0) { out.set("use-in", number(counters.inbound_idle_s)); }
    out.set("bytes-out", number(counters.outbound_bytes));
    out.set("packets-out", number(counters.outbound_packets));
    if (counters.outbound_idle_s >= 0) { out.set("use-out", number(counters.outbound_idle_s)); }
}

void add_lifetimes(Section& out, const ike::ChildSaStatus& child, Instant now) {
    if (child.rekey_at) { out.set("rekey-time", seconds_between(now, *child.rekey_at)); }
    if (child.expires_at) { out.set("life-time", seconds_between(now, *child.expires_at)); }
    out.set("install-time", seconds_between(child.installed_at, now));
}

std::string_view class_name(ike::AuthMethodKind method) {
    switch (method) {
        case ike::AuthMethodKind::psk: return "pre-shared key";
        case ike::AuthMethodKind::pubkey: return "public key";
        case ike::AuthMethodKind::null: return "null";
        case ike::AuthMethodKind::eap: return "EAP";
    }
    return "unspecified";
}

Section auth_section(const ike::AuthConfig& auth) {
    Section out;
    if (auth.id.type != ike::IdType::any) { out.set("id", auth.id.to_string()); }
    out.set("class", class_name(auth.method));
    if (auth.method == ike::AuthMethodKind::eap) {
        if (auth.eap_methods.size() == 1) {
            out.set("eap-type", ike::eap::to_string(auth.eap_methods.front()));
        }
        if (auth.asks_eap_id || auth.eap_id.type != ike::IdType::any) {
            out.set("eap_id", auth.eap_id.to_string());
        }
    }
    const auto subjects = [](const std::vector<x509::Certificate>& list) {
        List names;
        for (const x509::Certificate& one : list) {
            names.push_back(ike::subject_of(one).to_string());
        }
        return names;
    };
    out.set("groups", List{})
        .set("cert_policy", List{auth.policies})
        .set("certs", subjects(auth.own.empty() ? auth.pinned : auth.own))
        .set("cacerts", subjects(auth.cacerts));
    return out;
}

List to_list(const std::vector<ike::AddressPattern>& patterns) {
    List out;
    for (const ike::AddressPattern& pattern : patterns) { out.push_back(pattern.text); }
    if (out.empty()) { out.emplace_back("%any"); }
    return out;
}

Section child_config_section(const ike::ChildConfig& child) {
    Section out;
    out.set("mode", mode_name(child.mode));
    out.set("rekey_time", fmt::format("{}", child.rekey_time.count()));
    out.set("rekey_bytes", fmt::format("{}", child.rekey_bytes));
    out.set("rekey_packets", fmt::format("{}", child.rekey_packets));
    out.set("dpd_action", action_name(child.dpd_action));
    out.set("close_action", action_name(child.close_action));
    out.set("local-ts", to_list(child.local_ts));
    out.set("remote-ts", to_list(child.remote_ts));
    if (child.priority != 0) { out.set("priority", fmt::format("{}", child.priority)); }
    out.set("culvert-start-action",
            child.start_also_traps ? "trap|start" : action_name(child.start_action));
    return out;
}

std::string_view unique_name(ike::Unique unique) {
    switch (unique) {
        case ike::Unique::no: return "UNIQUE_NO";
        case ike::Unique::never: return "UNIQUE_NEVER";
        case ike::Unique::keep: return "UNIQUE_KEEP";
        case ike::Unique::replace: return "UNIQUE_REPLACE";
    }
    return "UNIQUE_NO";
}

std::string_view version_name(int version) {
    switch (version) {
        case 1: return "IKEv1";
        case 2: return "IKEv2";
        default: return "IKEv1/2";
    }
}

}  // namespace

std::string_view mode_name(ike::ChildMode mode) {
    switch (mode) {
        case ike::ChildMode::tunnel: return "TUNNEL";
        case ike::ChildMode::transport: return "TRANSPORT";
        case ike::ChildMode::pass: return "PASS";
        case ike::ChildMode::drop: return "DROP";
    }
    return "TUNNEL";
}

std::string_view mode_name(IpsecMode mode) {
    return mode == IpsecMode::tunnel ? "TUNNEL" : "TRANSPORT";
}

std::string_view action_name(ike::StartAction action) {
    switch (action) {
        case ike::StartAction::none: return "none";
        case ike::StartAction::trap: return "trap";
        case ike::StartAction::start: return "start";
    }
    return "none";
}

std::string child_key(const ike::ChildSaStatus& child) {
    return fmt::format("{}-{}", child.name, child.unique_id);
}

Section ike_section(const ike::IkeSaStatus& ike, const Moment& moment) {
    Section out;
    out.set("uniqueid", fmt::format("{}", ike.unique_id));
    out.set("version", fmt::format("{}", ike.version));
    out.set("state", name(ike.state));
    out.set("local-host", ike.local.address.to_string());
    out.set("local-port", fmt::format("{}", ike.local.port));
    out.set("local-id", ike.local_id.to_string());
    out.set("remote-host", ike.remote.address.to_string());
    out.set("remote-port", fmt::format("{}", ike.remote.port));
    out.set("remote-id", ike.remote_id.to_string());
    if (ike.remote_eap_id.type != ike::IdType::any) {
        out.set("remote-eap-id", ike.remote_eap_id.to_string());
    }
    add_yes(out, "initiator", ike.initiator);
    out.set("initiator-spi", fmt::format("{:016x}", ike.initiator_spi));
    out.set("responder-spi", fmt::format("{:016x}", ike.responder_spi));
    add_yes(out, "nat-local", ike.nat_local);
    add_yes(out, "nat-remote", ike.nat_remote);
    add_yes(out, "nat-fake", ike.nat_fake);
    if (ike.tcp) { out.set("culvert-transport", "tcp"); }
    add_yes(out, "nat-any", ike.nat_local || ike.nat_remote || ike.nat_fake);
    if (ike.suite) { add_ike_suite(out, *ike.suite); }
    // strongSwan tells of times while it is up, and of none while it is rekeyed or closed.
    if (ike.established_at && ike.state == ike::IkeState::established) {
        out.set("established", seconds_between(*ike.established_at, moment.now));
        if (ike.rekey_at) { out.set("rekey-time", seconds_between(moment.now, *ike.rekey_at)); }
        if (ike.reauth_at) { out.set("reauth-time", seconds_between(moment.now, *ike.reauth_at)); }
    }
    // Ours says always how long it has been up.
    if (ike.established_at) {
        out.set("culvert-established", seconds_between(*ike.established_at, moment.now));
    }
    if (ike.handshake) {
        out.set("culvert-handshake-us",
                fmt::format("{}",
                            std::chrono::floor<std::chrono::microseconds>(*ike.handshake).count()));
    }
    out.set("culvert-age", seconds_between(ike.created_at, moment.now));
    if (!ike.local_vips.empty()) { out.set("local-vips", to_list(ike.local_vips)); }
    if (!ike.remote_vips.empty()) { out.set("remote-vips", to_list(ike.remote_vips)); }
    if (!ike.tasks_queued.empty()) { out.set("tasks-queued", List{ike.tasks_queued}); }
    if (!ike.tasks_active.empty()) { out.set("tasks-active", List{ike.tasks_active}); }
    if (!ike.tasks_passive.empty()) { out.set("tasks-passive", List{ike.tasks_passive}); }
    return out;
}

Section child_section(const ike::ChildSaStatus& child, const Moment& moment) {
    Section out;
    out.set("name", child.name);
    out.set("uniqueid", fmt::format("{}", child.unique_id));
    out.set("reqid", fmt::format("{}", child.reqid.value()));
    out.set("state", name(child.state));
    out.set("mode", mode_name(child.mode));
    if (is_installed(child.state)) {
        out.set("protocol", child.suite.protocol == IpsecProtocol::ah ? "AH" : "ESP");
        add_yes(out, "encap", child.udp_encap);
        add_yes(out, "per-cpu-sas", child.resource.has_value());
        if (child.resource) { out.set("cpu", fmt::format("{}", *child.resource)); }
        out.set("spi-in", fmt::format("{:08x}", child.inbound_spi.value()));
        out.set("spi-out", fmt::format("{:08x}", child.outbound_spi.value()));
        add_child_suite(out, child);
        const auto counters = moment.counters ? moment.counters(child.id) : std::nullopt;
        add_traffic(out, counters.value_or(ChildSaCounters{}));
        add_lifetimes(out, child, moment.now);
    }
    out.set("local-ts", to_list(child.local_ts));
    out.set("remote-ts", to_list(child.remote_ts));
    return out;
}

vici::Message list_sa(const ike::IkeSaStatus& ike, const Moment& moment) {
    Section children;
    for (const ike::ChildSaStatus& child : ike.children) {
        children.set(child_key(child), child_section(child, moment));
    }
    Section section = ike_section(ike, moment);
    section.set("child-sas", std::move(children));
    return vici::Message{}.set(ike.connection, std::move(section));
}

std::vector<vici::Message> list_sa_in_parts(const ike::IkeSaStatus& ike, const Moment& moment) {
    vici::Message whole = list_sa(ike, moment);
    const auto fits = [](const vici::Message& message) {
        return vici::encode({vici::PacketType::event, "list-sa", message}).has_value();
    };
    // So few always fit: encoding each SA twice would cost most of all where there are many.
    if (ike.children.size() <= children_always_fit || fits(whole)) { return {std::move(whole)}; }
    std::vector<vici::Message> out;
    ike::IkeSaStatus part = ike;
    for (std::size_t at = 0; at < ike.children.size(); at += children_always_fit) {
        const auto first = ike.children.begin() + static_cast<std::ptrdiff_t>(at);
        const auto count = std::min(children_always_fit, ike.children.size() - at);
        part.children.assign(first, first + static_cast<std::ptrdiff_t>(count));
        out.push_back(list_sa(part, moment));
    }
    return out;
}

vici::Message ike_with_child(const ike::IkeSaStatus& ike, const ike::ChildSaStatus& child,
                             const Moment& moment) {
    Section section = ike_section(ike, moment);
    section.set("child-sas", Section{}.set(child_key(child), child_section(child, moment)));
    return vici::Message{}.set(ike.connection, std::move(section));
}

vici::Message list_conn(const ike::Connection& connection, const ChildNews& news) {
    Section out;
    out.set("local_addrs", to_list(connection.local_addrs));
    out.set("remote_addrs", to_list(connection.remote_addrs));
    out.set("local_port", fmt::format("{}", connection.local_port));
    out.set("remote_port", fmt::format("{}", connection.remote_port));
    out.set("version", version_name(connection.version));
    out.set("reauth_time", fmt::format("{}", connection.reauth_time.count()));
    out.set("rekey_time", fmt::format("{}", connection.rekey_time.count()));
    if (connection.dpd_delay.count() != 0) {
        out.set("dpd_delay", fmt::format("{}", connection.dpd_delay.count()));
    }
    out.set("unique", unique_name(connection.unique));
    if (connection.ppk_id.type != ike::IdType::any) {
        out.set("ppk_id", connection.ppk_id.to_string());
    }
    if (connection.ppk_required) { out.set("ppk_required", "yes"); }
    List proposals;
    for (const ike::Proposal& proposal : connection.proposals) {
        proposals.push_back(proposal.to_string());
    }
    out.set("culvert-proposals", std::move(proposals));
    const auto rounds = [&](std::string_view side, const ike::AuthConfig& first,
                            const std::vector<ike::AuthConfig>& more) {
        out.set(fmt::format("{}-1", side), auth_section(first));
        for (std::size_t i = 0; i < more.size(); ++i) {
            out.set(fmt::format("{}-{}", side, i + 2), auth_section(more[i]));
        }
    };
    rounds("local", connection.local, connection.local_more);
    rounds("remote", connection.remote, connection.remote_more);
    Section children;
    for (const ike::ChildConfig& child : connection.children) {
        Section section = child_config_section(child);
        if (news) { news(child, section); }
        children.set(child.name, std::move(section));
    }
    out.set("children", std::move(children));
    return vici::Message{}.set(connection.name, std::move(out));
}

vici::Message list_policy(const Policy& policy, std::string_view mode) {
    Section out;
    out.set("child", policy.name);
    out.set("ike", policy.connection);
    out.set("mode", mode);
    out.set("local-ts", to_list(policy.local_ts));
    out.set("remote-ts", to_list(policy.remote_ts));
    return vici::Message{}.set(fmt::format("{}/{}", policy.connection, policy.name),
                               std::move(out));
}

}  // namespace culvert::daemon
