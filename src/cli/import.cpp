// import: ipsec.conf and ipsec.secrets (strongSwan's starter, Libreswan) as a swanctl.conf on
// standard output, and a report on standard error. What has no counterpart is written as a comment
// where it stood, never lost; a secret is carried over, a key file is named.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/import_conn.hpp"
#include "cli/import_words.hpp"
#include "cli/ipsec_conf.hpp"
#include "cli/ipsec_secrets.hpp"
#include "cli/swanctl_writer.hpp"
#include "config/config.hpp"

namespace culvert::cli {
namespace {

struct Counts {
    std::size_t connections = 0;
    std::size_t pools = 0;
    std::size_t secrets = 0;
};

// A conn that others take over with "also", and that nothing starts (no auto of its own), is there
// for them only; what is to be ignored is not loaded today either.
bool is_template(const std::vector<IpsecSection>& sections, const IpsecSection& section) {
    if (section.kind != "conn" || section.name == "%default") { return true; }
    const auto value_of = [](const IpsecSection& one, std::string_view key) {
        std::optional<std::string> out;
        for (const auto& [have, value] : one.entries) {
            if (have == key) { out = value; }
        }
        return out;
    };
    const auto start = value_of(section, "auto");
    if (start == "ignore") { return true; }
    return !start && std::ranges::any_of(sections, [&](const IpsecSection& other) {
        return std::ranges::any_of(other.entries, [&](const auto& entry) {
            const std::vector<std::string> taken = words_of(entry.second);
            return entry.first == "also" && std::ranges::find(taken, section.name) != taken.end();
        });
    });
}

void write_pool(const std::string& name, const std::string& addresses,
                const std::optional<std::string>& dns, SwanctlWriter& out) {
    out.open(name);
    if (addresses.starts_with('%')) {
        out.look_at("rightsourceip = " + addresses + ": name the addresses here");
    } else {
        out.set("addrs", addresses);
    }
    if (dns) { out.set("dns", joined_words(*dns)); }
    out.close();
}

std::size_t write_pools(const std::vector<IpsecSection>& sections, SwanctlWriter& out) {
    std::size_t count = 0;
    for (const IpsecSection& section : sections) {
        if (is_template(sections, section)) { continue; }
        IpsecConn conn{sections, section};
        const auto pools = conn.take_any({"rightaddresspool", "rightsourceip"});
        if (!pools) { continue; }
        if (count == 0) { out.open("pools"); }
        const auto dns = conn.take_any({"modecfgdns", "rightdns"});
        const std::vector<std::string> names = pool_names(section.name, *pools);
        const std::vector<std::string> addresses = words_of(*pools);
        for (std::size_t i = 0; i < addresses.size(); ++i) {
            write_pool(names.at(i), addresses[i], dns, out);
            ++count;
        }
    }
    if (count != 0) { out.close(); }
    return count;
}

// A "ca" section with the places of its lists.
void write_authorities(const std::vector<IpsecSection>& sections, SwanctlWriter& out) {
    bool open = false;
    for (const IpsecSection& section : sections) {
        if (section.kind != "ca" || section.name == "%default") { continue; }
        if (!std::exchange(open, true)) { out.open("authorities"); }
        out.open(section.name);
        std::vector<std::string> lists;
        std::vector<std::string> responders;
        for (const auto& [key, value] : section.entries) {
            if (key == "cacert") {
                out.set("cacert", value);
            } else if (key.starts_with("crluri")) {
                lists.push_back(value);
            } else if (key.starts_with("ocspuri")) {
                responders.push_back(value);
            } else if (key != "auto") {
                out.left_out(fmt::format("ca {}: {} = {}", section.name, key, value));
            }
        }
        out.set_list("crl_uris", lists);
        out.set_list("ocsp_uris", responders);
        out.close();
    }
    if (open) { out.close(); }
}

// What the check says of the text alone: without the folders that a file stands in.
struct Checked {
    vici::List lines;
    bool refused = false;
};

Checked check_of(const std::string& text) {
    Checked out;
    const config::Loaded loaded = config::load(config::parse_text(text, "swanctl.conf"));
    for (const config::Problem& problem : loaded.problems) {
        // Files are looked for beside swanctl.conf, and this text is nowhere yet.
        const bool of_files =
            problem.what.contains("certificate") || problem.what.contains("authority to trust");
        if (problem.severity == config::Problem::Severity::info || of_files) { continue; }
        out.lines.push_back("culvert check: " + problem.to_string());
        out.refused = out.refused || problem.severity == config::Problem::Severity::error;
    }
    return out;
}

void report(const Context& context, const Counts& counts, const SwanctlWriter& out,
            const Checked& checked) {
    const auto err = [&](const std::string& line) { context.output.err(line + "\n"); };
    err(fmt::format("carried over: {} connections, {} pools, {} secrets", counts.connections,
                    counts.pools, counts.secrets));
    for (const std::string& note : out.notes()) { err(note); }
    for (const std::string& problem : checked.lines) { err(problem); }
}

}  // namespace

Exit import_ipsec(const Context& context, const std::string& conf, const std::string& secrets) {
    const auto sections = read_ipsec_conf(conf);
    if (!sections) { return fail(context, "import", sections.error()); }
    SwanctlWriter out;
    Counts counts;
    out.comment(fmt::format("From {}. Look it over with: culvert check FILE", conf));
    out.open("connections");
    for (const IpsecSection& section : *sections) {
        if (is_template(*sections, section)) {
            if (section.kind == "conn" && section.name != "%default") {
                out.comment(fmt::format("conn {} is loaded by nobody, or only part of others",
                                        section.name));
            }
            continue;
        }
        write_conn(IpsecConn{*sections, section}, out);
        ++counts.connections;
    }
    out.close();
    counts.pools = write_pools(*sections, out);
    write_authorities(*sections, out);
    if (!secrets.empty()) {
        const auto count = import_secrets(secrets, out);
        if (!count) { return fail(context, "import", count.error()); }
        counts.secrets = *count;
    }
    for (const IpsecSection& section : *sections) {
        if (section.kind != "config") { continue; }
        for (const auto& [key, value] : section.entries) {
            out.left_out(fmt::format("config {}: {} = {}", section.name, key, value));
        }
    }
    const Checked checked = check_of(out.text());
    if (context.json) {
        vici::List notes = out.notes();
        notes.insert(notes.end(), checked.lines.begin(), checked.lines.end());
        print_json(context, vici::Message{}
                                .set("success", checked.refused ? "no" : "yes")
                                .set("swanctl.conf", out.text())
                                .set("notes", std::move(notes)));
    } else {
        context.output.out(out.text());
        report(context, counts, out, checked);
    }
    return checked.refused ? Exit::failed : Exit::ok;
}

}  // namespace culvert::cli
