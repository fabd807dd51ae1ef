#pragma once
// Certificates, keys and lists: those of the folders beside swanctl.conf, and those that came by
// VICI, as one set.

#include <memory>
#include <string>
#include <vector>

#include "ike/credentials.hpp"

namespace culvert::daemon {

// load-cert's flag: what a certificate is loaded as.
enum class CertificateUse : std::uint8_t { end_entity, authority, ocsp_responder };

class CredentialStore {
 public:
    void replace_file(std::shared_ptr<const ike::CredentialSet> set);

    // By VICI; what is there already is not doubled.
    void put(x509::Certificate certificate, CertificateUse use);
    // Takes the place of older ones of the same authority, its key and what they are about.
    void put(x509::Crl crl);
    // The id that names it from now on.
    std::string put(crypto::PrivateKey key);
    void put(ike::AuthorityInfo authority);
    void put(ike::TokenCertificate certificate);
    // Of those that came by VICI.
    bool remove_key(const std::string& id);
    bool remove_authority(const std::string& name);
    std::vector<std::string> key_ids() const;
    std::vector<std::string> authority_names() const;
    // clear-creds: all but what authorities name.
    void clear();
    // "authority root", "key 0a...", "certificate C=CH...": what is not in the files.
    std::vector<std::string> by_vici_alone() const;

    std::shared_ptr<const ike::CredentialSet> all() const;

 private:
    void changed() { all_.reset(); }

    std::shared_ptr<const ike::CredentialSet> file_;      // without what clear() took away
    std::shared_ptr<const ike::CredentialSet> of_files_;  // with it
    ike::CredentialSet again_;  // what the files have, and VICI brought back since clear()
    ike::CredentialSet vici_;
    mutable std::shared_ptr<const ike::CredentialSet> all_;  // made when asked for
};

// SHA-1 of the subjectPublicKey, hex: as strongSwan names keys.
std::string id_of(const crypto::PublicKey& key);

}  // namespace culvert::daemon
