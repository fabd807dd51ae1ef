#include "cli/metrics.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "cli/drop_words.hpp"
#include "cli/render.hpp"
#include "cli/terminal.hpp"

namespace culvert::cli {
namespace {

using vici::Section;

std::uint64_t number(const Section& section, std::string_view key) {
    const std::string text = section.value_or(key, "0");
    std::uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

// OpenMetrics 1.0, "Text format": backslash, quote and line end are escaped, and all is UTF-8.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : as_utf8(text)) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') { out += '\\'; }
        out += c;
    }
    return out;
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// One metric family: its head once, then its samples.
class Family {
 public:
    Family(std::string name, std::string_view type, std::string_view help)
        : name_(std::move(name)), suffix_(type == "counter" ? "_total" : "") {
        out_ = fmt::format("# TYPE {0} {1}\n# HELP {0} {2}\n", name_, type, help);
    }
    template <class Number>
    void add(Labels labels, Number value) {
        add_with(suffix_, labels, value);
    }
    // One of the series of a histogram: "_bucket", "_count", "_sum".
    template <class Number>
    void add_with(std::string_view suffix, Labels labels, Number value) {
        std::string shown;
        for (const auto& [label, text] : labels) {
            shown += fmt::format("{}{}=\"{}\"", shown.empty() ? "" : ",", label, escaped(text));
        }
        out_ += shown.empty() ? fmt::format("{}{} {}\n", name_, suffix, value)
                              : fmt::format("{}{}{{{}}} {}\n", name_, suffix, shown, value);
        ++samples_;
    }
    // Nothing at all without a sample.
    std::string text() const { return samples_ == 0 ? std::string{} : out_; }

 private:
    std::string name_;
    std::string_view suffix_;
    std::string out_;
    std::size_t samples_ = 0;
};

template <class Use>
void each_section(const Section* in, Use use) {
    if (in == nullptr) { return; }
    for (const vici::Entry& entry : in->entries) {
        if (const auto* section = std::get_if<Section>(&entry.element)) {
            use(entry.key, *section);
        }
    }
}

// Traffic of all SAs of one child together: after a rekey the old and the new one count.
struct Traffic {
    std::array<std::uint64_t, 4> values{};
    bool installed = false;
};
constexpr std::array<std::string_view, 4> traffic_keys{"bytes-in", "bytes-out", "packets-in",
                                                       "packets-out"};

using Children = std::map<std::pair<std::string, std::string>, Traffic>;

// What the configuration would have up: a tunnel that is down is to be seen. Where the peer has no
// address of its own nobody can tell whether it should be up.
void add_configured(const std::vector<vici::Message>& connections, Children& out) {
    for (const vici::Message& one : connections) {
        each_section(&one, [&](const std::string& name, const Section& connection) {
            const vici::List* const remote = connection.list("remote_addrs");
            if (remote == nullptr || remote->empty() || remote->front().starts_with('%')) {
                return;
            }
            each_section(connection.section("children"),
                         [&](const std::string& child, const Section& section) {
                             const std::string mode = section.value_or("mode", "TUNNEL");
                             if (mode == "TUNNEL" || mode == "TRANSPORT") { out[{name, child}]; }
                         });
        });
    }
}

std::string sa_metrics(const std::vector<vici::Message>& connections,
                       const std::vector<vici::Message>& sas) {
    Family ike{"culvert_ike_sas", "gauge", "IKE SAs by state."};
    Family child_up{"culvert_child_up", "gauge", "Whether this tunnel is up."};
    Family bytes{"culvert_child_sa_bytes", "gauge", "Octets of the Child SAs that stand."};
    Family packets{"culvert_child_sa_packets", "gauge", "Packets of the Child SAs that stand."};
    std::map<std::string, std::uint64_t> states;
    Children children;
    add_configured(connections, children);
    for (const vici::Message& sa : sas) {
        each_section(&sa, [&](const std::string& name, const Section& section) {
            ++states[section.value_or("state", "?")];
            each_section(section.section("child-sas"),
                         [&](const std::string&, const Section& child) {
                             Traffic& traffic = children[{name, child.value_or("name", "?")}];
                             for (std::size_t i = 0; i < traffic_keys.size(); ++i) {
                                 traffic.values.at(i) += number(child, traffic_keys.at(i));
                             }
                             traffic.installed = traffic.installed || child_is_up(child);
                         });
        });
    }
    for (const auto& [state, count] : states) { ike.add({{"state", state}}, count); }
    for (const auto& [name, traffic] : children) {
        const auto& [connection, child] = name;
        child_up.add({{"connection", connection}, {"child", child}}, traffic.installed ? 1 : 0);
        for (std::size_t i = 0; i < traffic_keys.size(); ++i) {
            (i < 2 ? bytes : packets)
                .add({{"connection", connection},
                      {"child", child},
                      {"direction", i % 2 == 0 ? "in" : "out"}},
                     traffic.values.at(i));
        }
    }
    return ike.text() + child_up.text() + bytes.text() + packets.text();
}

std::string counter_metrics(const vici::Message& counters) {
    Family messages{"culvert_ike_messages", "counter", "IKE messages by exchange, way and kind."};
    Family rekeys{"culvert_rekeys", "counter", "Rekeys of IKE and Child SAs."};
    Family invalid{"culvert_invalid_messages", "counter", "IKE messages that were not valid."};
    const Section* const all = counters.section("counters");
    const Section* const global = all == nullptr ? nullptr : all->section("");
    if (global == nullptr) { return {}; }
    for (const vici::Entry& entry : global->entries) {
        if (std::get_if<std::string>(&entry.element) == nullptr) { continue; }
        const std::string_view key = entry.key;
        const std::uint64_t value = number(*global, key);
        if (key.find("rekey") != std::string_view::npos) {
            rekeys.add({{"kind", key}}, value);
        } else if (key.starts_with("invalid")) {
            invalid.add({{"why", key == "invalid" ? "malformed" : "unknown-spi"}}, value);
        } else if (const auto way = key.rfind("-in-"); way != std::string_view::npos) {
            messages.add({{"exchange", key.substr(0, way)},
                          {"direction", "in"},
                          {"kind", key.substr(way + 4)}},
                         value);
        } else if (const auto out = key.rfind("-out-"); out != std::string_view::npos) {
            messages.add({{"exchange", key.substr(0, out)},
                          {"direction", "out"},
                          {"kind", key.substr(out + 5)}},
                         value);
        }
    }
    return messages.text() + rekeys.text() + invalid.text();
}

std::string plane_metrics(const vici::Message& stats) {
    Family drops{"culvert_dropped_packets", "counter", "Packets that went no further, by reason."};
    Family plane{"culvert_plane", "counter", "What the packet engine counts beside drops."};
    Family tables{"culvert_plane_entries", "gauge", "Child SAs and policies in the packet engine."};
    const Section* const counters = stats.section("culvert-plane");
    if (counters == nullptr) { return {}; }
    for (const vici::Entry& entry : counters->entries) {
        if (std::get_if<std::string>(&entry.element) == nullptr) { continue; }
        const std::uint64_t value = number(*counters, entry.key);
        if (!drop_words(entry.key).empty()) {
            drops.add({{"reason", entry.key}}, value);
        } else if (entry.key == "sas" || entry.key == "policies") {
            tables.add({{"kind", entry.key}}, value);
        } else {
            plane.add({{"counter", entry.key}}, value);
        }
    }
    return drops.text() + plane.text() + tables.text();
}

// "2500000" as "2.5".
std::string seconds_of(std::uint64_t microseconds) {
    return fmt::format("{}", static_cast<double>(microseconds) / 1e6);
}

std::string latency_metrics(const Section& latency) {
    Family family{"culvert_handshake_duration_seconds", "histogram",
                  "How long handshakes took that came to their end."};
    for (const vici::Entry& entry : latency.entries) {
        std::uint64_t bound = 0;
        const char* const end = entry.key.data() + entry.key.size();
        if (std::from_chars(entry.key.data(), end, bound).ptr == end) {
            family.add_with("_bucket", {{"le", seconds_of(bound)}}, number(latency, entry.key));
        }
    }
    family.add_with("_bucket", {{"le", "+Inf"}}, number(latency, "inf"));
    family.add_with("_count", {}, number(latency, "inf"));
    family.add_with("_sum", {}, seconds_of(number(latency, "sum")));
    return family.text();
}

std::string event_metrics(const vici::Message& stats) {
    const Section* const events = stats.section("culvert-events");
    if (events == nullptr) { return {}; }
    Family handshakes{"culvert_handshakes", "counter", "Handshakes by outcome."};
    Family children{"culvert_child_failures", "counter", "Child SAs that were refused, by cause."};
    Family retransmissions{"culvert_retransmissions", "counter", "Requests sent once more."};
    Family dead{"culvert_dead_peers", "counter", "Peers that answered no more (DPD)."};
    for (const auto& [key, label, family] : {std::tuple{"handshakes", "outcome", &handshakes},
                                             std::tuple{"child-failures", "code", &children}}) {
        const Section* const counts = events->section(key);
        if (counts == nullptr) { continue; }
        for (const vici::Entry& entry : counts->entries) {
            family->add({{label, entry.key}}, number(*counts, entry.key));
        }
    }
    retransmissions.add({}, number(*events, "retransmissions"));
    dead.add({}, number(*events, "dead-peers"));
    const Section* const latency = events->section("handshake-us");
    return handshakes.text() + children.text() + retransmissions.text() + dead.text() +
           (latency == nullptr ? std::string{} : latency_metrics(*latency));
}

// One sample a certificate: of two with one subject and serial the first stays.
std::string certificate_metrics(const std::vector<vici::Message>& certificates) {
    Family expiry{"culvert_certificate_expiry_timestamp_seconds", "gauge",
                  "When a loaded certificate ends, since 1970."};
    std::set<std::pair<std::string, std::string>> seen;
    for (const vici::Message& one : certificates) {
        const std::string* const end = one.value("culvert-not-after");
        if (end == nullptr) { continue; }
        const std::string subject = one.value_or("culvert-subject", "?");
        const std::string serial = one.value_or("culvert-serial", "?");
        if (!seen.emplace(subject, serial).second) { continue; }
        expiry.add({{"subject", subject},
                    {"serial", serial},
                    {"kind", one.value_or("flag", "NONE") == "CA" ? "authority" : "end_entity"},
                    {"own", one.value_or("has_privkey", "no")}},
                   *end);
    }
    return expiry.text();
}

std::string pool_metrics(const vici::Message& pools) {
    Family size{"culvert_pool_addresses", "gauge", "Addresses of a pool."};
    Family leases{"culvert_pool_leases", "gauge", "Leases of a pool, in use or kept."};
    each_section(&pools, [&](const std::string& name, const Section& pool) {
        size.add({{"pool", name}}, number(pool, "size"));
        for (const std::string_view state : {"online", "offline"}) {
            leases.add({{"pool", name}, {"state", state}}, number(pool, state));
        }
    });
    return size.text() + leases.text();
}

std::string status_metrics(const vici::Message& status) {
    Family uptime{"culvert_uptime_seconds", "gauge", "Since the daemon's start."};
    Family half_open{"culvert_half_open_ike_sas", "gauge", "IKE SAs in their handshake."};
    Family dropped{"culvert_inputs_dropped", "counter", "Inputs that came too fast."};
    Family suppressed{"culvert_log_records_suppressed", "counter", "Log records left out."};
    Family failures{"culvert_recent_failures", "gauge", "Failures that are kept, by cause."};
    if (const Section* const daemon = status.section("daemon")) {
        uptime.add({}, number(*daemon, "uptime"));
        half_open.add({}, number(*daemon, "half-open"));
        dropped.add({}, number(*daemon, "inputs-dropped"));
        suppressed.add({}, number(*daemon, "records-suppressed"));
    }
    std::map<std::array<std::string, 3>, std::uint64_t> counts;
    each_section(status.section("failures"), [&](const std::string&, const Section& failure) {
        ++counts[{failure.value_or("connection", ""), failure.value_or("code", "?"),
                  failure.value_or("refused-by", "?")}];
    });
    for (const auto& [what, count] : counts) {
        failures.add({{"connection", what[0]}, {"code", what[1]}, {"refused_by", what[2]}}, count);
    }
    return uptime.text() + half_open.text() + dropped.text() + suppressed.text() + failures.text();
}

std::string up(int value) {
    Family family{"culvert_up", "gauge", "Whether the daemon answers."};
    family.add({}, value);
    return family.text();
}

}  // namespace

std::string render_metrics(const MetricParts& parts) {
    return up(1) + status_metrics(parts.status) + sa_metrics(parts.connections, parts.sas) +
           event_metrics(parts.stats) + counter_metrics(parts.counters) +
           plane_metrics(parts.stats) + pool_metrics(parts.pools) +
           certificate_metrics(parts.certificates) + "# EOF\n";
}

std::string render_no_daemon() { return up(0) + "# EOF\n"; }

}  // namespace culvert::cli
