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

struct SecretWord {
    std::string text;
    bool quoted = false;
};

// Words by blanks; what stands in quotes is one, and the quotes go.
std::vector<SecretWord> split(std::string_view text) {
    std::vector<SecretWord> out;
    SecretWord word;
    char quote = 0;
    bool any = false;
    for (const char c : text) {
        if (quote == 0 && (c == ' ' || c == '\t')) {
            if (any) { out.push_back(std::exchange(word, {})); }
            any = false;
        } else if (quote == 0 && (c == '"' || c == '\'') && word.text.empty()) {
            quote = c;
            any = true;
            word.quoted = true;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        } else {
            word.text += c;
            any = true;
        }
    }
    if (any) { out.push_back(std::move(word)); }
    return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// A "#" begins a comment where a word could begin; quotes are of words as split() has them.
std::string without_secret_comment(std::string_view line) {
    char quote = 0;
    bool begins = true;  // a word could begin here
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote) { quote = 0; }
        } else if (begins && c == '#') {
            return std::string{line.substr(0, i)};
        } else if (begins && (c == '"' || c == '\'')) {
            quote = c;
        }
        begins = quote == 0 && (is_blank(c) || (begins && c == ':'));
    }
    return std::string{line};
}

// Where owners end and the secret begins: a colon with a blank (or nothing) on its right side, for
// there are colons in IPv6 addresses; outside of quotes.
std::size_t colon_of(std::string_view line) {
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote == 0 && (c == '"' || c == '\'') && (i == 0 || is_blank(line[i - 1]))) {
            quote = c;
        } else if (quote != 0 && c == quote) {
            quote = 0;
        }
        const bool ends = i + 1 == line.size() || line[i + 1] == ' ' || line[i + 1] == '\t';
        if (c == ':' && quote == 0 && ends) { return i; }
    }
    return line.find(':');
}

// Whether it says all that a secret needs: a kind, and what it is.
bool is_whole(std::string_view entry) {
    const std::size_t colon = colon_of(entry);
    if (colon == std::string_view::npos) { return false; }
    const auto words = split(entry.substr(colon + 1));
    const bool open = words.size() > 1 && words[1].text.starts_with('{') &&
                      entry.find('}') == std::string_view::npos;
    return words.size() > 1 && !open;
}

// A text as a value of swanctl.conf, where 0x and 0s would be read as hex and base64.
std::string as_text_secret(const std::string& text) {
    const bool encoded = text.size() >= 2 && text[0] == '0' &&
                         std::string_view{"xXsS"}.find(text[1]) != std::string_view::npos;
    return encoded ? "0x" + to_hex(as_bytes(text)) : text;
}

// In quotes it is text whatever it begins with; Libreswan has 0t for text without quotes.
std::string secret_of(const SecretWord& word) {
    if (word.quoted) { return as_text_secret(word.text); }
    if (word.text.starts_with("0t")) { return as_text_secret(word.text.substr(2)); }
    return word.text;
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
        std::string entry;  // with the indented lines that go on with it
        while (std::getline(lines, raw)) {
            const std::string uncommented = without_secret_comment(raw);
            const std::string line = trimmed(uncommented);
            if (line.empty()) { continue; }
            if (is_blank(uncommented.front()) && !entry.empty() &&
                !(is_whole(entry) && is_whole(line))) {
                entry += " " + line;
                continue;
            }
            if (Status done = take(std::exchange(entry, line), file, depth); !done) { return done; }
        }
        return take(entry, file, depth);
    }
    std::size_t count() const { return count_; }

 private:
    Status take(const std::string& entry, const std::string& file, int depth) {
        if (entry.empty()) { return {}; }
        if (entry.starts_with("include ")) {
            for (const std::string& one :
                 included_files(file, unquoted(trimmed(entry.substr(8))))) {
                if (Status done = read(one, depth + 1); !done) { return done; }
            }
        } else if (inside_) {
            inside_ = entry.find('}') == std::string::npos;
        } else {
            one(entry);
        }
        return {};
    }

    void one(const std::string& line) {
        const std::size_t colon = colon_of(line);
        if (colon == std::string::npos) {
            return out_.left_out("a line of secrets without a colon");
        }
        const std::vector<SecretWord> owners = split(line.substr(0, colon));
        const std::vector<SecretWord> words = split(line.substr(colon + 1));
        std::string kind = words.empty() ? std::string{} : words.front().text;
        std::ranges::transform(kind, kind.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (words.size() < 2) {
            return out_.left_out(fmt::format("a secret of kind {} that says nothing", kind));
        }
        if (words[1].text.starts_with('{')) {
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

    void shared(std::string_view section, const std::vector<SecretWord>& owners,
                const SecretWord& secret) {
        out_.open(fmt::format("{}-{}", section, ++count_));
        std::size_t number = 0;
        for (const auto& [owner, quoted] : owners) {
            if (owner == "%any" || owner == "%any6" || owner == "0.0.0.0" || owner == "::") {
                continue;
            }
            out_.set(fmt::format("id-{}", ++number), identity_of(owner));
        }
        out_.set("secret", secret_of(secret));
        out_.close();
    }

    void file(std::string_view section, const std::vector<SecretWord>& words) {
        out_.open(fmt::format("{}-{}", section, ++count_));
        out_.set("file", words[1].text);
        if (words.size() > 2 && words[2].text == "%prompt") {
            out_.look_at(words[1].text + " is asked for its password: write it here as secret");
        } else if (words.size() > 2) {
            out_.set("secret", secret_of(words[2]));
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
