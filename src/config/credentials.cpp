#include "config/credentials.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"
#include "x509/pkcs12.hpp"

namespace culvert::config {
namespace {

std::string path_of(const FileSource& source, std::string_view folder, const std::string& name) {
    if (name.starts_with('/')) { return name; }
    return fmt::format("{}/{}/{}", source.folder, folder, name);
}

// The octets of each item: a file's, or, by VICI, the item itself, but for `file`, which is a path
// that the daemon reads (strongSwan's way). `use` gets them with a name for messages.
template <class Use>
void each_file(const Field& field, std::string_view folder, const Use& use) {
    const auto items = field.list();
    if (!items) { return; }
    if (items->empty()) { field.error("names no file", "remove the line, or name one"); }
    for (const std::string& item : *items) {
        const FileSource by_vici{.files = disk(), .folder = "/etc/swanctl"};
        const FileSource* source = field.scope.source();
        if (source == nullptr && field.key() == "file") { source = &by_vici; }
        if (source == nullptr) {
            use("what was sent", as_bytes(item));
            continue;
        }
        const std::string path = path_of(*source, folder, item);
        const auto file = source->files.read(path);
        if (!file) {
            field.error(
                fmt::format("{} cannot be read: {}", printable(path), file.error().received),
                file.error().remedy);
            continue;
        }
        use(printable(path), as_bytes(file->text));
    }
}

std::string why(const Error& error) {
    return error.received.empty() ? explain(error) : error.received;
}

// Reads all files of one folder, in order.
class FolderReader {
 public:
    FolderReader(const FileSource& source, const std::vector<KeyPassphrase>& passphrases,
                 Report& report, std::set<std::string>& usable)
        : source_(source), passphrases_(passphrases), report_(report), usable_(usable) {}

    ike::CredentialSet read() {
        certificates("x509", out_.certificates);
        certificates("x509ca", out_.authorities);
        certificates("x509ocsp", out_.responders);
        each("x509crl", [&](const std::string& path, ByteView octets) {
            auto crl = x509::Crl::parse(octets);
            if (!crl) { return warn(path, "holds no list of revoked certificates", crl.error()); }
            out_.crls.push_back(std::move(*crl));
            usable_.insert(path);
        });
        for (const std::string_view folder : {"private", "rsa", "ecdsa", "pkcs8"}) {
            each(folder,
                 [&](const std::string& path, ByteView octets) { key(folder, path, octets); });
        }
        each("pkcs12", [&](const std::string& path, ByteView octets) { container(path, octets); });
        for (const KeyPassphrase& one : passphrases_) {
            if (used_.contains(&one)) { continue; }
            report_.add({.severity = Problem::Severity::warning,
                         .path = "secrets." + one.section,
                         .what = fmt::format("there is no file {} in the folder {}",
                                             printable(one.file), one.folder),
                         .remedy = "put the key there, or correct the name"});
        }
        return std::move(out_);
    }

 private:
    template <class Use>
    void each(std::string_view folder, const Use& use) {
        const auto paths = source_.files.glob(fmt::format("{}/{}/*", source_.folder, folder));
        if (!paths) {
            return warn(fmt::format("{}/{}", source_.folder, folder), "cannot be looked into",
                        paths.error());
        }
        for (const std::string& path : *paths) {
            auto file = source_.files.read(path);
            if (!file) {
                warn(path, "cannot be read", file.error());
                continue;
            }
            const bool secret = !folder.starts_with("x509");
            if (secret && file->others_may_read) {
                report_.add(
                    {.severity = Problem::Severity::warning,
                     .place = {.file = std::make_shared<const std::string>(path)},
                     .what = "holds a private key, and every user of this machine may read it",
                     .remedy = fmt::format("chmod 600 {}", printable(path))});
            }
            use(path, as_bytes(file->text));
            if (secret) {
                wipe({reinterpret_cast<std::uint8_t*>(file->text.data()), file->text.size()});
            }
        }
    }

    void certificates(std::string_view folder, std::vector<x509::Certificate>& into) {
        each(folder, [&](const std::string& path, ByteView octets) {
            auto all = x509::Certificate::parse_all(octets);
            if (!all) { return warn(path, "holds no certificate that can be used", all.error()); }
            for (const Error& bad : all->unusable) {
                warn(path, "holds a certificate that cannot be used", bad, Extent::a_part);
            }
            std::ranges::move(all->certificates, std::back_inserter(into));
            usable_.insert(path);
        });
    }

    const KeyPassphrase* passphrase(std::string_view folder, const std::string& path) {
        const std::string name = path.substr(path.rfind('/') + 1);
        for (const KeyPassphrase& one : passphrases_) {
            if (one.folder == folder && (one.file == name || one.file == path)) {
                used_.insert(&one);
                return &one;
            }
        }
        return nullptr;
    }

    void key(std::string_view folder, const std::string& path, ByteView octets) {
        const KeyPassphrase* const words = passphrase(folder, path);
        auto key = crypto::PrivateKey::parse(octets, words == nullptr ? nullptr : &words->secret);
        if (!key) { return warn(path, "holds no private key that can be used", key.error()); }
        out_.keys.push_back(std::make_shared<const crypto::PrivateKey>(std::move(*key)));
        usable_.insert(path);
    }

    void container(const std::string& path, ByteView octets) {
        const KeyPassphrase* const words = passphrase("pkcs12", path);
        const Secret none;
        auto opened = x509::open_pkcs12(octets, words == nullptr ? none : words->secret);
        if (!opened) { return warn(path, "cannot be opened", opened.error()); }
        usable_.insert(path);
        if (opened->key) {
            out_.keys.push_back(
                std::make_shared<const crypto::PrivateKey>(std::move(*opened->key)));
        }
        // A root in there is trusted, as strongSwan does it; one in between needs a root.
        for (x509::Certificate& one : opened->certificates) {
            auto& into = x509::is_root(one) ? out_.authorities : out_.certificates;
            into.push_back(std::move(one));
        }
    }

    // Whether nothing of it is in use, or only something is not.
    enum class Extent : std::uint8_t { all, a_part };
    void warn(const std::string& path, std::string_view what, const Error& error,
              Extent extent = Extent::all) {
        report_.add({.severity = Problem::Severity::warning,
                     .place = {.file = std::make_shared<const std::string>(path)},
                     .what = fmt::format("{}: {}", what, why(error)),
                     .remedy = error.remedy,
                     .unusable = extent == Extent::all ? path : std::string{}});
    }

    const FileSource& source_;
    const std::vector<KeyPassphrase>& passphrases_;
    Report& report_;
    std::set<std::string>& usable_;
    ike::CredentialSet out_;
    std::set<const KeyPassphrase*> used_;
};

constexpr std::string_view file_scheme = "file://";

// A list of revoked certificates by file:///path, which is read now, and at each reload. A warning
// if it is none: it may be there the next time.
std::optional<x509::Crl> read_list(const Field& field, std::string_view url) {
    const std::string path{url.substr(file_scheme.size())};
    const FileSource* const source = field.scope.source();
    const auto file = source == nullptr ? disk().read(path) : source->files.read(path);
    auto list = file ? x509::Crl::parse(as_bytes(file->text))
                     : Result<x509::Crl>{std::unexpected(file.error())};
    if (list) { return std::move(*list); }
    field.warning(fmt::format("{} holds no list of revoked certificates: {}", printable(path),
                              why(list.error())),
                  list.error().remedy);
    return std::nullopt;
}

void refuse_token(const Field& field) {
    field.error("names an object on a token, which is built only for our own certificates",
                "put the certificate into a file");
}

}  // namespace

std::vector<x509::Certificate> read_certificates(const Field& field, std::string_view folder) {
    std::vector<x509::Certificate> out;
    each_file(field, folder, [&](const std::string& name, ByteView octets) {
        auto all = x509::Certificate::parse_all(octets);
        if (!all) {
            return field.error(
                fmt::format("{} holds no certificate that can be used: {}", name, why(all.error())),
                all.error().remedy);
        }
        for (const Error& bad : all->unusable) {
            field.warning(
                fmt::format("{} holds a certificate that cannot be used: {}", name, why(bad)),
                bad.remedy);
        }
        std::ranges::move(all->certificates, std::back_inserter(out));
    });
    return out;
}

std::vector<crypto::PublicKey> read_public_keys(const Field& field) {
    std::vector<crypto::PublicKey> out;
    each_file(field, "pubkey", [&](const std::string& name, ByteView octets) {
        auto key = crypto::PublicKey::parse_file(octets);
        if (key) {
            out.push_back(std::move(*key));
        } else {
            field.error(
                fmt::format("{} holds no public key that can be used: {}", name, why(key.error())),
                "make one with: openssl pkey -in PRIVATE -pubout");
        }
    });
    return out;
}

std::optional<x509::Certificate> read_certificate_section(const Scope& scope, SectionKind kind,
                                                          std::string_view word,
                                                          std::string_view folder,
                                                          std::string* handle) {
    std::optional<x509::Certificate> out;
    scope.each([&](const Field& field) {
        const Keyword* keyword =
            find_keyword(kind, fmt::format("{}<suffix>.{}", word, field.key()));
        if (keyword == nullptr) { return unknown_keyword(field, kind); }
        if (field.key() != "file") {
            if (handle == nullptr) { return refuse_token(field); }
            if (field.key() == "handle") { *handle = read_handle(field).value_or(""); }
            return;
        }
        auto all = read_certificates(field, folder);
        if (!all.empty()) { out = std::move(all.front()); }
    });
    return out;
}

std::optional<AuthoritySection> read_authority(const Scope& scope) {
    std::vector<x509::Certificate> certificates;
    std::vector<std::string> crls;
    std::vector<x509::Crl> lists;
    std::vector<std::string> responders;
    std::string base;
    const auto urls = [&](const Field& field, std::vector<std::string>& into) {
        for (const std::string& url : field.list().value_or(vici::List{})) {
            if (url.starts_with("http://") || url.starts_with("https://")) {
                into.push_back(url);
            } else if (&into == &crls && url.starts_with(file_scheme)) {
                if (auto list = read_list(field, url)) { lists.push_back(*std::move(list)); }
            } else {
                field.warning(fmt::format("\"{}\" is not followed: only http and https are",
                                          printable(url, 200)),
                              "");
            }
        }
    };
    bool complete = true;
    scope.each([&](const Field& field) {
        if (find_keyword(SectionKind::authority, field.key()) == nullptr) {
            complete = false;
            return unknown_keyword(field, SectionKind::authority);
        }
        if (field.key() == "cacert" || field.key() == "file") {
            certificates = read_certificates(field, "x509ca");
        } else if (field.key() == "crl_uris") {
            urls(field, crls);
        } else if (field.key() == "ocsp_uris") {
            urls(field, responders);
        } else if (field.key() == "cert_uri_base") {
            std::vector<std::string> bases;
            urls(field, bases);
            if (!bases.empty()) { base = std::move(bases.front()); }
        } else {
            complete = false;
            refuse_token(field);
        }
    });
    if (certificates.empty()) {
        if (complete) { scope.error("has no certificate", "add cacert = FILE (in x509ca)"); }
        return std::nullopt;
    }
    return AuthoritySection{.info = {.name = std::string{scope.name()},
                                     .certificate = std::move(certificates.front()),
                                     .crl_urls = std::move(crls),
                                     .ocsp_urls = std::move(responders),
                                     .certificate_url_base = std::move(base)},
                            .lists = std::move(lists)};
}

ike::CredentialSet read_folders(const FileSource& source,
                                const std::vector<KeyPassphrase>& passphrases, Report& report,
                                std::set<std::string>& usable) {
    return FolderReader{source, passphrases, report, usable}.read();
}

}  // namespace culvert::config
