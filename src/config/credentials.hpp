#pragma once
// Certificates, keys and lists: those that settings name, and those in the folders beside
// swanctl.conf. Inside config only.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "config/report.hpp"
#include "ike/credentials.hpp"

namespace culvert::config {

// A section of `secrets` for the key in a file: private, rsa, ecdsa, pkcs8, pkcs12.
struct KeyPassphrase {
    std::string section;
    std::string folder;  // "private"
    std::string file;
    Secret secret;
};

// Every certificate of a list of files; a name without a slash is in `folder`. By VICI: what is in
// the files.
std::vector<x509::Certificate> read_certificates(const Field& field, std::string_view folder);
std::vector<crypto::PublicKey> read_public_keys(const Field& field);
// cert<suffix>, cacert<suffix>: one certificate by its full path; or, where one may be there, its
// `handle` on a token.
std::optional<x509::Certificate> read_certificate_section(const Scope& scope, SectionKind kind,
                                                          std::string_view word,
                                                          std::string_view folder,
                                                          std::string* handle);
// A section of `authorities`, and the lists that it names as files.
struct AuthoritySection {
    ike::AuthorityInfo info;
    std::vector<x509::Crl> lists;
};
std::optional<AuthoritySection> read_authority(const Scope& scope);

// All that lies in x509, x509ca, x509ocsp, x509crl, private, rsa, ecdsa, pkcs8 and pkcs12. What
// cannot be used is a warning: it may be nobody's.
ike::CredentialSet read_folders(const FileSource& source,
                                const std::vector<KeyPassphrase>& passphrases, Report& report,
                                std::set<std::string>& usable);

}  // namespace culvert::config
