// connections.<conn>.children.<child>.

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

// A lifetime as written: what is missing follows from the others.
template <class T>
struct Life {
    std::optional<T> rekey;
    std::optional<T> life;
    std::optional<T> rand;
};

struct Draft {
    ike::ChildConfig child;
    ike::Proposals ah;
    Life<std::uint64_t> time;  // seconds
    Life<std::uint64_t> bytes;
    Life<std::uint64_t> packets;
    std::optional<bool> copy_df;
    std::optional<DfRule> outer_df;
};

std::optional<std::uint64_t> time_in_seconds(const Field& field) {
    const auto time = read_time(field);
    if (!time) { return std::nullopt; }
    return static_cast<std::uint64_t>(time->count());
}
std::optional<std::uint64_t> packets(const Field& field) {
    return read_number(field, 0, std::uint64_t{1} << 62U);
}

void read_ipsec_proposals(const Field& field, ike::ProtocolId protocol, ike::Proposals& into) {
    auto proposals = read_proposals(field, protocol);
    if (!proposals) { return; }
    if (const auto weak = weakness_of(*proposals, protocol)) {
        field.report(weak->warning ? Problem::Severity::warning : Problem::Severity::info,
                     weak->what, weak->remedy);
    }
    into = *std::move(proposals);
}

// As swanctl does: ESP's proposals are offered before AH's, and the default ones are of ESP.
void join_proposals(Draft& draft) {
    ike::Proposals& all = draft.child.proposals;
    std::ranges::move(draft.ah, std::back_inserter(all));
    if (all.empty()) { all = ike::default_proposals(ike::ProtocolId::esp); }
    std::uint8_t number = 0;  // RFC 7296 3.3.1
    for (ike::Proposal& proposal : all) { proposal.number = ++number; }
}

void read_selectors_into(const Field& field, std::vector<ike::SelectorConfig>& into) {
    auto selectors = read_selectors(field);
    if (!selectors) { return; }
    if (selectors->empty()) {
        field.error("names no selector", "remove the line, or write dynamic");
        return;
    }
    into = *std::move(selectors);
}

void read_mode(const Field& field, ike::ChildConfig& child) {
    using ike::ChildMode;
    const auto* text = std::get_if<std::string>(&field.entry.element);
    if (text != nullptr) {
        for (const std::string_view known : {"transport_proxy", "beet", "iptfs"}) {
            if (*text == known) {
                field.error(fmt::format("mode = {} is not built", known), "use mode = tunnel");
                return;
            }
        }
    }
    if (const auto mode = read_word<ChildMode>(field,
                                               {{"tunnel", ChildMode::tunnel},
                                                {"transport", ChildMode::transport},
                                                {"pass", ChildMode::pass},
                                                {"drop", ChildMode::drop}},
                                               "tunnel, transport, pass or drop")) {
        child.mode = *mode;
    }
}

void read_per_cpu_sas(const Field& field, ike::ChildConfig& child) {
    enum class Wanted : std::uint8_t { no, yes, encap };
    const auto wanted = read_word<Wanted>(
        field, {{"no", Wanted::no}, {"yes", Wanted::yes}, {"encap", Wanted::encap}},
        "no, yes or encap");
    if (!wanted) { return; }
    child.per_cpu_sas = *wanted != Wanted::no;
    if (*wanted == Wanted::encap) {
        field.warning("per_cpu_sas = encap is treated as yes: all SAs share the UDP ports",
                      "use per_cpu_sas = yes, and encap = yes of the connection for UDP");
    }
}

void read_start_action(const Field& field, ike::ChildConfig& child) {
    const auto actions = read_actions(field);
    if (!actions) { return; }
    child.start_action = actions->start  ? ike::StartAction::start
                         : actions->trap ? ike::StartAction::trap
                                         : ike::StartAction::none;
    child.start_also_traps = actions->start && actions->trap;
}

void read_other_action(const Field& field, ike::StartAction& into) {
    const auto actions = read_actions(field);
    if (!actions) { return; }
    if (actions->start && actions->trap) {
        field.warning("trap|start is treated as start here",
                      "use start_action = trap|start to have the trap in any case");
    }
    into = actions->start  ? ike::StartAction::start
           : actions->trap ? ike::StartAction::trap
                           : ike::StartAction::none;
}

template <class T, class U>
void store(U& into, std::optional<T> value) {
    if (value) { into = static_cast<U>(*std::move(value)); }
}

// No shell reads it: what a shell would make of it must not be expected.
void read_updown(const Field& field, ike::ChildConfig& child) {
    const auto command = field.text();
    if (!command || command->empty()) { return; }
    if (command->front() != '/') {
        field.error("does not begin with the full path of a program",
                    "write it, as in /usr/local/lib/updown; there is no search and no shell");
        return;
    }
    if (const auto at = command->find_first_of("|&;<>()$`\\\"'*?[]{}~!\n");
        at != std::string::npos) {
        field.error(fmt::format("holds \"{}\", but no shell reads it: it is a program and its "
                                "arguments, parted by blanks",
                                printable(command->substr(at, 1))),
                    "put the command into a script, and name that");
        return;
    }
    if (command->size() > command_size_max) {
        field.error(fmt::format("is longer than {} octets", command_size_max),
                    "put it into a script");
        return;
    }
    child.updown = *command;
}

constexpr std::uint64_t u32_max = 0xffffffff;
constexpr std::uint64_t replay_window_max = 8192;

using Use = void (*)(const Field&, Draft&);

// 0: none; mtu: to what the path takes.
void read_tfc_padding(const Field& field, ike::ChildConfig& child) {
    constexpr std::uint16_t to_path_mtu = 0xffff;
    if (field.text() == "mtu") {
        child.tfc_padding = to_path_mtu;
        return;
    }
    const auto octets = read_number(field, 0, to_path_mtu - 1);
    if (octets && *octets != 0) { child.tfc_padding = static_cast<std::uint16_t>(*octets); }
}

const std::unordered_map<std::string_view, Use>& uses() {
    static const std::unordered_map<std::string_view, Use> table{
        {"esp_proposals",
         [](const Field& f, Draft& d) {
             read_ipsec_proposals(f, ike::ProtocolId::esp, d.child.proposals);
         }},
        {"ah_proposals",
         [](const Field& f, Draft& d) { read_ipsec_proposals(f, ike::ProtocolId::ah, d.ah); }},
        {"local_ts", [](const Field& f, Draft& d) { read_selectors_into(f, d.child.local_ts); }},
        {"remote_ts", [](const Field& f, Draft& d) { read_selectors_into(f, d.child.remote_ts); }},
        {"rekey_time", [](const Field& f, Draft& d) { d.time.rekey = time_in_seconds(f); }},
        {"life_time", [](const Field& f, Draft& d) { d.time.life = time_in_seconds(f); }},
        {"rand_time", [](const Field& f, Draft& d) { d.time.rand = time_in_seconds(f); }},
        {"rekey_bytes", [](const Field& f, Draft& d) { d.bytes.rekey = read_octets(f); }},
        {"life_bytes", [](const Field& f, Draft& d) { d.bytes.life = read_octets(f); }},
        {"rand_bytes", [](const Field& f, Draft& d) { d.bytes.rand = read_octets(f); }},
        {"rekey_packets", [](const Field& f, Draft& d) { d.packets.rekey = packets(f); }},
        {"life_packets", [](const Field& f, Draft& d) { d.packets.life = packets(f); }},
        {"rand_packets", [](const Field& f, Draft& d) { d.packets.rand = packets(f); }},
        {"mode", [](const Field& f, Draft& d) { read_mode(f, d.child); }},
        {"policies",
         [](const Field& f, Draft& d) { store(d.child.install_policies, read_bool(f)); }},
        {"dpd_action", [](const Field& f, Draft& d) { read_other_action(f, d.child.dpd_action); }},
        {"close_action",
         [](const Field& f, Draft& d) { read_other_action(f, d.child.close_action); }},
        {"start_action", [](const Field& f, Draft& d) { read_start_action(f, d.child); }},
        {"inactivity", [](const Field& f, Draft& d) { store(d.child.inactivity, read_time(f)); }},
        {"culvert_keep_up", [](const Field& f, Draft& d) { store(d.child.keep_up, read_bool(f)); }},
        {"updown", [](const Field& f, Draft& d) { read_updown(f, d.child); }},
        {"hostaccess", [](const Field& f, Draft& d) { store(d.child.hostaccess, read_bool(f)); }},
        {"reqid",
         [](const Field& f, Draft& d) { store(d.child.reqid, read_number(f, 0, u32_max)); }},
        {"priority",
         [](const Field& f, Draft& d) { store(d.child.priority, read_number(f, 0, u32_max)); }},
        {"replay_window",
         [](const Field& f, Draft& d) {
             store(d.child.replay_window, read_number(f, 0, replay_window_max));
         }},
        {"tfc_padding", [](const Field& f, Draft& d) { read_tfc_padding(f, d.child); }},
        {"copy_df", [](const Field& f, Draft& d) { d.copy_df = read_bool(f); }},
        {"culvert_outer_df",
         [](const Field& f, Draft& d) {
             d.outer_df = read_word<DfRule>(
                 f, {{"copy", DfRule::copy}, {"set", DfRule::set}, {"clear", DfRule::clear}},
                 "copy, set or clear");
         }},
        {"culvert_outer_dscp",
         [](const Field& f, Draft& d) {
             if (const auto dscp = read_dscp(f)) { d.child.header_rules.dscp = *dscp; }
         }},
        {"sha256_96", [](const Field& f, Draft& d) { store(d.child.sha256_96, read_bool(f)); }},
        {"per_cpu_sas", [](const Field& f, Draft& d) { read_per_cpu_sas(f, d.child); }},
        {"copy_ecn",
         [](const Field& f, Draft& d) { store(d.child.header_rules.copy_ecn, read_bool(f)); }},
        {"copy_dscp",
         [](const Field& f, Draft& d) {
             store(d.child.header_rules.copy_dscp, read_word<DscpCopy>(f,
                                                                       {{"out", DscpCopy::out},
                                                                        {"in", DscpCopy::in},
                                                                        {"yes", DscpCopy::both},
                                                                        {"no", DscpCopy::none}},
                                                                       "out, in, yes or no"));
         }},
    };
    return table;
}

struct Settled {
    std::uint64_t rekey = 0;
    std::uint64_t life = 0;
    std::uint64_t rand = 0;
};

// strongSwan's defaults: life is 10 % above rekey, rekey a tenth of itself below life, rand what
// lies between.
Settled settle(const Life<std::uint64_t>& life, std::uint64_t rekey_else) {
    Settled out;
    out.rekey = life.rekey  ? *life.rekey
                : life.life ? *life.life / 11 * 10 + *life.life % 11 * 10 / 11
                            : rekey_else;
    out.life = life.life.value_or(out.rekey + out.rekey / 10);
    out.rand = life.rand.value_or(out.life > out.rekey ? out.life - out.rekey : 0);
    return out;
}

void check(const Scope& scope, const Settled& s, std::string_view unit) {
    if (s.rekey != 0 && s.life != 0 && s.life <= s.rekey) {
        scope.warning(fmt::format("life_{0} ({1}) ends the SA before rekey_{0} ({2}) can replace "
                                  "it",
                                  unit, s.life, s.rekey),
                      fmt::format("make life_{} larger", unit));
    }
    if (s.rekey != 0 && s.rand >= s.rekey) {
        scope.warning(
            fmt::format("rand_{0} ({1}) takes off all of rekey_{0} ({2})", unit, s.rand, s.rekey),
            fmt::format("make rand_{} smaller", unit));
    }
}

void settle_lifetimes(const Scope& scope, Draft& draft) {
    ike::ChildConfig& child = draft.child;
    constexpr std::uint64_t rekey_time_s = 3600;
    const Settled time = settle(draft.time, rekey_time_s);
    const Settled bytes = settle(draft.bytes, 0);
    const Settled packet_counts = settle(draft.packets, 0);
    check(scope, time, "time");
    check(scope, bytes, "bytes");
    check(scope, packet_counts, "packets");
    child.rekey_time = std::chrono::seconds{time.rekey};
    child.life_time = std::chrono::seconds{time.life};
    child.rand_time = std::chrono::seconds{time.rand};
    child.rekey_bytes = bytes.rekey;
    child.life_bytes = bytes.life;
    child.rand_bytes = bytes.rand;
    child.rekey_packets = packet_counts.rekey;
    child.life_packets = packet_counts.life;
    child.rand_packets = packet_counts.rand;
}

bool has_dynamic(const std::vector<ike::SelectorConfig>& selectors) {
    return std::ranges::any_of(selectors, &ike::SelectorConfig::dynamic);
}

// A shunt has no IKE SA whose endpoints "dynamic" could stand for.
void check_shunt(const Scope& scope, const ike::ChildConfig& child) {
    if (child.mode != ike::ChildMode::pass && child.mode != ike::ChildMode::drop) { return; }
    const std::string_view mode = child.mode == ike::ChildMode::pass ? "pass" : "drop";
    for (const auto& [name, selectors] :
         {std::pair{"local_ts", &child.local_ts}, std::pair{"remote_ts", &child.remote_ts}}) {
        if (has_dynamic(*selectors)) {
            scope.error(
                fmt::format("{} is dynamic, which means nothing with mode = {}", name, mode),
                fmt::format("write the addresses in {}", name));
        }
    }
    if (child.start_action == ike::StartAction::start) {
        scope.error(fmt::format("start_action = start means nothing with mode = {}", mode),
                    "use start_action = trap to install the policy");
    }
}

}  // namespace

ike::ChildConfig read_child(const Scope& scope) {
    Draft draft;
    ike::ChildConfig& child = draft.child;
    child.name = scope.name();
    is_name(scope);
    scope.each([&](const Field& field) {
        const Keyword* keyword = find_keyword(SectionKind::child, field.key());
        if (keyword == nullptr) { return unknown_keyword(field, SectionKind::child); }
        if (keyword->status != KeywordStatus::built) { return not_built(field, *keyword); }
        const auto use = uses().find(field.key());
        ASSERT(use != uses().end());
        use->second(field, draft);
    });
    join_proposals(draft);
    const ike::SelectorConfig dynamic{
        .dynamic = true, .selector = TrafficSelector::of(IpRange::everything(IpFamily::v4))};
    if (child.local_ts.empty()) { child.local_ts.push_back(dynamic); }
    if (child.remote_ts.empty()) { child.remote_ts.push_back(dynamic); }
    settle_lifetimes(scope, draft);
    child.header_rules.df =
        draft.outer_df.value_or(draft.copy_df.value_or(true) ? DfRule::copy : DfRule::clear);
    check_shunt(scope, child);
    return std::move(draft.child);
}

}  // namespace culvert::config
