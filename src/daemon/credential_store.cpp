#include "daemon/credential_store.hpp"

#include <algorithm>
#include <utility>

namespace culvert::daemon {
namespace {

template <class T, class Same>
void add(std::vector<T>& into, T one, const Same& same) {
    if (std::ranges::none_of(into, [&](const T& other) { return same(one, other); })) {
        into.push_back(std::move(one));
    }
}

constexpr auto equal = [](const auto& a, const auto& b) { return a == b; };
constexpr auto same_list = [](const x509::Crl& a, const x509::Crl& b) {
    return a.der() == b.der();
};
constexpr auto same_key = [](const auto& a, const auto& b) {
    return a->public_key() == b->public_key();
};

template <class T, class Same>
void add_all(std::vector<T>& into, const std::vector<T>& more, const Same& same) {
    for (const T& one : more) { add(into, one, same); }
}

// Whether one of these authorities signed just one of the two: lists of two keys of one name need
// not say whose they are.
bool of_different_keys(const x509::Crl& a, const x509::Crl& b,
                       const std::vector<x509::Certificate>& authorities) {
    return std::ranges::any_of(authorities, [&](const x509::Certificate& one) {
        return a.is_signed_by(one) != b.is_signed_by(one);
    });
}

}  // namespace

std::string id_of(const crypto::PublicKey& key) { return to_hex(key.key_hash()); }

void CredentialStore::replace_file(std::shared_ptr<const ike::CredentialSet> set) {
    file_ = std::move(set);
    changed();
}

void CredentialStore::put(x509::Certificate certificate, CertificateUse use) {
    auto& into = use == CertificateUse::authority        ? vici_.authorities
                 : use == CertificateUse::ocsp_responder ? vici_.responders
                                                         : vici_.certificates;
    add(into, std::move(certificate), equal);
    changed();
}

void CredentialStore::put(x509::Crl crl) {
    const auto known = all();
    std::erase_if(vici_.crls, [&](const x509::Crl& old) {
        return crl.replaces(old) && !of_different_keys(crl, old, known->authorities) &&
               !of_different_keys(crl, old, known->certificates);
    });
    vici_.crls.push_back(std::move(crl));
    changed();
}

std::string CredentialStore::put(crypto::PrivateKey key) {
    std::string id = id_of(key.public_key());
    add(vici_.keys, std::make_shared<const crypto::PrivateKey>(std::move(key)), same_key);
    changed();
    return id;
}

void CredentialStore::put(ike::AuthorityInfo authority) {
    remove_authority(authority.name);
    vici_.infos.push_back(std::move(authority));
    changed();
}

void CredentialStore::put(ike::TokenCertificate certificate) {
    add(vici_.certificates, certificate.certificate, equal);
    std::erase_if(vici_.on_tokens,
                  [&](const auto& other) { return other.handle == certificate.handle; });
    vici_.on_tokens.push_back(std::move(certificate));
    changed();
}

bool CredentialStore::remove_key(const std::string& id) {
    changed();
    return std::erase_if(vici_.keys,
                         [&](const auto& key) { return id_of(key->public_key()) == id; }) > 0;
}

bool CredentialStore::remove_authority(const std::string& name) {
    changed();
    return std::erase_if(vici_.infos,
                         [&](const ike::AuthorityInfo& info) { return info.name == name; }) > 0;
}

std::vector<std::string> CredentialStore::key_ids() const {
    std::vector<std::string> out;
    for (const auto& key : vici_.keys) { out.push_back(id_of(key->public_key())); }
    return out;
}

std::vector<std::string> CredentialStore::authority_names() const {
    std::vector<std::string> out;
    for (const ike::AuthorityInfo& info : vici_.infos) { out.push_back(info.name); }
    return out;
}

void CredentialStore::clear() {
    auto infos = std::move(vici_.infos);
    vici_ = {};
    vici_.infos = std::move(infos);
    if (file_ != nullptr) {
        auto named = std::make_shared<ike::CredentialSet>();
        named->infos = file_->infos;
        for (const ike::AuthorityInfo& info : named->infos) {
            named->authorities.push_back(info.certificate);
        }
        file_ = std::move(named);
    }
    changed();
}

std::shared_ptr<const ike::CredentialSet> CredentialStore::all() const {
    if (all_ != nullptr) { return all_; }
    ike::CredentialSet out = file_ == nullptr ? ike::CredentialSet{} : *file_;
    add_all(out.authorities, vici_.authorities, equal);
    add_all(out.certificates, vici_.certificates, equal);
    add_all(out.responders, vici_.responders, equal);
    add_all(out.crls, vici_.crls, same_list);
    add_all(out.keys, vici_.keys, same_key);
    out.on_tokens.insert(out.on_tokens.end(), vici_.on_tokens.begin(), vici_.on_tokens.end());
    for (const ike::AuthorityInfo& info : vici_.infos) {
        std::erase_if(out.infos, [&](const auto& other) { return other.name == info.name; });
        out.infos.push_back(info);
        add(out.authorities, info.certificate, equal);
    }
    all_ = std::make_shared<const ike::CredentialSet>(std::move(out));
    return all_;
}

}  // namespace culvert::daemon
