#include "cli/import_auth.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/ip.hpp"
#include "cli/import_words.hpp"

namespace culvert::cli {
namespace {

// Libreswan names certificates by their nicknames.
bool is_file_name(const std::string& text) {
    return text.starts_with('/') ||
           std::ranges::any_of(std::array{".pem", ".crt", ".cer", ".der"},
                               [&](const char* end) { return text.ends_with(end); });
}

bool is_one_host(const std::string& text) {
    return !text.starts_with('%') && text.find_first_of(",/ ") == std::string::npos &&
           text != "0.0.0.0" && text != "::" && !text.empty();
}

// "rsa-sha2_512,ecdsa" (Libreswan), "rsa-4096-sha512", "ike:rsa/pss-sha256" (strongSwan): kinds of
// keys with sizes and hashes are the same words in swanctl.conf.
std::string keys_of(const std::string& text) {
    std::string out = fmt::format("{}", fmt::join(words_of(text), "-"));
    if (out.find("-sha2_") == std::string::npos && !out.ends_with("-sha2")) { return out; }
    // Libreswan's: of AUTH alone, and not of the certificates.
    if (out.ends_with("-sha2")) { out.replace(out.size() - 5, 5, "-sha256-sha384-sha512"); }
    return "ike:" + out;
}

// Of authby and auth; a word that is nobody's stays, and the check refuses it.
std::string auth_of(const std::string& word) {
    if (word == "secret" || word == "psk" || word == "secret|rsasig" || word == "rsasig|secret") {
        return "psk";
    }
    if (word == "never") { return "psk"; }  // a shunt has no peer
    if (word == "rsasig" || word == "pubkey" || word == "rsakey") { return "pubkey"; }
    return keys_of(word);
}

}  // namespace

Sides::Sides(const IpsecConn& conn)
    : authby_(conn.value("authby").value_or("pubkey")),
      authority_(conn.value("leftca")),
      user_(conn.value("eap_identity")) {
    if (const auto right = conn.value("right"); right && is_one_host(*right)) { peer_ = right; }
    if (user_ == "%identity") { user_ = "%any"; }
}

void Sides::write(IpsecConn& conn, SwanctlWriter& out) {
    conn.take("authby");
    conn.take("eap_identity");
    for (const Round& round : {Round{"left", "", "local"}, Round{"left", "2", "local-2"},
                               Round{"right", "", "remote"}, Round{"right", "2", "remote-2"}}) {
        if (round.suffix.empty() || conn.has(round.side + "auth2")) {
            write_round(conn, out, round);
        }
    }
}

void Sides::write_round(IpsecConn& conn, SwanctlWriter& out, const Round& round) {
    const auto taken = [&](std::string_view key) {
        return conn.take(fmt::format("{}{}{}", round.side, key, round.suffix));
    };
    out.open(round.as);
    const bool by_eap = write_auth(conn, out, round);
    write_id(conn, out, round);
    if (const auto certificate = taken("cert")) {
        out.set("certs", certificate);
        if (!is_file_name(*certificate)) {
            out.look_at(
                fmt::format("{}cert = {} is a name in an NSS database: export it into a "
                            "file of x509, its key into private",
                            round.side, *certificate));
        }
    }
    write_authority(conn, out, round);
    for (const std::string_view key : {"rsasigkey", "sigkey", "pubkey"}) {
        const auto value = taken(key);
        if (!value || value->starts_with('%')) { continue; }
        out.look_at(
            fmt::format("{}{}: write that public key into a file of pubkey and name it in "
                        "{}.pubkeys; the connection is not loaded before that",
                        round.side, key, round.as));
        out.set("pubkeys", "NAME-THE-FILE-OF-THE-PUBLIC-KEY.pub");
    }
    out.set("groups", taken("groups"));
    if (by_eap && user_) { out.set("eap_id", std::exchange(user_, std::nullopt)); }
    out.close();
}

bool Sides::write_auth(IpsecConn& conn, SwanctlWriter& out, const Round& round) const {
    const std::string word = conn.take(round.side + "auth" + round.suffix).value_or(authby_);
    std::string auth = auth_of(word);
    if (round.side == "left" && auth.starts_with("ike:rsa-")) { auth.replace(4, 3, "rsa/pss"); }
    out.set("auth", auth);
    if (word.find('|') != std::string::npos) {
        out.look_at(fmt::format("{}: psk alone; make a second connection for the other", word));
    }
    return auth.starts_with("eap");
}

void Sides::write_id(IpsecConn& conn, SwanctlWriter& out, const Round& round) const {
    const bool of_peer = round.as == "remote";
    auto id = conn.take(round.side + "id" + round.suffix);
    if (id == "%fromcert") {
        out.comment("id: the certificate's subject");
    } else if (id) {
        out.set("id", identity_of(*std::move(id)));
    } else if (of_peer && peer_ && !conn.has("rightcert")) {
        // ipsec.conf's default; swanctl's is anybody.
        out.set("id", peer_);
        if (!IpAddress::parse(*peer_)) {
            out.look_at(fmt::format("rightid was not set, and stood for {}", *peer_));
        }
    }
}

void Sides::write_authority(IpsecConn& conn, SwanctlWriter& out, const Round& round) const {
    auto authority = conn.take(round.side + "ca" + round.suffix);
    if (!authority || round.side == "left") { return; }
    if (authority == "%same" && authority_ && authority_ != "%same") { authority = authority_; }
    if (authority == "%same") {
        authority = "NAME-THE-AUTHORITY-OF-LEFTCERT.crt";
        out.look_at(
            "rightca = %same: name the file of our own certificate's authority in cacerts; "
            "the connection is not loaded before that");
    }
    out.set(authority->find('=') == std::string::npos ? "cacerts" : "ca_id", authority);
}

}  // namespace culvert::cli
