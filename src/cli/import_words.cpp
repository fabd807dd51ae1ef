#include "cli/import_words.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/ipsec_conf.hpp"

namespace culvert::cli {
namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// Libreswan's words (ipsec.conf(5), ike= and esp=) that swanctl spells another way.
const std::map<std::string, std::string, std::less<>>& spellings() {
    static const std::map<std::string, std::string, std::less<>> out{
        {"aes", "aes128"},
        {"aes_cbc", "aes128"},
        {"aes_ctr", "aes128ctr"},
        {"aes_ctr128", "aes128ctr"},
        {"aes_ctr256", "aes256ctr"},
        {"aes_gcm", "aes128gcm16"},
        {"aes_gcm128", "aes128gcm16"},
        {"aes_gcm192", "aes192gcm16"},
        {"aes_gcm256", "aes256gcm16"},
        {"aes_gcm_a", "aes128gcm8"},
        {"aes_gcm_b", "aes128gcm12"},
        {"aes_gcm_c", "aes128gcm16"},
        {"aes_gcm_c_128", "aes128gcm16"},
        {"aes_gcm_c_256", "aes256gcm16"},
        {"aes_gcm_16_128", "aes128gcm16"},
        {"aes_gcm_16_256", "aes256gcm16"},
        {"chacha20_poly1305", "chacha20poly1305"},
        {"null_auth_aes_gmac128", "aes128gmac"},
        {"null_auth_aes_gmac256", "aes256gmac"},
        {"sha", "sha1"},
        {"sha2", "sha256"},
        {"sha2_256", "sha256"},
        {"sha2_384", "sha384"},
        {"sha2_512", "sha512"},
        {"aes_xcbc", "aesxcbc"},
        {"aes_cmac", "aescmac"},
        {"dh2", "modp1024"},
        {"dh5", "modp1536"},
        {"dh14", "modp2048"},
        {"dh15", "modp3072"},
        {"dh16", "modp4096"},
        {"dh17", "modp6144"},
        {"dh18", "modp8192"},
        {"dh19", "ecp256"},
        {"dh20", "ecp384"},
        {"dh21", "ecp521"},
        {"dh22", "modp1024s160"},
        {"dh23", "modp2048s224"},
        {"dh24", "modp2048s256"},
        {"dh31", "curve25519"},
        {"ecp_256", "ecp256"},
        {"ecp_384", "ecp384"},
        {"ecp_521", "ecp521"}};
    return out;
}

std::string spelled(const std::string& word) {
    const auto found = spellings().find(word);
    return found == spellings().end() ? word : found->second;
}

bool is_combined(std::string_view cipher) {  // encrypts and authenticates at once
    return cipher.find("gcm") != std::string_view::npos ||
           cipher.find("ccm") != std::string_view::npos || cipher.starts_with("chacha20");
}

bool is_hash(std::string_view word) { return word.starts_with("sha") || word == "md5"; }

std::string proposal_of(std::string_view text, ImportedProposal kind) {
    std::vector<std::string> words;
    std::string word;
    const auto end_word = [&] {
        if (word.empty()) { return; }
        words.push_back(spelled(word));
        word.clear();
    };
    // "-" and ";" stand between kinds of algorithms, "+" between two of a kind.
    for (const char c : text) {
        if (c == '-' || c == ';' || c == '+') {
            end_word();
        } else {
            word += c;
        }
    }
    end_word();
    if (words.empty() || !is_combined(words.front())) {
        return fmt::format("{}", fmt::join(words, "-"));
    }
    // With such a cipher a hash can only be the PRF of IKE; and "null" says that there is none.
    std::erase(words, "null");
    for (std::string& one : words) {
        if (is_hash(one) && kind == ImportedProposal::ike) { one = "prf" + one; }
    }
    if (kind == ImportedProposal::esp) { std::erase_if(words, is_hash); }
    return fmt::format("{}", fmt::join(words, "-"));
}

}  // namespace

std::string proposals_of(std::string_view text, ImportedProposal kind) {
    std::vector<std::string> out;
    for (std::string one : words_of(lower(text))) {
        std::erase(one, '!');  // of strict proposals, which is the rule in swanctl.conf
        if (!one.empty()) { out.push_back(proposal_of(one, kind)); }
    }
    return fmt::format("{}", fmt::join(out, ", "));
}

std::string action_of(std::string_view text) {
    if (text == "route" || text == "ondemand" || text == "hold" || text == "trap") {
        return "trap";
    }
    if (text == "start" || text == "restart" || text == "restart_by_peer") { return "start"; }
    return "none";
}

bool is_yes(std::string_view text) {
    return text == "yes" || text == "force" || text == "true" || text == "1" || text == "insist";
}

std::vector<std::string> pool_names(const std::string& conn, std::string_view pools) {
    std::vector<std::string> out{conn};
    const std::size_t count = words_of(pools).size();
    for (std::size_t i = 2; i <= count; ++i) { out.push_back(fmt::format("{}-{}", conn, i)); }
    return out;
}

std::string identity_of(std::string text) {
    // Libreswan's way to write a key-id that is text.
    if (text.starts_with("@[")) {
        text.replace(0, 2, "keyid:");
        if (text.ends_with(']')) { text.pop_back(); }
        return text;
    }
    if (text.starts_with('@') && !text.starts_with("@#") && !text.starts_with("@@")) {
        text.erase(0, 1);
    }
    return text;
}

}  // namespace culvert::cli
