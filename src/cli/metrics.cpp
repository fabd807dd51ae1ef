#include "cli/metrics.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace culvert::cli {
namespace {

using vici::Section;

std::uint64_t number(const Section& section, std::string_view key) {
    const std::string text = section.value_or(key, "0");
    std::uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

// OpenMetrics 1.0, "Text format": backslash, quote and line end are escaped.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
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
        std::string shown;
        for (const auto& [label, text] : labels) {
            shown += fmt::format("{}{}=\"{}\"", shown.empty() ? "" : ",", label, escaped(text));
        }
        out_ += shown.empty() ? fmt::format("{}{} {}\n", name_, suffix_, value)
                              : fmt::format("{}{}{{{}}} {}\n", name_, suffix_, shown, value);
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

std::string sa_metrics(const std::vector<vici::Message>& sas) {
    Family ike{"culvert_ike_sas", "gauge", "IKE SAs by state."};
    Family handshake{"culvert_handshake_seconds", "gauge", "Time that an SA's handshake took."};
    Family child_up{"culvert_child_up", "gauge", "Whether a Child SA of this child is installed."};
    Family bytes{"culvert_child_sa_bytes", "gauge", "Octets of the Child SAs that stand."};
    Family packets{"culvert_child_sa_packets", "gauge", "Packets of the Child SAs that stand."};
    std::map<std::string, std::uint64_t> states;
    std::map<std::pair<std::string, std::string>, Traffic> children;
    for (const vici::Message& sa : sas) {
        each_section(&sa, [&](const std::string& name, const Section& section) {
            ++states[section.value_or("state", "?")];
            if (section.find("culvert-handshake-us") != nullptr) {
                handshake.add({{"connection", name}, {"id", section.value_or("uniqueid", "?")}},
                              fmt::format("{:.6f}", static_cast<double>(
                                                        number(section, "culvert-handshake-us")) /
                                                        1e6));
            }
            each_section(section.section("child-sas"), [&](const std::string&,
                                                           const Section& child) {
                Traffic& traffic = children[{name, child.value_or("name", "?")}];
                for (std::size_t i = 0; i < traffic_keys.size(); ++i) {
                    traffic.values.at(i) += number(child, traffic_keys.at(i));
                }
                traffic.installed = traffic.installed || child.value_or("state", "") == "INSTALLED";
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
    return ike.text() + handshake.text() + child_up.text() + bytes.text() + packets.text();
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
    Family plane{"culvert_plane", "counter", "What the packet engine counts, drops by reason too."};
    const Section* const counters = stats.section("culvert-plane");
    if (counters == nullptr) { return {}; }
    for (const vici::Entry& entry : counters->entries) {
        if (std::get_if<std::string>(&entry.element) != nullptr) {
            plane.add({{"counter", entry.key}}, number(*counters, entry.key));
        }
    }
    return plane.text();
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
    return up(1) + status_metrics(parts.status) + sa_metrics(parts.sas) +
           counter_metrics(parts.counters) + plane_metrics(parts.stats) +
           pool_metrics(parts.pools) + "# EOF\n";
}

std::string render_no_daemon() { return up(0) + "# EOF\n"; }

}  // namespace culvert::cli
