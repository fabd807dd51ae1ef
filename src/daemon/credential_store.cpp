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

constexpr auto same_info = [](const ike::AuthorityInfo& a, const ike::AuthorityInfo& b) {
    return a.name == b.name && a.certificate == b.certificate && a.crl_urls == b.crl_urls &&
           a.ocsp_urls == b.ocsp_urls && a.certificate_url_base == b.certificate_url_base;
};

template <class T, class Same>
void add_all(std::vector<T>& into, const std::vector<T>& more, const Same& same) {
    for (const T& one : more) { add(into, one, same); }
}

template <class T, class Same>
bool has(const std::vector<T>& all, const T& one, const Same& same) {
    return std::ranges::any_of(all, [&](const T& other) { return same(one, other); });
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
    of_files_ = file_;
    again_ = {};
    changed();
}

void CredentialStore::put(x509::Certificate certificate, CertificateUse use) {
    const auto list = use == CertificateUse::authority        ? &ike::CredentialSet::authorities
                      : use == CertificateUse::ocsp_responder ? &ike::CredentialSet::responders
                                                              : &ike::CredentialSet::certificates;
    const bool of_files = of_files_ != nullptr && has((*of_files_).*list, certificate, equal);
    add((of_files ? again_ : vici_).*list, std::move(certificate), equal);
    changed();
}

void CredentialStore::put(x509::Crl crl) {
    const auto known = all();
    std::erase_if(vici_.crls, [&](const x509::Crl& old) {
        return crl.replaces(old) && !of_different_keys(crl, old, known->authorities) &&
               !of_different_keys(crl, old, known->certificates);
    });
    const bool of_files = of_files_ != nullptr && has(of_files_->crls, crl, same_list);
    add((of_files ? again_ : vici_).crls, std::move(crl), same_list);
    changed();
}

std::string CredentialStore::put(crypto::PrivateKey key) {
    std::string id = id_of(key.public_key());
    auto shared = std::make_shared<const crypto::PrivateKey>(std::move(key));
    const bool of_files = of_files_ != nullptr && has(of_files_->keys, shared, same_key);
    add((of_files ? again_ : vici_).keys, std::move(shared), same_key);
    changed();
    return id;
}

void CredentialStore::put(ike::AuthorityInfo authority) {
    remove_authority(authority.name);
    if (of_files_ != nullptr && has(of_files_->infos, authority, same_info)) { return; }
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
    const auto meant = [&](const auto& key) { return id_of(key->public_key()) == id; };
    return std::erase_if(vici_.keys, meant) + std::erase_if(again_.keys, meant) > 0;
}

bool CredentialStore::remove_authority(const std::string& name) {
    changed();
    return std::erase_if(vici_.infos,
                         [&](const ike::AuthorityInfo& info) { return info.name == name; }) > 0;
}

std::vector<std::string> CredentialStore::key_ids() const {
    std::vector<std::string> out;
    for (const auto* keys : {&again_.keys, &vici_.keys}) {
        for (const auto& key : *keys) { out.push_back(id_of(key->public_key())); }
    }
    return out;
}

std::vector<std::string> CredentialStore::by_vici_alone() const {
    std::vector<std::string> out;
    for (const ike::AuthorityInfo& info : vici_.infos) { out.push_back("authority " + info.name); }
    for (const auto& key : vici_.keys) { out.push_back("key " + id_of(key->public_key())); }
    for (const auto* list : {&vici_.authorities, &vici_.certificates, &vici_.responders}) {
        for (const x509::Certificate& one : *list) {
            out.push_back("certificate " + ike::subject_of(one).to_string());
        }
    }
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
    again_ = {};
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
    for (const ike::CredentialSet* more : {&again_, &vici_}) {
        add_all(out.authorities, more->authorities, equal);
        add_all(out.certificates, more->certificates, equal);
        add_all(out.responders, more->responders, equal);
        add_all(out.crls, more->crls, same_list);
        add_all(out.keys, more->keys, same_key);
    }
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
