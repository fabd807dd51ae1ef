// pki, keygen: keys and certificates for a first set-up, without other tools and without a daemon.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "config/tree.hpp"
#include "crypto/random.hpp"
#include "ike/credentials.hpp"
#include "x509/issue.hpp"

namespace culvert::cli {
namespace {

namespace fs = std::filesystem;
using x509::SubjectAltName;

constexpr std::size_t serial_size = 16;  // RFC 5280 4.1.2.2: at most 20
constexpr long long days_max = 100 * 365;

Error not_for_a_certificate(std::string_view name) {
    return {.code = ErrorCode::config,
            .wanted = "a host name, an address, user@host, or a common name",
            .received = printable(name, 100),
            .remedy = "put it in quotes if it has blanks"};
}

Error no_authority(const std::string& path) {
    return {.code = ErrorCode::not_found,
            .wanted = "an authority to issue with: " + path,
            .received = "there is none",
            .remedy = "make one first: culvert pki authority NAME"};
}

// A name as a file's.
std::string file_name(std::string_view name) {
    std::string out{name};
    for (char& c : out) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '@';
        if (!plain && (c != '.' || &c == out.data())) { c = '_'; }
    }
    return out;
}

Error cannot_write(const fs::path& path, int error_number) {
    Error error = system_error("to write " + path.string(), error_number);
    if (error_number == EEXIST) { error.remedy = "move that file away, if it is not needed"; }
    if (error_number == ENOENT) { error.remedy = "make the folder, or name another file"; }
    return error;
}

Status make_folder_of(const fs::path& path) {
    std::error_code why;
    if (path.has_parent_path()) { fs::create_directories(path.parent_path(), why); }
    if (!why) { return {}; }
    return std::unexpected(
        system_error("to make the folder " + path.parent_path().string(), why.value()));
}

// Never over a file that is there: it may be the only copy of a key.
Status write_new(const fs::path& path, ByteView octets, mode_t mode) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) { return std::unexpected(cannot_write(path, errno)); }
    std::size_t done = 0;
    int failed = 0;
    while (done < octets.size() && failed == 0) {
        const ssize_t count = ::write(file, octets.data() + done, octets.size() - done);
        if (count < 0 && errno == EINTR) { continue; }
        if (count < 0) {
            failed = errno;
        } else {
            done += static_cast<std::size_t>(count);
        }
    }
    if (::close(file) != 0 && failed == 0) { failed = errno; }
    if (failed != 0) {
        ::unlink(path.c_str());
        return std::unexpected(system_error("to write " + path.string(), failed));
    }
    return {};
}

// A key and what goes with it: both, or neither.
Status write_pair(const fs::path& key_path, const Secret& key, const fs::path& other_path,
                  ByteView other) {
    if (fs::exists(other_path)) { return std::unexpected(cannot_write(other_path, EEXIST)); }
    if (Status done = write_new(key_path, key.reveal(), 0600); !done) { return done; }
    Status done = write_new(other_path, other, 0644);
    if (!done) { ::unlink(key_path.c_str()); }
    return done;
}

// The same in folders that are made where they lack.
Status write_pair_in_folders(const fs::path& key_path, const Secret& key,
                             const fs::path& other_path, ByteView other) {
    for (const fs::path& path : {key_path, other_path}) {
        if (Status done = make_folder_of(path); !done) { return done; }
    }
    return write_pair(key_path, key, other_path, other);
}

Result<std::vector<SubjectAltName>> alternative_names(const std::vector<std::string>& texts) {
    std::vector<SubjectAltName> out;
    for (const std::string& text : texts) {
        const auto id = ike::Identity::parse(text);
        if (!id) { return std::unexpected(id.error()); }
        using Kind = SubjectAltName::Kind;
        static const std::map<ike::IdType, Kind> kinds{{ike::IdType::fqdn, Kind::dns},
                                                       {ike::IdType::rfc822_addr, Kind::email},
                                                       {ike::IdType::ipv4_addr, Kind::ip},
                                                       {ike::IdType::ipv6_addr, Kind::ip}};
        const auto kind = kinds.find(id->type);
        if (kind == kinds.end()) { return std::unexpected(not_for_a_certificate(text)); }
        out.push_back({kind->second, id->data});
    }
    return out;
}

x509::Order order_for(const PkiWishes& wishes) {
    crypto::SystemRandom random;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    // An hour back: the peer's clock may be behind ours.
    return {.organization = wishes.organization,
            .common_name = wishes.names.front(),
            .names = {},
            .not_before = now - std::chrono::hours{1},
            .not_after = now + std::chrono::days{std::min(wishes.days, days_max)},
            .serial = random.bytes(serial_size)};
}

crypto::KeyType key_type(const std::string& word) {
    using enum crypto::KeyType;
    static const std::map<std::string, crypto::KeyType, std::less<>> words{
        {"rsa", rsa}, {"ecdsa", ecdsa}, {"ed25519", ed25519}, {"ed448", ed448}};
    const auto found = words.find(word);
    return found == words.end() ? ecdsa : found->second;
}

Result<Secret> read_secret_file(const fs::path& path) {
    auto file = config::disk().read(path.string());
    if (!file) { return std::unexpected(std::move(file).error()); }
    Secret out = Secret::copy_of(as_bytes(file->text));
    std::ranges::fill(file->text, '\0');
    return out;
}

struct Written {
    std::vector<std::pair<std::string, std::string>> files;  // what, path
    std::string hint;
};

Exit tell(const Context& context, std::string_view word, const Result<Written>& made) {
    if (!made) { return fail(context, word, made.error()); }
    if (context.json) {
        vici::Message out;
        for (const auto& [what, path] : made->files) { out.set(what, path); }
        print_json(context, out);
        return Exit::ok;
    }
    for (const auto& [what, path] : made->files) {
        context.output.out(fmt::format("{:<12} {}\n", what, path));
    }
    context.output.out(made->hint);
    return Exit::ok;
}

Result<Written> make_authority(const PkiWishes& wishes) {
    const fs::path folder{wishes.folder};
    const fs::path key_path = folder / "pki" / "authority.key";
    const fs::path certificate_path = folder / "x509ca" / "authority.crt";
    auto key = x509::make_key(key_type(wishes.key));
    if (!key) { return std::unexpected(std::move(key).error()); }
    x509::Order order = order_for(wishes);
    order.authority = true;
    const auto certificate = x509::issue(order, *key, nullptr, *key);
    if (!certificate) { return std::unexpected(certificate.error()); }
    if (Status done =
            write_pair_in_folders(key_path, *key, certificate_path, as_bytes(*certificate));
        !done) {
        return std::unexpected(std::move(done).error());
    }
    return Written{{{"key", key_path.string()}, {"certificate", certificate_path.string()}},
                   "Next: culvert pki issue NAME, for each gateway\n"};
}

Result<Written> make_certificate(const PkiWishes& wishes) {
    const fs::path folder{wishes.folder};
    const fs::path target{wishes.out.empty() ? wishes.folder : wishes.out};
    const fs::path authority_path = folder / "x509ca" / "authority.crt";
    const auto authority_file = config::disk().read(authority_path.string());
    if (!authority_file) { return std::unexpected(no_authority(authority_path.string())); }
    const auto authority = x509::Certificate::parse(as_bytes(authority_file->text));
    if (!authority) { return std::unexpected(authority.error()); }
    const auto authority_key = read_secret_file(folder / "pki" / "authority.key");
    if (!authority_key) { return std::unexpected(authority_key.error()); }
    auto names = alternative_names(wishes.names);
    if (!names) { return std::unexpected(std::move(names).error()); }
    x509::Order order = order_for(wishes);
    order.names = std::move(*names);
    order.not_after = std::min(order.not_after, authority->not_after());
    const auto key = x509::make_key(key_type(wishes.key));
    if (!key) { return std::unexpected(key.error()); }
    const auto certificate = x509::issue(order, *key, &*authority, *authority_key);
    if (!certificate) { return std::unexpected(certificate.error()); }
    const std::string name = file_name(wishes.names.front());
    const fs::path key_path = target / "private" / (name + ".key");
    const fs::path certificate_path = target / "x509" / (name + ".crt");
    if (Status done =
            write_pair_in_folders(key_path, *key, certificate_path, as_bytes(*certificate));
        !done) {
        return std::unexpected(std::move(done).error());
    }
    Written out{{{"key", key_path.string()}, {"certificate", certificate_path.string()}},
                fmt::format("In swanctl.conf, in its connection:\n"
                            "    local {{\n"
                            "        auth = pubkey\n"
                            "        certs = {0}.crt\n"
                            "        id = {1}\n"
                            "    }}\n",
                            name, wishes.names.front())};
    const fs::path copy = target / "x509ca" / "authority.crt";
    if (!wishes.out.empty() && !fs::exists(copy)) {
        Status done = make_folder_of(copy);
        if (done) { done = write_new(copy, as_bytes(authority_file->text), 0644); }
        if (!done) { return std::unexpected(std::move(done).error()); }
        out.files.emplace_back("authority", copy.string());
        out.hint = fmt::format("Copy what is in {} into /etc/swanctl of that gateway. {}",
                               target.string(), out.hint);
    }
    return out;
}

Result<Written> make_key_pair(const std::string& file, const std::string& type) {
    auto key = x509::make_key(key_type(type));
    if (!key) { return std::unexpected(std::move(key).error()); }
    const auto parsed = crypto::PrivateKey::parse(key->reveal());
    if (!parsed) { return std::unexpected(parsed.error()); }
    const std::string shown = file + ".pub";
    if (Status done = write_pair(file, *key, shown, as_bytes(parsed->public_key().pem())); !done) {
        return std::unexpected(std::move(done).error());
    }
    return Written{{{"key", file}, {"public-key", shown}},
                   "Put the key into private, and the public key into pubkey of the peer, which "
                   "names it in remote.pubkeys\n"};
}

}  // namespace

Exit pki_authority(const Context& context, const PkiWishes& wishes) {
    return tell(context, "pki authority", make_authority(wishes));
}

Exit pki_issue(const Context& context, const PkiWishes& wishes) {
    return tell(context, "pki issue", make_certificate(wishes));
}

Exit pki_show(const Context& context, const std::string& path) {
    const auto file = config::disk().read(path);
    if (!file) { return fail(context, "pki show", file.error()); }
    const auto all = x509::Certificate::parse_all(as_bytes(file->text));
    if (!all) { return fail(context, "pki show", all.error()); }
    std::vector<vici::Message> out;
    std::string text;
    for (const Error& unusable : all->unusable) {
        context.output.err(
            fmt::format("pki show: a certificate that cannot be used: {}\n", unusable.received));
    }
    for (const x509::Certificate& one : all->certificates) {
        const std::string issuer =
            ike::Identity{ike::IdType::der_asn1_dn, one.issuer_der()}.to_string();
        const std::string valid = fmt::format("{} to {}", x509::to_string(one.not_before()),
                                              x509::to_string(one.not_after()));
        const std::string names = ike::names_of(one);
        const std::string key = one.public_key().to_string();
        const std::string_view flag = one.is_authority() ? "CA" : "NONE";
        text += fmt::format("{}{}\n  issuer   {}\n  names    {}\n  key      {}\n  valid    {}\n",
                            ike::subject_of(one).to_string(), flag == "CA" ? " [CA]" : "", issuer,
                            names, key, valid);
        vici::Message section;
        section.set("subject", ike::subject_of(one).to_string()).set("issuer", issuer);
        section.set("serial", one.serial()).set("flag", flag).set("names", names);
        section.set("key", key).set("valid", valid);
        out.push_back(std::move(section));
    }
    if (context.json) {
        print_json(context, vici::Message{}.set("certificates", numbered(std::move(out))));
    } else {
        context.output.out(text);
    }
    return Exit::ok;
}

Exit keygen(const Context& context, const std::string& file, const std::string& type) {
    return tell(context, "keygen", make_key_pair(file, type));
}

}  // namespace culvert::cli
