#include "cli/ipsec_secrets.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "cli/import_words.hpp"
#include "cli/ipsec_conf.hpp"

namespace culvert::cli {
namespace {

constexpr int include_depth_max = 8;

// Words by blanks; what stands in quotes is one, and the quotes go.
std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    char quote = 0;
    bool any = false;
    for (const char c : text) {
        if (quote == 0 && (c == ' ' || c == '\t')) {
            if (any) { out.push_back(std::exchange(word, {})); }
            any = false;
        } else if (quote == 0 && (c == '"' || c == '\'') && word.empty()) {
            quote = c;
            any = true;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else {
            word += c;
            any = true;
        }
    }
    if (any) { out.push_back(std::move(word)); }
    return out;
}

// Where owners end and the secret begins: a colon with a blank (or nothing) on its right side, for
// there are colons in IPv6 addresses; outside of quotes.
std::size_t colon_of(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') { quoted = !quoted; }
        const bool ends = i + 1 == line.size() || line[i + 1] == ' ' || line[i + 1] == '\t';
        if (line[i] == ':' && !quoted && ends) { return i; }
    }
    return line.find(':');
}

class Secrets {
 public:
    explicit Secrets(SwanctlWriter& out) : out_(out) {}

    Status read(const std::string& file, int depth) {
        if (depth > include_depth_max) {
            out_.left_out("include of " + file + ": too deep");
            return {};
        }
        const auto text = read_import_file(file);
        if (!text) { return std::unexpected(text.error()); }
        std::istringstream lines{*text};
        std::string raw;
        while (std::getline(lines, raw)) {
            const std::string line = trimmed(without_comment(raw));
            if (line.empty()) { continue; }
            if (line.starts_with("include ")) {
                for (const std::string& one :
                     included_files(file, unquoted(trimmed(line.substr(8))))) {
                    if (Status done = read(one, depth + 1); !done) { return done; }
                }
            } else if (inside_) {
                inside_ = line.find('}') == std::string::npos;
            } else {
                one(line);
            }
        }
        return {};
    }
    std::size_t count() const { return count_; }

 private:
    void one(const std::string& line) {
        const std::size_t colon = colon_of(line);
        if (colon == std::string::npos) {
            return out_.left_out("a line of secrets without a colon");
        }
        const std::vector<std::string> owners = split(line.substr(0, colon));
        const std::vector<std::string> words = split(line.substr(colon + 1));
        std::string kind = words.empty() ? std::string{} : words.front();
        std::ranges::transform(kind, kind.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (words.size() < 2) {
            return out_.left_out(fmt::format("a secret of kind {} that says nothing", kind));
        }
        if (words[1].starts_with('{')) {
            inside_ = line.find('}') == std::string::npos;
            return out_.left_out("a key in the file itself: put it into a file of private");
        }
        if (kind == "PSK") { return shared("ike", owners, words[1]); }
        if (kind == "EAP" || kind == "XAUTH") { return shared("eap", owners, words[1]); }
        if (kind == "NTLM") { return shared("ntlm", owners, words[1]); }
        if (kind == "PPKS" || kind == "PPK") { return shared("ppk", owners, words.back()); }
        const bool key = kind == "RSA" || kind == "ECDSA" || kind == "PKCS8" || kind == "BLISS";
        if (!key && kind != "P12") {
            return out_.left_out(fmt::format("a secret of kind {}", printable(kind, 40)));
        }
        file(kind == "P12" ? "pkcs12" : "private", words);
    }

    void shared(std::string_view section, const std::vector<std::string>& owners,
                const std::string& secret) {
        out_.open(fmt::format("{}-{}", section, ++count_));
        std::size_t number = 0;
        for (const std::string& owner : owners) {
            if (owner == "%any" || owner == "%any6" || owner == "0.0.0.0" || owner == "::") {
                continue;
            }
            out_.set(fmt::format("id-{}", ++number), identity_of(owner));
        }
        out_.set("secret", secret);
        out_.close();
    }

    void file(std::string_view section, const std::vector<std::string>& words) {
        out_.open(fmt::format("{}-{}", section, ++count_));
        out_.set("file", words[1]);
        if (words.size() > 2 && words[2] == "%prompt") {
            out_.look_at(words[1] + " is asked for its password: write it here as secret");
        } else if (words.size() > 2) {
            out_.set("secret", words[2]);
        }
        out_.close();
    }

    SwanctlWriter& out_;
    std::size_t count_ = 0;
    bool inside_ = false;  // a key that is written out between braces
};

}  // namespace

Result<std::size_t> import_secrets(const std::string& file, SwanctlWriter& out) {
    Secrets secrets{out};
    out.open("secrets");
    const Status done = secrets.read(file, 0);
    out.close();
    if (!done) { return std::unexpected(done.error()); }
    return secrets.count();
}

}  // namespace culvert::cli
