#include "x509/crl.hpp"

#include <array>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"
#include "x509/crl_scope.hpp"
#include "x509/limits.hpp"
#include "x509/openssl_objects.hpp"

namespace culvert::x509 {
namespace {

Error no_crl(std::string why) {
    return {.code = ErrorCode::malformed,
            .wanted = "a certificate revocation list, DER or PEM",
            .received = std::move(why),
            .remedy = "look at the file with: openssl crl -in FILE -noout -text"};
}

// RFC 5280 5.3.1.
std::string reason_text(const X509_REVOKED* entry) {
    const std::unique_ptr<ASN1_ENUMERATED, decltype(&ASN1_ENUMERATED_free)> reason{
        static_cast<ASN1_ENUMERATED*>(
            X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)),
        ASN1_ENUMERATED_free};
    if (reason == nullptr) { return {}; }
    constexpr std::array<std::string_view, 11> names{
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};
    const long number = ASN1_ENUMERATED_get(reason.get());
    const bool known = number >= 0 && static_cast<std::size_t>(number) < names.size();
    return known ? std::string{names.at(static_cast<std::size_t>(number))} : std::string{};
}

std::string integer_extension(const X509_CRL* crl, int nid) {
    const std::unique_ptr<ASN1_INTEGER, decltype(&ASN1_INTEGER_free)> number{
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl, nid, nullptr, nullptr)),
        ASN1_INTEGER_free};
    return number == nullptr ? std::string{} : serial_text(number.get());
}

// Hex numbers as the library writes them, whole octets and no more than are needed.
bool less(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

bool may_sign_lists(const Certificate& authority) {
    return (X509_get_key_usage(authority.object()) & KU_CRL_SIGN) != 0;  // all bits: no keyUsage
}

struct Crl::Facts {
    CrlScope scope;
    Bytes issuer_der;
    Bytes key_id;  // of the one that signed it, as the extension has it; empty: it does not say
    std::string number;
    std::optional<std::string> base_number;
};

Result<Crl> Crl::parse(ByteView file) {
    if (file.empty() || file.size() > crl_octets_max) {
        return std::unexpected(no_crl(fmt::format("{} octets", file.size())));
    }
    std::shared_ptr<X509_CRL> object;
    if (as_text(file).find("-----BEGIN") != std::string_view::npos) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> in{
            BIO_new_mem_buf(file.data(), static_cast<int>(file.size())), BIO_free};
        MUST(in != nullptr);
        object = {PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr), X509_CRL_free};
    } else {
        const std::uint8_t* at = file.data();
        object = {d2i_X509_CRL(nullptr, &at, static_cast<long>(file.size())), X509_CRL_free};
        if (object != nullptr && at != file.data() + file.size()) { object.reset(); }
    }
    ERR_clear_error();
    if (object == nullptr) { return std::unexpected(no_crl("something else")); }
    const auto this_update = time_of(X509_CRL_get0_lastUpdate(object.get()));
    if (!this_update) { return std::unexpected(no_crl("one whose thisUpdate is no time")); }
    const auto next_update = time_of(X509_CRL_get0_nextUpdate(object.get()));
    std::string base = integer_extension(object.get(), NID_delta_crl);
    auto facts = std::make_shared<const Facts>(
        Facts{.scope = CrlScope::of(object.get()),
              .issuer_der = name_der(X509_CRL_get_issuer(object.get())),
              .key_id = extension_der(object.get(), NID_authority_key_identifier),
              .number = integer_extension(object.get(), NID_crl_number),
              .base_number = base.empty() ? std::nullopt : std::optional{std::move(base)}});
    return Crl{std::move(object), std::move(facts), *this_update, next_update};
}

Bytes Crl::der() const {
    const int size = i2d_X509_CRL(object_.get(), nullptr);
    ASSERT(size > 0);
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_X509_CRL(object_.get(), &at);
    return out;
}

std::string Crl::issuer() const { return name_text(X509_CRL_get_issuer(object_.get())); }
const Bytes& Crl::issuer_der() const { return facts_->issuer_der; }
const std::string& Crl::number() const { return facts_->number; }
const std::optional<std::string>& Crl::base_number() const { return facts_->base_number; }
bool Crl::is_usable() const { return facts_->scope.usable(); }
bool Crl::covers(const Certificate& certificate) const {
    return issuer_der() == certificate.issuer_der() && facts_->scope.covers(certificate);
}

bool Crl::is_current(Time now) const {
    return this_update_ <= now && (!next_update_ || now <= *next_update_);
}

bool Crl::is_signed_by(const Certificate& authority) const {
    if (issuer_der() != authority.subject_der() || !may_sign_lists(authority)) { return false; }
    const bool right = X509_CRL_verify(object_.get(), X509_get0_pubkey(authority.object())) == 1;
    ERR_clear_error();
    return right;
}

std::optional<Revoked> Crl::find(const Certificate& certificate) const {
    X509_REVOKED* entry = nullptr;
    // 2: one with removeFromCRL.
    if (X509_CRL_get0_by_cert(object_.get(), &entry, certificate.object()) == 0) {
        return std::nullopt;
    }
    const auto when = time_of(X509_REVOKED_get0_revocationDate(entry));
    return Revoked{.when = when.value_or(this_update_), .reason = reason_text(entry)};
}

bool Crl::has_scope_of(const Crl& other) const {
    return facts_->scope == other.facts_->scope &&
           base_number().has_value() == other.base_number().has_value();
}

bool Crl::is_newer_than(const Crl& other) const {
    if (this_update_ != other.this_update_) { return this_update_ > other.this_update_; }
    return less(other.number(), number());
}

bool Crl::replaces(const Crl& other) const {
    return issuer_der() == other.issuer_der() && facts_->key_id == other.facts_->key_id &&
           has_scope_of(other) && base_number() == other.base_number() &&
           !other.is_newer_than(*this);
}

bool Crl::completes(const Crl& base) const {
    return base_number() && !base.base_number() && issuer_der() == base.issuer_der() &&
           facts_->scope == base.facts_->scope && !base.number().empty() &&
           !less(base.number(), *base_number()) && less(base.number(), number());
}

}  // namespace culvert::x509
