// connections.<conn> and its authentication rounds.

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

// What has no plain place in ike::Connection until all keys are read.
struct Draft {
    ike::Connection conn;
    std::optional<std::chrono::seconds> rekey_time;
    std::optional<std::chrono::seconds> reauth_time;
    std::optional<std::chrono::seconds> over_time;
    std::optional<std::chrono::seconds> rand_time;
    std::vector<AuthRound> local;
    std::vector<AuthRound> remote;
};

template <class T, class U>
void store(U& into, std::optional<T> value) {
    if (value) { into = static_cast<U>(*std::move(value)); }
}

void read_version(const Field& field, ike::Connection& conn) {
    const auto version = read_number(field, 0, 2);
    if (!version) { return; }
    if (*version == 1) {
        field.error("IKEv1 is not built yet", "use version = 2, if the peer can");
        return;
    }
    conn.version = static_cast<int>(*version);
}

void read_ike_proposals(const Field& field, ike::Connection& conn) {
    auto proposals = read_proposals(field, ike::ProtocolId::ike);
    if (!proposals) { return; }
    if (const auto weak = weakness_of(*proposals, ike::ProtocolId::ike)) {
        field.report(weak->warning ? Problem::Severity::warning : Problem::Severity::info,
                     weak->what, weak->remedy);
    }
    conn.proposals = *std::move(proposals);
}

void read_addresses_into(const Field& field, std::vector<ike::AddressPattern>& into) {
    auto addresses = read_addresses(field);
    if (!addresses) { return; }
    if (addresses->empty()) {
        field.error("names no address", "remove the line, or write %any");
        return;
    }
    into = *std::move(addresses);
}

void read_vips(const Field& field, ike::Connection& conn) {
    const auto texts = field.list();
    if (!texts) { return; }
    if (texts->empty()) { field.error("names no address", "remove the line, or write 0.0.0.0"); }
    for (const std::string& text : *texts) {
        if (const auto address = IpAddress::parse(text)) {
            conn.vips.push_back(*address);
        } else {
            field.error(fmt::format("\"{}\" is not an address", printable(text, 80)),
                        "write 0.0.0.0 or :: for any, or the address that is wanted");
        }
    }
}

void read_pool_names(const Field& field, ike::Connection& conn) {
    auto names = field.list();
    if (!names) { return; }
    if (names->empty()) { field.error("names no pool", "remove the line, or name one"); }
    conn.pools = *std::move(names);
}

using Use = void (*)(const Field&, Draft&);

const std::unordered_map<std::string_view, Use>& uses() {
    using ike::Unique;
    static const std::unordered_map<std::string_view, Use> table{
        {"version", [](const Field& f, Draft& d) { read_version(f, d.conn); }},
        {"local_addrs",
         [](const Field& f, Draft& d) { read_addresses_into(f, d.conn.local_addrs); }},
        {"remote_addrs",
         [](const Field& f, Draft& d) { read_addresses_into(f, d.conn.remote_addrs); }},
        {"local_port",
         [](const Field& f, Draft& d) { store(d.conn.local_port, read_number(f, 0, 65535)); }},
        {"remote_port",
         [](const Field& f, Draft& d) { store(d.conn.remote_port, read_number(f, 0, 65535)); }},
        {"proposals", [](const Field& f, Draft& d) { read_ike_proposals(f, d.conn); }},
        {"dscp", [](const Field& f, Draft& d) { store(d.conn.dscp, read_dscp(f)); }},
        {"encap",
         [](const Field& f, Draft& d) {
             if (const auto yes = read_bool(f)) { d.conn.encap = *yes; }
         }},
        {"mobike", [](const Field& f, Draft& d) { store(d.conn.mobike, read_bool(f)); }},
        {"dpd_delay", [](const Field& f, Draft& d) { store(d.conn.dpd_delay, read_time(f)); }},
        {"keyingtries",
         [](const Field& f, Draft& d) { store(d.conn.keyingtries, read_number(f, 0, 1'000'000)); }},
        {"unique",
         [](const Field& f, Draft& d) {
             store(d.conn.unique, read_word<Unique>(f,
                                                    {{"no", Unique::no},
                                                     {"never", Unique::never},
                                                     {"keep", Unique::keep},
                                                     {"replace", Unique::replace}},
                                                    "no, never, keep or replace"));
         }},
        {"send_certreq",
         [](const Field& f, Draft& d) { store(d.conn.send_certreq, read_bool(f)); }},
        {"send_cert",
         [](const Field& f, Draft& d) {
             using ike::SendCertificate;
             store(d.conn.send_cert,
                   read_word<SendCertificate>(f,
                                              {{"ifasked", SendCertificate::if_asked},
                                               {"always", SendCertificate::always},
                                               {"yes", SendCertificate::always},
                                               {"never", SendCertificate::never},
                                               {"no", SendCertificate::never}},
                                              "ifasked, always or never"));
         }},
        {"ocsp",
         [](const Field& f, Draft& d) {
             using ike::OcspInBand;
             store(d.conn.ocsp, read_word<OcspInBand>(f,
                                                      {{"reply", OcspInBand::reply},
                                                       {"request", OcspInBand::request},
                                                       {"both", OcspInBand::both},
                                                       {"never", OcspInBand::never}},
                                                      "reply, request, both or never"));
         }},
        {"culvert_resumption",
         [](const Field& f, Draft& d) { store(d.conn.resumption, read_bool(f)); }},
        {"culvert_redirect_to",
         [](const Field& f, Draft& d) {
             if (auto gateway = read_gateway(f)) { d.conn.redirect_to = *std::move(gateway); }
         }},
        {"culvert_tcp",
         [](const Field& f, Draft& d) {
             using ike::TcpUse;
             store(
                 d.conn.tcp,
                 read_word<TcpUse>(
                     f, {{"no", TcpUse::no}, {"fallback", TcpUse::fallback}, {"yes", TcpUse::yes}},
                     "no, fallback or yes"));
         }},
        {"culvert_tcp_port",
         [](const Field& f, Draft& d) { store(d.conn.tcp_port, read_number(f, 1, 65535)); }},
        {"childless",
         [](const Field& f, Draft& d) {
             using ike::Childless;
             store(d.conn.childless, read_word<Childless>(f,
                                                          {{"allow", Childless::allow},
                                                           {"prefer", Childless::prefer},
                                                           {"force", Childless::force},
                                                           {"never", Childless::never}},
                                                          "allow, prefer, force or never"));
         }},
        {"fragmentation",
         [](const Field& f, Draft& d) {
             using ike::Fragmentation;
             store(d.conn.fragmentation,
                   read_word<Fragmentation>(f,
                                            {{"yes", Fragmentation::yes},
                                             {"accept", Fragmentation::accept},
                                             {"no", Fragmentation::no},
                                             {"force", Fragmentation::yes}},
                                            "yes, accept, no or force"));
         }},
        {"ppk_id", [](const Field& f, Draft& d) { store(d.conn.ppk_id, read_identity(f)); }},
        {"ppk_required",
         [](const Field& f, Draft& d) { store(d.conn.ppk_required, read_bool(f)); }},
        {"vips", [](const Field& f, Draft& d) { read_vips(f, d.conn); }},
        {"pools", [](const Field& f, Draft& d) { read_pool_names(f, d.conn); }},
        {"rekey_time", [](const Field& f, Draft& d) { d.rekey_time = read_time(f); }},
        {"reauth_time", [](const Field& f, Draft& d) { d.reauth_time = read_time(f); }},
        {"over_time", [](const Field& f, Draft& d) { d.over_time = read_time(f); }},
        {"rand_time", [](const Field& f, Draft& d) { d.rand_time = read_time(f); }},
    };
    return table;
}

void read_children(const Scope& scope, ike::Connection& conn) {
    scope.each([&](const Field& field) {
        if (field.section() == nullptr) {
            field.error("is a value, but here stand only children, each a section",
                        fmt::format("write {} {{ ... }}", printable(field.key())));
            return;
        }
        conn.children.push_back(read_child(Scope{scope, field}));
    });
}

void read_entry(const Scope& scope, const Field& field, Draft& draft) {
    const std::string_view key = field.key();
    if (field.section() != nullptr) {
        if (key == "children") { return read_children(Scope{scope, field}, draft.conn); }
        const auto* keyword = find_keyword(SectionKind::connection, key);
        // As strongSwan has it: whatever begins with the word.
        if (keyword == nullptr && key.starts_with("local")) {
            draft.local.push_back(read_auth(Scope{scope, field}, SectionKind::local));
            return;
        }
        if (keyword == nullptr && key.starts_with("remote")) {
            draft.remote.push_back(read_auth(Scope{scope, field}, SectionKind::remote));
            return;
        }
        if (keyword == nullptr) {
            field.error("is not a section of a connection",
                        "a connection holds local, remote and children");
            return;
        }
        field.text();  // says that it takes a value
        return;
    }
    if (key == "children" || key == "local" || key == "remote") {
        field.error("is a section, but is given a value", fmt::format("write {} {{ ... }}", key));
        return;
    }
    const Keyword* keyword = find_keyword(SectionKind::connection, key);
    if (keyword == nullptr) { return unknown_keyword(field, SectionKind::connection); }
    if (keyword->status != KeywordStatus::built) { return not_built(field, *keyword); }
    const auto use = uses().find(key);
    ASSERT(use != uses().end());
    use->second(field, draft);
}

// strongSwan's defaults: one of rekeying and re-authentication suffices; 10 % of the longer as
// margin.
void settle_times(Draft& draft) {
    using std::chrono::seconds;
    ike::Connection& conn = draft.conn;
    if (!draft.rekey_time && !draft.reauth_time) {
        conn.rekey_time = std::chrono::hours{4};
        conn.reauth_time = seconds{0};
    } else {
        conn.rekey_time = draft.rekey_time.value_or(seconds{0});
        conn.reauth_time = draft.reauth_time.value_or(seconds{0});
    }
    conn.over_time = draft.over_time.value_or(std::max(conn.rekey_time, conn.reauth_time) / 10);
    const seconds longer = std::max(conn.rekey_time, conn.reauth_time);
    conn.rand_time = draft.rand_time.value_or(std::min(conn.over_time, longer / 2));
}

void check_times(const Scope& scope, const ike::Connection& conn) {
    for (const auto& [name, time] :
         {std::pair{"rekey_time", conn.rekey_time}, std::pair{"reauth_time", conn.reauth_time}}) {
        if (time.count() != 0 && conn.rand_time >= time) {
            scope.warning(fmt::format("rand_time ({} s) takes off all of {} ({} s)",
                                      conn.rand_time.count(), name, time.count()),
                          "make rand_time shorter");
        }
    }
}

constexpr std::size_t rounds_max = 4;  // as many identities as anybody has

void settle_rounds(const Scope& scope, std::vector<AuthRound>& rounds, std::string_view side,
                   ike::AuthConfig& first, std::vector<ike::AuthConfig>& more) {
    if (rounds.empty()) {  // auth = pubkey, whoever it is
        first.method = ike::AuthMethodKind::pubkey;
        return;
    }
    if (rounds.size() > rounds_max) {
        scope.error(fmt::format("has {} {} sections ({}, {}...)", rounds.size(), side,
                                printable(rounds[0].section), printable(rounds[1].section)),
                    fmt::format("leave at most {}", rounds_max));
        return;
    }
    std::ranges::stable_sort(rounds, {}, &AuthRound::round);
    first = std::move(rounds.front().auth);
    for (std::size_t i = 1; i < rounds.size(); ++i) { more.push_back(std::move(rounds[i].auth)); }
}

bool has_eap(const ike::AuthConfig& first, const std::vector<ike::AuthConfig>& more) {
    const auto is_eap = [](const ike::AuthConfig& round) {
        return round.method == ike::AuthMethodKind::eap;
    };
    return is_eap(first) || std::ranges::any_of(more, is_eap);
}

void check_rounds(const Scope& scope, const ike::Connection& conn) {
    const bool several = !conn.local_more.empty() || !conn.remote_more.empty();
    if (several && conn.ppk_id.type != ike::IdType::any) {
        scope.error("has a ppk_id, and several local or remote sections: not built together",
                    "leave one section local and one section remote");
    }
    if (several && has_eap(conn.local, conn.local_more) && has_eap(conn.remote, conn.remote_more)) {
        scope.error(
            "has EAP on both sides, and several local or remote sections: not built "
            "together",
            "let the responder have auth = pubkey or psk in each of its rounds");
    }
    if (several && conn.resumption) {
        scope.error(
            "has culvert_resumption, and several local or remote sections: not built "
            "together",
            "leave one section local and one section remote, or remove culvert_resumption");
    }
}

// IKE leaves by charon.port, and by charon.port_nat_t where messages have the marker: remote_port
// decides (RFC 7296 2.23).
void check_ports(const Scope& scope, const ike::Connection& conn) {
    const auto field = scope.find("local_port");
    if (!field || conn.local_port == ike::ike_port) { return; }
    if (conn.local_port != ike::nat_t_port) {
        field->error("is a port that IKE does not leave by",
                     "remove it; charon.port and charon.port_nat_t set the daemon's ports");
    } else if (conn.remote_port == ike::ike_port) {
        field->error(
            "is the port of NAT traversal, and port 500 of the peer takes no such messages",
            "add remote_port = 4500");
    }
}

// culvert_keep_up: of what can be begun.
void check_kept(const Scope& scope, const ike::Connection& conn) {
    const bool nobody = std::ranges::all_of(conn.remote_addrs,
                                            [](const ike::AddressPattern& one) { return one.any; });
    for (const ike::ChildConfig& child : conn.children) {
        if (!child.keep_up) { continue; }
        if (nobody) {
            scope.error(fmt::format("has a child {} with culvert_keep_up, and remote_addrs names "
                                    "nobody to begin with",
                                    printable(child.name, 80)),
                        "set remote_addrs, or let the peer begin");
        }
        if (child.mode == ike::ChildMode::pass || child.mode == ike::ChildMode::drop) {
            scope.error(fmt::format("has a child {} with culvert_keep_up and no SA: its mode is "
                                    "pass or drop",
                                    printable(child.name, 80)),
                        "use start_action = trap");
        }
    }
}

// What EAP asks of both sides together.
void settle_eap(const Scope& scope, const ike::Connection& conn) {
    using enum ike::AuthMethodKind;
    const bool local = has_eap(conn.local, conn.local_more);
    if (!local && !has_eap(conn.remote, conn.remote_more)) { return; }
    if (conn.local.method == eap && conn.remote.method == eap &&
        std::ranges::none_of(conn.remote.eap_methods, ike::eap::is_mutual)) {
        scope.error(
            "has EAP on both sides, with methods that leave the responder unproved (RFC "
            "5998)",
            "let the responder have auth = pubkey, which clients see as remote.auth");
    }
    if (local && conn.remote.method == null) {
        scope.error("would show a password's proof to anybody: remote.auth is null",
                    "let the responder have auth = pubkey");
    }
    if (conn.ppk_required) {
        scope.error("has ppk_required and EAP, beside which no post-quantum secret is mixed in",
                    "leave ppk_required out, or use auth = pubkey or psk");
    }
}

}  // namespace

ike::Connection read_connection(const Scope& scope) {
    Draft draft;
    ike::Connection& conn = draft.conn;
    conn.name = scope.name();
    is_name(scope);
    scope.each([&](const Field& field) { read_entry(scope, field, draft); });
    const ike::AddressPattern any{.text = "%any", .any = true};
    if (conn.local_addrs.empty()) { conn.local_addrs.push_back(any); }
    if (conn.remote_addrs.empty()) { conn.remote_addrs.push_back(any); }
    if (conn.proposals.empty()) { conn.proposals = ike::default_proposals(ike::ProtocolId::ike); }
    settle_times(draft);
    check_times(scope, conn);
    settle_rounds(scope, draft.local, "local", conn.local, conn.local_more);
    settle_rounds(scope, draft.remote, "remote", conn.remote, conn.remote_more);
    settle_eap(scope, conn);
    check_rounds(scope, conn);
    check_ports(scope, conn);
    check_kept(scope, conn);
    return std::move(draft.conn);
}

}  // namespace culvert::config
