// import: ipsec.conf and ipsec.secrets (strongSwan's starter, Libreswan) as a swanctl.conf. What
// has no counterpart is written as a comment where it stood, never lost; a secret is carried over,
// a key file is named.

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.hpp"

namespace culvert::cli {
namespace {

constexpr std::size_t file_size_max = 16 * 1024 * 1024;

struct Section {
    std::string kind;  // "conn", "ca", "config"
    std::string name;
    std::vector<std::pair<std::string, std::string>> entries;
};

std::string trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) { return {}; }
    const auto to = text.find_last_not_of(" \t\r");
    return std::string{text.substr(from, to - from + 1)};
}

std::string unquoted(const std::string& text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        return text.substr(1, text.size() - 2);
    }
    return text;
}

// A "#" begins a comment unless it stands in quotes.
std::string without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') { quoted = !quoted; }
        if (line[i] == '#' && !quoted) { return std::string{line.substr(0, i)}; }
    }
    return std::string{line};
}

Error cannot_read(const std::string& file, std::string_view why) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("to read {}", file),
            .received = std::string{why},
            .remedy = "name a file that can be read"};
}

Error not_ipsec_conf(const std::string& file, std::size_t line, std::string_view text) {
    return {.code = ErrorCode::malformed,
            .wanted = "\"conn NAME\", \"ca NAME\", \"config setup\" or an indented key = value",
            .received = fmt::format("{}:{}: {}", file, line, printable(text, 80)),
            .remedy = "correct this line; include other files by hand"};
}

Result<std::string> read_text(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in) { return std::unexpected(cannot_read(file, "there is none, or it is not for us")); }
    std::string out;
    std::array<char, 65536> chunk{};
    while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
        out.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
        if (out.size() > file_size_max) {
            return std::unexpected(cannot_read(file, "it is larger than 16 MiB"));
        }
    }
    return out;
}

Result<std::vector<Section>> parse_conf(const std::string& file, const std::string& text) {
    std::vector<Section> out;
    std::istringstream lines{text};
    std::string raw;
    for (std::size_t number = 1; std::getline(lines, raw); ++number) {
        const std::string line = without_comment(raw);
        const std::string content = trimmed(line);
        if (content.empty()) { continue; }
        const bool indented = line.front() == ' ' || line.front() == '\t';
        if (indented) {
            const auto equals = content.find('=');
            if (out.empty() || equals == std::string::npos) {
                return std::unexpected(not_ipsec_conf(file, number, content));
            }
            out.back().entries.emplace_back(trimmed(content.substr(0, equals)),
                                            unquoted(trimmed(content.substr(equals + 1))));
            continue;
        }
        std::istringstream words{content};
        Section section;
        words >> section.kind >> section.name;
        if (section.kind == "version") { continue; }
        if ((section.kind != "conn" && section.kind != "ca" && section.kind != "config") ||
            section.name.empty()) {
            return std::unexpected(not_ipsec_conf(file, number, content));
        }
        out.push_back(std::move(section));
    }
    return out;
}

// One conn with what it inherits: %default first, then "also" in order, then itself.
class Conn {
 public:
    Conn(const std::vector<Section>& all, const Section& own) : name_(own.name) {
        for (const Section& one : all) {
            if (one.kind == "conn" && one.name == "%default") { take(all, one, 0); }
        }
        take(all, own, 0);
    }

    const std::string& name() const { return name_; }
    // Takes the value out: what is left in the end was not understood.
    std::optional<std::string> take(const std::string& key) {
        const auto found = values_.find(key);
        if (found == values_.end()) { return std::nullopt; }
        std::string out = std::move(found->second);
        values_.erase(found);
        return out;
    }
    std::optional<std::string> take_any(std::initializer_list<const char*> keys) {
        std::optional<std::string> out;
        for (const char* key : keys) {
            if (auto value = take(key)) { out = std::move(value); }
        }
        return out;
    }
    const std::map<std::string, std::string>& rest() const { return values_; }

 private:
    static constexpr int depth_max = 8;
    void take(const std::vector<Section>& all, const Section& section, int depth) {
        for (const auto& [key, value] : section.entries) {
            if (key != "also") { continue; }
            for (const Section& other : all) {
                if (other.kind == "conn" && other.name == value && depth < depth_max) {
                    take(all, other, depth + 1);
                }
            }
        }
        for (const auto& [key, value] : section.entries) {
            if (key != "also") { values_.insert_or_assign(key, value); }
        }
    }

    std::string name_;
    std::map<std::string, std::string> values_;
};

// A value for swanctl.conf: in quotes where it needs them.
std::string quoted(const std::string& text) {
    if (!text.empty() && text.find_first_of("#{}\"\\\n") == std::string::npos &&
        text == trimmed(text)) {
        return text;
    }
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') { out += '\\'; }
        out += c;
    }
    return out + '"';
}

// "%any,10.0.0.1" and "aes256-sha256,aes128-sha1!" as lists; the "!" of strict proposals is the
// rule.
std::string list_of(std::string text) {
    std::erase(text, '!');
    std::string out;
    for (const char c : text) {
        out += c;
        if (c == ',') { out += ' '; }
    }
    return out;
}

std::string yes_or_no(const std::string& text) {
    return text == "yes" || text == "force" || text == "true" || text == "1" ? "yes" : "no";
}

class Writer {
 public:
    void open(const std::string& name) {
        line(name + " {");
        ++depth_;
    }
    void close() {
        --depth_;
        line("}");
    }
    void set(std::string_view key, const std::optional<std::string>& value) {
        if (value) { line(fmt::format("{} = {}", key, quoted(*value))); }
    }
    void comment(std::string_view text) { line(fmt::format("# {}", printable(text, 300))); }
    std::string take() { return std::move(out_); }

 private:
    void line(const std::string& text) { out_ += std::string(depth_ * 4, ' ') + text + "\n"; }
    std::string out_;
    std::size_t depth_ = 0;
};

std::string action_of(const std::string& text) {
    if (text == "route" || text == "ondemand" || text == "hold") { return "trap"; }
    if (text == "start" || text == "restart") { return "start"; }
    return "none";
}

void write_side(Conn& conn, Writer& out, const std::string& side, const std::string& as,
                const std::string& authby) {
    out.open(as);
    const auto auth = conn.take(side + "auth").value_or(authby);
    out.set("auth", auth == "secret" || auth == "psk" ? "psk" : auth == "rsasig" ? "pubkey" : auth);
    auto id = conn.take(side + "id");
    if (id && id->starts_with('@') && !id->starts_with("@#")) { id = id->substr(1); }
    out.set("id", id);
    out.set("certs", conn.take(side + "cert"));
    out.set("cacerts", conn.take(side + "ca"));
    out.set("groups", conn.take(side + "groups"));
    out.set("eap_id", side == "left" ? conn.take("eap_identity") : std::nullopt);
    out.close();
}

std::string addresses_of(const std::optional<std::string>& text) {
    if (!text || text->starts_with("%any") || *text == "%defaultroute") { return "%any"; }
    return list_of(*text);
}

void write_child(Conn& conn, Writer& out) {
    out.open("children");
    out.open(conn.name());
    const std::string type = conn.take("type").value_or("tunnel");
    if (type == "passthrough" || type == "pass") {
        out.set("mode", "pass");
    } else if (type != "tunnel") {
        out.set("mode", type);
    }
    for (const auto& [side, key] :
         {std::pair{"left", "local_ts"}, std::pair{"right", "remote_ts"}}) {
        auto subnets =
            conn.take_any({side == std::string{"left"} ? "leftsubnet" : "rightsubnet",
                           side == std::string{"left"} ? "leftsubnets" : "rightsubnets"});
        if (subnets) {
            std::erase_if(*subnets, [](char c) { return c == '{' || c == '}' || c == ' '; });
            subnets = list_of(*subnets);
        }
        out.set(key, subnets);
    }
    auto esp = conn.take_any({"phase2alg", "esp"});
    if (esp) { esp = list_of(*esp); }
    out.set("esp_proposals", esp);
    auto ah = conn.take("ah");
    if (ah) { ah = list_of(*ah); }
    out.set("ah_proposals", ah);
    out.set("life_time", conn.take_any({"salifetime", "keylife", "lifetime"}));
    if (const auto action = conn.take("auto"); action && action_of(*action) != "none") {
        out.set("start_action", action_of(*action));
    }
    if (const auto action = conn.take("dpdaction")) { out.set("dpd_action", action_of(*action)); }
    if (const auto action = conn.take("closeaction")) {
        out.set("close_action", action_of(*action));
    }
    out.set("inactivity", conn.take("inactivity"));
    out.set("reqid", conn.take("reqid"));
    out.set("replay_window", conn.take_any({"replay-window", "replay_window"}));
    if (const auto compress = conn.take("compress"); compress && yes_or_no(*compress) == "yes") {
        out.set("ipcomp", "yes");
    }
    out.set("updown", conn.take_any({"leftupdown"}));
    out.close();
    out.close();
}

void write_conn(Conn conn, Writer& out) {
    out.open(conn.name());
    const std::string version = conn.take_any({"ikev2", "keyexchange"}).value_or("");
    out.set("version", version == "ikev1" || version == "no" || version == "never" ? "1"
                       : version == "ike"                                          ? "0"
                                                                                   : "2");
    out.set("local_addrs", addresses_of(conn.take("left")));
    out.set("remote_addrs", addresses_of(conn.take("right")));
    auto ike = conn.take("ike");
    if (ike) { ike = list_of(*ike); }
    out.set("proposals", ike);
    auto vips = conn.take("leftsourceip");
    if (vips && vips->starts_with('%')) { vips = "0.0.0.0"; }
    out.set("vips", vips);
    if (const auto pool = conn.take_any({"rightaddresspool", "rightsourceip"})) {
        out.set("pools", conn.name());
        out.comment(
            fmt::format("pools {{ {} {{ addrs = {} }} }}: see the end", conn.name(), *pool));
    }
    out.set("dpd_delay", conn.take("dpddelay"));
    if (const auto encap = conn.take_any({"forceencaps", "encapsulation"})) {
        out.set("encap", yes_or_no(*encap));
    }
    if (const auto mobike = conn.take("mobike")) { out.set("mobike", yes_or_no(*mobike)); }
    out.set("fragmentation", conn.take("fragmentation"));
    if (const auto tries = conn.take("keyingtries")) {
        out.set("keyingtries", *tries == "%forever" ? "0" : *tries);
    }
    const auto lifetime = conn.take("ikelifetime");
    const bool reauth = yes_or_no(conn.take("reauth").value_or("yes")) == "yes";
    // The starter reauthenticates by default; swanctl rekeys.
    if (lifetime) { out.set(reauth && version != "" ? "reauth_time" : "rekey_time", lifetime); }
    if (const auto aggressive = conn.take("aggressive")) {
        out.set("aggressive", yes_or_no(*aggressive));
    }
    const std::string authby = conn.take_any({"authby"}).value_or("pubkey");
    write_side(conn, out, "left", "local", authby);
    write_side(conn, out, "right", "remote", authby);
    write_child(conn, out);
    for (const auto& [key, value] : conn.rest()) {
        out.comment(fmt::format("not carried over: {} = {}", key, value));
    }
    out.close();
}

// A conn that others take over with "also", and that nothing starts (no auto of its own), is there
// for them only.
bool is_template(const std::vector<Section>& sections, const Section& section) {
    if (section.kind != "conn" || section.name == "%default") { return true; }
    const auto has = [](const Section& one, std::string_view key, std::string_view value) {
        return std::ranges::any_of(one.entries, [&](const auto& entry) {
            return entry.first == key && (value.empty() || entry.second == value);
        });
    };
    return !has(section, "auto", "") && std::ranges::any_of(sections, [&](const Section& other) {
        return has(other, "also", section.name);
    });
}

void write_pools(const std::vector<Section>& sections, Writer& out) {
    bool open = false;
    for (const Section& section : sections) {
        if (is_template(sections, section)) { continue; }
        Conn conn{sections, section};
        const auto pool = conn.take_any({"rightaddresspool", "rightsourceip"});
        if (!pool) { continue; }
        if (!std::exchange(open, true)) { out.open("pools"); }
        out.open(section.name);
        out.set("addrs", pool);
        auto dns = conn.take_any({"modecfgdns", "rightdns"});
        if (dns) { dns = list_of(*dns); }
        out.set("dns", dns);
        out.close();
    }
    if (open) { out.close(); }
}

// "left right : PSK "secret"": owners before the colon, the kind and the secret behind it.
void write_secret(const std::string& line, std::size_t number, Writer& out) {
    const auto colon = line.find(": ") != std::string::npos ? line.find(": ") : line.find(':');
    const std::string owners = trimmed(line.substr(0, colon));
    std::istringstream rest{line.substr(colon + 1)};
    std::string kind;
    rest >> kind;
    std::string secret;
    std::getline(rest, secret);
    secret = unquoted(trimmed(secret));
    std::ranges::transform(kind, kind.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const std::string section = kind == "PSK"                                         ? "ike"
                                : kind == "EAP" || kind == "XAUTH"                    ? "eap"
                                : kind == "RSA" || kind == "ECDSA" || kind == "PKCS8" ? "private"
                                                                                      : "";
    if (section.empty()) {
        out.comment(fmt::format("not carried over: a secret of kind {}", kind));
        return;
    }
    out.open(fmt::format("{}-{}", section, number));
    std::istringstream names{owners};
    std::string owner;
    for (std::size_t count = 1; names >> owner; ++count) {
        if (owner == "%any" || owner == "0.0.0.0") { continue; }
        if (owner.starts_with('@') && !owner.starts_with("@#")) { owner = owner.substr(1); }
        out.set(fmt::format("id-{}", count), owner);
    }
    out.set(section == "private" ? "file" : "secret", secret);
    out.close();
}

void write_secrets(const std::string& text, Writer& out) {
    out.open("secrets");
    std::istringstream lines{text};
    std::string raw;
    std::size_t number = 0;
    while (std::getline(lines, raw)) {
        const std::string line = trimmed(without_comment(raw));
        if (line.empty()) { continue; }
        if (line.starts_with("include") || line.find(':') == std::string::npos) {
            out.comment(line.starts_with("include") ? "not carried over: " + line
                                                    : "not carried over: a line without a colon");
            continue;
        }
        write_secret(line, ++number, out);
    }
    out.close();
}

}  // namespace

Exit import_ipsec(const Context& context, const std::string& conf, const std::string& secrets) {
    const auto text = read_text(conf);
    if (!text) { return fail(context, "import", text.error()); }
    const auto sections = parse_conf(conf, *text);
    if (!sections) { return fail(context, "import", sections.error()); }
    Writer out;
    out.comment(fmt::format("From {}. Look it over with: culvert check FILE", conf));
    out.open("connections");
    for (const Section& section : *sections) {
        if (!is_template(*sections, section)) { write_conn(Conn{*sections, section}, out); }
    }
    out.close();
    write_pools(*sections, out);
    if (!secrets.empty()) {
        const auto secret_text = read_text(secrets);
        if (!secret_text) { return fail(context, "import", secret_text.error()); }
        write_secrets(*secret_text, out);
    }
    for (const Section& section : *sections) {
        if (section.kind == "conn") { continue; }
        for (const auto& [key, value] : section.entries) {
            out.comment(fmt::format("not carried over: {} {}: {} = {}", section.kind, section.name,
                                    key, value));
        }
    }
    if (context.json) {
        print_json(context, vici::Message{}.set("success", "yes").set("swanctl.conf", out.take()));
    } else {
        context.output.out(out.take());
    }
    return Exit::ok;
}

}  // namespace culvert::cli
