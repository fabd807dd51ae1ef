#include "cli/status_screen.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cli/drop_words.hpp"

namespace culvert::cli {
namespace {

using vici::Section;

constexpr std::size_t in_full_max = 6;    // IKE SAs
constexpr std::size_t lines_max = 24;     // of one line a connection
constexpr std::size_t children_max = 24;  // in full, of all connections
constexpr std::size_t failures_max = 3;   // without --all
constexpr std::size_t drop_kinds_max = 6;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

template <class Use>
void each_section(const Section* in, Use use) {
    if (in == nullptr) { return; }
    for (const vici::Entry& entry : in->entries) {
        if (const auto* section = std::get_if<Section>(&entry.element)) {
            use(entry.key, *section);
        }
    }
}

// One connection of the configuration, with what stands of it.
struct Row {
    std::string name;
    const Section* connection = nullptr;  // none: it is not in the configuration any more
    std::vector<const vici::Message*> sas;
    std::set<std::string> children_up;

    bool established() const;
    // What it is when it is not.
    std::string_view state_in_a_word() const;
    // Children that are SAs, and of which none stands.
    std::vector<std::pair<std::string, const Section*>> missing() const;
};

bool Row::established() const {
    return std::ranges::any_of(sas, [&](const vici::Message* sa) {
        const Section* const ike = sa->section(name);
        return ike != nullptr && ike_is_up(*ike);
    });
}

std::string_view Row::state_in_a_word() const {
    if (established()) { return "up"; }
    const bool comes = std::ranges::any_of(sas, [&](const vici::Message* sa) {
        const Section* const ike = sa->section(name);
        const std::string state = ike == nullptr ? "" : ike->value_or("state", "");
        return state == "CREATED" || state == "CONNECTING";
    });
    return sas.empty() ? "down" : comes ? "connecting" : "closing";
}

std::vector<std::pair<std::string, const Section*>> Row::missing() const {
    std::vector<std::pair<std::string, const Section*>> out;
    each_section(connection == nullptr ? nullptr : connection->section("children"),
                 [&](const std::string& child, const Section& section) {
                     const std::string mode = section.value_or("mode", "TUNNEL");
                     if (mode != "PASS" && mode != "DROP" && !children_up.contains(child)) {
                         out.emplace_back(child, &section);
                     }
                 });
    return out;
}

// In the order of the configuration; what is no longer in it comes last.
std::vector<Row> rows_of(const StatusParts& parts) {
    std::vector<Row> out;
    std::map<std::string, std::size_t> at;
    const auto row = [&](const std::string& name) -> Row& {
        const auto [found, fresh] = at.emplace(name, out.size());
        if (fresh) {
            out.push_back({.name = name, .connection = nullptr, .sas = {}, .children_up = {}});
        }
        return out[found->second];
    };
    for (const vici::Message& one : parts.connections) {
        each_section(&one, [&](const std::string& name, const Section& section) {
            row(name).connection = &section;
        });
    }
    for (const vici::Message& sa : parts.sas) {
        each_section(&sa, [&](const std::string& name, const Section& ike) {
            Row& one = row(name);
            one.sas.push_back(&sa);
            each_section(ike.section("child-sas"), [&](const std::string&, const Section& child) {
                if (child.find("spi-in") != nullptr) {
                    one.children_up.insert(child.value_or("name", ""));
                }
            });
        });
    }
    return out;
}

// "; 3 tries failed, the next is in 12 s: peer_unreachable: ...".
std::string tries_of(const Section& child) {
    const std::string* const failed = child.value("culvert-tries-failed");
    if (failed == nullptr) { return {}; }
    const std::string next = child.value_or("culvert-next-try", "0");
    return fmt::format("; {} {} failed, the next is {}: {}", *failed,
                       *failed == "1" ? "try" : "tries",
                       next == "0" ? "under way" : "in " + duration(next),
                       child.value_or("culvert-last-failure", "?"));
}

std::string why_down(const std::string& name, const Section& child) {
    if (const std::string* const why = child.value("culvert-policy-problem")) {
        return fmt::format("down, and what would bring it up is not installed: {}", *why);
    }
    const std::string kept = child.value_or("culvert-keep-up", "");
    if (kept == "held") { return fmt::format("down, held there until culvert up {}", name); }
    if (kept == "yes") { return "down, is to be kept up" + tries_of(child); }
    const std::string action = child.value_or("culvert-start-action", "none");
    if (action.starts_with("trap")) { return "down, comes up with the first packet"; }
    return action == "start" ? "down" : "down, comes up with culvert up or when the peer asks";
}

std::string in_full(const Row& row, const Style& style) {
    std::string out;
    for (const vici::Message* sa : row.sas) { out += render_sa(*sa, style); }
    if (row.sas.empty()) { out += fmt::format("{}: {}\n", row.name, style.bad("down")); }
    for (const auto& [child, section] : row.missing()) {
        out += fmt::format("    {}: {}\n", child, why_down(child, *section));
    }
    return out;
}

std::string one_line(const Row& row, const Style& style) {
    std::string since;
    std::string peer;
    std::uint64_t in = 0;
    std::uint64_t sent = 0;
    for (const vici::Message* sa : row.sas) {
        const Section* const ike = sa->section(row.name);
        if (ike == nullptr) { continue; }
        if (const std::string* age = up_for(*ike)) { since = duration(*age); }
        peer = ike->value_or("remote-host", "?");
        each_section(ike->section("child-sas"), [&](const std::string&, const Section& child) {
            in += number(child.value_or("bytes-in", "0"));
            sent += number(child.value_or("bytes-out", "0"));
        });
    }
    const std::size_t missing = row.missing().size();
    std::string state = fmt::format("{:<10}", row.state_in_a_word());
    state = row.established() ? style.good(state) : style.bad(state);
    std::string out = fmt::format("{:<20} {} {:<10} {:<16}", row.name, state, since, peer);
    if (!row.children_up.empty()) {
        out += fmt::format(" {} tunnel{}, {} in, {} out", row.children_up.size(),
                           row.children_up.size() == 1 ? "" : "s", octets(fmt::format("{}", in)),
                           octets(fmt::format("{}", sent)));
    }
    if (missing != 0 && row.established()) {
        out += fmt::format("{} {} down", row.children_up.empty() ? "" : ",", missing);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
}

std::string connections(const StatusParts& parts, const Style& style) {
    const std::vector<Row> rows = rows_of(parts);
    if (rows.empty()) {
        const Section* const daemon = parts.daemon.section("daemon");
        return fmt::format(
            "no connections are loaded: culvert check {} says what is in the configuration, and "
            "what is wrong with it; culvert reload reads it again\n",
            daemon == nullptr ? "" : daemon->value_or("config", ""));
    }
    std::string out;
    std::size_t children = 0;
    for (const Row& row : rows) { children += row.children_up.size() + row.missing().size(); }
    if (parts.all ||
        (parts.sas.size() <= in_full_max && rows.size() <= lines_max && children <= children_max)) {
        for (const Row& row : rows) { out += in_full(row, style); }
        return out;
    }
    const auto well = [](const Row& row) { return row.established() && row.missing().empty(); };
    const auto up = static_cast<std::size_t>(std::ranges::count_if(rows, &Row::established));
    out += fmt::format("{} connections, {} up, {} not; culvert status NAME shows one, --all each\n",
                       rows.size(), up, rows.size() - up);
    std::size_t shown = 0;
    std::size_t left = 0;
    for (const Row& row : rows) {
        if (rows.size() > lines_max && well(row)) { continue; }
        if (shown == lines_max) {
            ++left;
            continue;
        }
        ++shown;
        out += one_line(row, style);
    }
    if (left != 0) { out += fmt::format("and {} more that are not up\n", left); }
    return out;
}

// How long ago the connection, or the child where one is named, came up, if it stands.
std::optional<std::uint64_t> up_since(const std::vector<Row>& rows, const std::string& name,
                                      const std::string& child) {
    std::optional<std::uint64_t> out;
    const auto take = [&out](const std::string* age) {
        if (age != nullptr) { out = std::max(out.value_or(0), number(*age)); }
    };
    for (const Row& row : rows) {
        if (row.name != name) { continue; }
        for (const vici::Message* sa : row.sas) {
            const Section* const ike = sa->section(name);
            if (ike == nullptr) { continue; }
            if (child.empty()) { take(up_for(*ike)); }
            each_section(ike->section("child-sas"), [&](const std::string&, const Section& one) {
                if (!child.empty() && one.value_or("name", "") == child) {
                    take(one.value("install-time"));
                }
            });
        }
    }
    return out;
}

// With `whole` the messages that led to it too, where the daemon has kept them.
std::string failure_block(const Section& failure, bool up_again, bool whole) {
    const std::string connection = failure.value_or("connection", "");
    std::string out =
        fmt::format("  {} ago, {} with {}{}{}: {}{}\n", duration(failure.value_or("ago", "0")),
                    failure.value_or("exchange", "?"), failure.value_or("remote", "?"),
                    connection.empty() ? "" : " (" + connection + ")", refused_by(failure),
                    failure.value_or("code", "?"), up_again ? "; it came up since" : "");
    for (const auto& [key, words] :
         {std::pair{"wanted", "wanted:   "}, std::pair{"received", "got:      "},
          std::pair{"remedy", "to fix it:"}}) {
        const std::string value = failure.value_or(key, "");
        if (!value.empty()) { out += fmt::format("    {} {}\n", words, value); }
    }
    const vici::List* const exchanges = failure.list("exchanges");
    if (!whole || exchanges == nullptr) { return out; }
    for (const std::string& line : *exchanges) { out += fmt::format("      {}\n", line); }
    return out;
}

std::string failures(const StatusParts& parts) {
    const std::vector<Row> rows = rows_of(parts);
    std::string out;
    std::set<std::pair<std::string, std::string>> told;  // the newest of a connection and peer
    std::size_t shown = 0;
    std::size_t left = 0;
    each_section(parts.daemon.section("failures"), [&](const std::string&, const Section& failure) {
        const std::string connection = failure.value_or("connection", "");
        std::string peer = failure.value_or("remote", "?");
        peer.erase(std::min(peer.find('['), peer.size()));  // its port may be another each time
        if (!parts.all && (!told.emplace(connection, peer).second || shown == failures_max)) {
            ++left;
            return;
        }
        ++shown;
        const auto since = up_since(rows, connection, failure.value_or("child", ""));
        out += failure_block(failure, since && *since < number(failure.value_or("ago", "0")),
                             parts.all);
    });
    if (out.empty()) { return {}; }
    if (const Section* const daemon = parts.daemon.section("daemon")) {
        const std::string more = daemon->value_or("failures-left-out", "");
        if (!more.empty()) {
            out += fmt::format("  and {} older ones, for which the answer has no room\n", more);
        }
    }
    if (left != 0) { out += fmt::format("  and {} earlier: culvert status --all\n", left); }
    return "\nlast failures\n" + out;
}

std::string drops(const vici::Message& daemon) {
    std::vector<std::pair<std::uint64_t, std::string>> counts;
    const Section* const plane = daemon.section("plane");
    for (const vici::Entry& entry :
         plane == nullptr ? std::vector<vici::Entry>{} : plane->entries) {
        const auto* value = std::get_if<std::string>(&entry.element);
        const std::uint64_t count = value == nullptr ? 0 : number(*value);
        if (count != 0 && !drop_words(entry.key).empty()) { counts.emplace_back(count, entry.key); }
    }
    if (counts.empty()) { return {}; }
    std::ranges::sort(counts, std::greater{});
    std::string out = "\npackets dropped since the start\n";
    for (std::size_t i = 0; i < std::min(counts.size(), drop_kinds_max); ++i) {
        const auto& [count, counter] = counts[i];
        const std::string_view remedy = drop_remedy(counter);
        out += fmt::format("  {:>8}  {}{}{}\n", count, drop_words(counter),
                           remedy.empty() ? "" : ": ", remedy);
    }
    if (counts.size() > drop_kinds_max) {
        out += fmt::format("            and {} kinds more: culvert stats\n",
                           counts.size() - drop_kinds_max);
    }
    return out;
}

}  // namespace

std::string render_status(const StatusParts& parts, const Style& style) {
    std::string out;
    if (const Section* const daemon = parts.daemon.section("daemon")) {
        out +=
            fmt::format("culvertd {}, up for {}\nplane {}\n\n", daemon->value_or("version", "?"),
                        duration(daemon->value_or("uptime", "0")), daemon->value_or("plane", "?"));
        if (const std::string* const problem = daemon->value("config-problem")) {
            out += fmt::format("{} ({} ago)\n\n", style.bad(*problem),
                               duration(daemon->value_or("config-problem-ago", "0")));
        }
    }
    out += connections(parts, style);
    if (const Section* const names = parts.daemon.section("unresolved-names")) {
        for (const vici::Entry& entry : names->entries) {
            const auto* why = std::get_if<std::string>(&entry.element);
            out += fmt::format("{} does not resolve: {}\n", entry.key, why == nullptr ? "" : *why);
        }
    }
    return out + drops(parts.daemon) + failures(parts);
}

}  // namespace culvert::cli
