#include "x509/certificate.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"
#include "x509/limits.hpp"
#include "x509/openssl_objects.hpp"

namespace culvert::x509 {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Error no_certificate(std::string why) {
    return {.code = ErrorCode::malformed,
            .wanted = "an X.509 certificate, DER or PEM",
            .received = std::move(why),
            .remedy = "look at the file with: openssl x509 -in FILE -noout -text"};
}

Bytes string_of(const ASN1_STRING* text) {
    const std::uint8_t* const data = ASN1_STRING_get0_data(text);
    return {data, data + ASN1_STRING_length(text)};
}

using Objects = std::vector<std::shared_ptr<X509>>;

// Null: a block that says that it is a certificate, and is none.
Objects blocks_of(ByteView pem) {
    Objects out;
    const Bio in{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
    MUST(in != nullptr);
    while (BIO_pending(in.get()) > 0) {
        const auto before = BIO_pending(in.get());
        std::shared_ptr<X509> object{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr),
                                     X509_free};
        const bool over =
            object == nullptr && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        if (over || BIO_pending(in.get()) >= before) { break; }
        out.push_back(std::move(object));
    }
    return out;
}

// At least one; null where something else is.
Result<Objects> objects_in(ByteView file) {
    if (file.empty() || file.size() > certificate_octets_max * 16) {
        return std::unexpected(no_certificate(fmt::format("{} octets", file.size())));
    }
    Objects out;
    if (as_text(file).find("-----BEGIN") != std::string_view::npos) {
        out = blocks_of(file);
    } else {
        const std::uint8_t* at = file.data();
        std::shared_ptr<X509> object{d2i_X509(nullptr, &at, static_cast<long>(file.size())),
                                     X509_free};
        ERR_clear_error();
        if (object != nullptr && at == file.data() + file.size()) {
            out.push_back(std::move(object));
        }
    }
    if (out.empty()) { return std::unexpected(no_certificate("something else")); }
    return out;
}

}  // namespace

std::string to_string(Time time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<Certificate> Certificate::of(std::shared_ptr<x509_st> object) {
    if (object == nullptr) { return std::unexpected(no_certificate("something else")); }
    const auto refuse = [&](Error error) {
        error.received = fmt::format("\"{}\": {}", name_text(X509_get_subject_name(object.get())),
                                     error.received);
        return std::unexpected(std::move(error));
    };
    // As the library has decoded it already: to do it once more costs more than a signature.
    std::shared_ptr<EVP_PKEY> decoded{X509_get_pubkey(object.get()), EVP_PKEY_free};
    ERR_clear_error();
    if (decoded == nullptr) { return refuse(no_certificate("one without a public key")); }
    auto key = crypto::PublicKey::of(std::move(decoded));
    if (!key) { return refuse(std::move(key).error()); }
    const auto not_before = time_of(X509_get0_notBefore(object.get()));
    const auto not_after = time_of(X509_get0_notAfter(object.get()));
    if (!not_before || !not_after) {
        return refuse(no_certificate("one whose validity is no time"));
    }
    return Certificate{std::move(object), std::move(*key), *not_before, *not_after};
}

Result<Certificate> Certificate::parse(ByteView file) {
    auto objects = objects_in(file);
    if (!objects) { return std::unexpected(std::move(objects).error()); }
    return of(std::move(objects->front()));
}

Result<CertificateBundle> Certificate::parse_all(ByteView file) {
    auto objects = objects_in(file);
    if (!objects) { return std::unexpected(std::move(objects).error()); }
    CertificateBundle out;
    for (const auto& object : *objects) {
        auto one = of(object);
        if (one) {
            out.certificates.push_back(std::move(*one));
            continue;
        }
        out.unusable.push_back(std::move(one).error());
    }
    if (out.certificates.empty()) { return std::unexpected(std::move(out.unusable.front())); }
    return out;
}

bool is_root(const Certificate& one) { return one.is_authority() && one.is_self_signed(); }

Bytes Certificate::der() const {
    const int size = i2d_X509(object_.get(), nullptr);
    ASSERT(size > 0);
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_X509(object_.get(), &at);
    return out;
}

std::string Certificate::subject() const { return name_text(X509_get_subject_name(object())); }
std::string Certificate::issuer() const { return name_text(X509_get_issuer_name(object())); }
Bytes Certificate::subject_der() const { return name_der(X509_get_subject_name(object())); }
Bytes Certificate::issuer_der() const { return name_der(X509_get_issuer_name(object())); }
std::string Certificate::serial() const { return serial_text(X509_get0_serialNumber(object())); }
bool Certificate::is_authority() const { return X509_check_ca(object()) > 0; }
bool Certificate::is_self_issued() const { return subject_der() == issuer_der(); }

bool Certificate::is_issued_by(const Certificate& issuer) const {
    if (issuer_der() != issuer.subject_der()) { return false; }
    // The ids are only a hint, but to compare them is cheaper than a signature.
    const ASN1_OCTET_STRING* const named = X509_get0_authority_key_id(object());
    const ASN1_OCTET_STRING* const its = X509_get0_subject_key_id(issuer.object());
    if (named != nullptr && its != nullptr && ASN1_OCTET_STRING_cmp(named, its) != 0) {
        return false;
    }
    const bool right = X509_verify(object(), X509_get0_pubkey(issuer.object())) == 1;
    ERR_clear_error();
    return right;
}

bool Certificate::is_self_signed() const { return is_issued_by(*this); }

std::vector<SubjectAltName> Certificate::alternative_names() const {
    std::vector<SubjectAltName> out;
    const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names{
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(object(), NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free};
    if (names == nullptr) { return out; }
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        using Kind = SubjectAltName::Kind;
        switch (name->type) {
            case GEN_DNS: out.push_back({Kind::dns, string_of(name->d.dNSName)}); break;
            case GEN_EMAIL: out.push_back({Kind::email, string_of(name->d.rfc822Name)}); break;
            case GEN_IPADD: out.push_back({Kind::ip, string_of(name->d.iPAddress)}); break;
            case GEN_DIRNAME:
                out.push_back({Kind::directory_name, name_der(name->d.directoryName)});
                break;
            default: break;  // no IKE identity
        }
    }
    return out;
}

std::vector<std::string> Certificate::crl_urls() const {
    return take_urls(static_cast<CRL_DIST_POINTS*>(
        X509_get_ext_d2i(object(), NID_crl_distribution_points, nullptr, nullptr)));
}

std::vector<std::string> Certificate::ocsp_urls() const {
    std::vector<std::string> out;
    const std::unique_ptr<AUTHORITY_INFO_ACCESS, decltype(&AUTHORITY_INFO_ACCESS_free)> access{
        static_cast<AUTHORITY_INFO_ACCESS*>(
            X509_get_ext_d2i(object(), NID_info_access, nullptr, nullptr)),
        AUTHORITY_INFO_ACCESS_free};
    if (access == nullptr) { return out; }
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
        const ACCESS_DESCRIPTION* const one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
        if (OBJ_obj2nid(one->method) == NID_ad_OCSP) { add_url(out, one->location); }
    }
    return out;
}

std::optional<crypto::SignatureScheme> Certificate::signature_scheme() const {
    const X509_ALGOR* const algorithm = X509_get0_tbs_sigalg(object());
    const int size = i2d_X509_ALGOR(algorithm, nullptr);
    if (size <= 0) { return std::nullopt; }
    Bytes der(static_cast<std::size_t>(size));
    std::uint8_t* at = der.data();
    i2d_X509_ALGOR(algorithm, &at);
    const auto scheme = crypto::parse_algorithm_identifier(der);
    return scheme ? std::optional{*scheme} : std::nullopt;
}

std::string Certificate::to_string() const {
    return fmt::format("\"{}\" (issued by \"{}\", serial {})", subject(), issuer(), serial());
}

}  // namespace culvert::x509
