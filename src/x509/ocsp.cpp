#include "x509/ocsp.hpp"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>

#include "base/assert.hpp"
#include "crypto/must.hpp"
#include "x509/limits.hpp"
#include "x509/openssl_objects.hpp"

namespace culvert::x509 {
namespace {

// Of an answer without nextUpdate: newer ones are always to be had (RFC 6960 4.2.2.1).
constexpr std::chrono::hours without_end{1};

Error no_answer(ErrorCode code, std::string received) {
    return {.code = code, .wanted = "an OCSP response", .received = std::move(received)};
}

using CertificateId = std::unique_ptr<OCSP_CERTID, decltype(&OCSP_CERTID_free)>;

CertificateId id_of(const EVP_MD* hash, const Certificate& certificate, const Certificate& issuer) {
    return {OCSP_cert_to_id(hash, certificate.object(), issuer.object()), OCSP_CERTID_free};
}

struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

}  // namespace

Bytes ocsp_request(const Certificate& certificate, const Certificate& issuer) {
    const std::unique_ptr<OCSP_REQUEST, decltype(&OCSP_REQUEST_free)> request{OCSP_REQUEST_new(),
                                                                              OCSP_REQUEST_free};
    CertificateId id = id_of(EVP_sha1(), certificate, issuer);  // RFC 5019 2.1.1
    MUST(request != nullptr && id != nullptr);
    MUST(OCSP_request_add0_id(request.get(), id.release()) != nullptr);
    const int size = i2d_OCSP_REQUEST(request.get(), nullptr);
    ASSERT(size > 0);
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_OCSP_REQUEST(request.get(), &at);
    return out;
}

Result<OcspAnswer> OcspAnswer::parse(ByteView der) {
    if (der.empty() || der.size() > ocsp_octets_max) {
        return std::unexpected(
            no_answer(ErrorCode::malformed, fmt::format("{} octets", der.size())));
    }
    const std::uint8_t* at = der.data();
    std::shared_ptr<OCSP_RESPONSE> object{
        d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())), OCSP_RESPONSE_free};
    ERR_clear_error();
    if (object == nullptr) {
        return std::unexpected(no_answer(ErrorCode::malformed, "something else"));
    }
    const int status = OCSP_response_status(object.get());
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return std::unexpected(
            no_answer(ErrorCode::unsupported,
                      fmt::format("the responder's \"{}\"", OCSP_response_status_str(status))));
    }
    return OcspAnswer{std::move(object)};
}

Bytes OcspAnswer::der() const {
    const int size = i2d_OCSP_RESPONSE(object_.get(), nullptr);
    ASSERT(size > 0);
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_OCSP_RESPONSE(object_.get(), &at);
    return out;
}

bool OcspAnswer::is_signed(const Certificate& issuer, const std::vector<Certificate>& responders,
                           Time now) const {
    const std::unique_ptr<OCSP_BASICRESP, decltype(&OCSP_BASICRESP_free)> basic{
        OCSP_response_get1_basic(object_.get()), OCSP_BASICRESP_free};
    const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store{X509_STORE_new(),
                                                                        X509_STORE_free};
    const std::unique_ptr<STACK_OF(X509), FreeStack> known{sk_X509_new_null()};
    MUST(store != nullptr && known != nullptr);
    if (basic == nullptr) { return false; }
    X509_STORE_add_cert(store.get(), issuer.object());
    X509_VERIFY_PARAM* const rules = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(rules, now.time_since_epoch().count());
    const auto verifies = [&](unsigned long flags) {
        return OCSP_basic_verify(basic.get(), known.get(), store.get(), flags) == 1;
    };
    sk_X509_push(known.get(), issuer.object());
    bool good = verifies(0);
    if (!good && !responders.empty()) {
        // Those of x509ocsp are trusted as they are.
        const std::unique_ptr<STACK_OF(X509), FreeStack> named{sk_X509_new_null()};
        MUST(named != nullptr);
        for (const Certificate& one : responders) { sk_X509_push(named.get(), one.object()); }
        good = OCSP_basic_verify(basic.get(), named.get(), store.get(),
                                 OCSP_TRUSTOTHER | OCSP_NOINTERN) == 1;
    }
    ERR_clear_error();
    return good;
}

std::optional<OcspStatus> OcspAnswer::status_of(const Certificate& certificate,
                                                const Certificate& issuer,
                                                const std::vector<Certificate>& responders,
                                                Time now) const {
    const std::unique_ptr<OCSP_BASICRESP, decltype(&OCSP_BASICRESP_free)> basic{
        OCSP_response_get1_basic(object_.get()), OCSP_BASICRESP_free};
    ERR_clear_error();
    if (basic == nullptr) { return std::nullopt; }
    int status = 0;
    int reason = 0;
    ASN1_GENERALIZEDTIME* revoked_at = nullptr;
    ASN1_GENERALIZEDTIME* this_update = nullptr;
    ASN1_GENERALIZEDTIME* next_update = nullptr;
    bool found = false;
    for (const EVP_MD* const hash : {EVP_sha1(), EVP_sha256()}) {
        const CertificateId id = id_of(hash, certificate, issuer);
        if (id == nullptr) { continue; }
        found = OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, &revoked_at,
                                      &this_update, &next_update) == 1;
        if (found) { break; }
    }
    ERR_clear_error();
    if (!found || status == V_OCSP_CERTSTATUS_UNKNOWN) { return std::nullopt; }
    const auto from = time_of(this_update);
    const auto until = next_update == nullptr ? std::nullopt : time_of(next_update);
    if (!from || *from > now + clock_skew_max) { return std::nullopt; }
    OcspStatus out{.revoked = status == V_OCSP_CERTSTATUS_REVOKED,
                   .until = until.value_or(*from + without_end)};
    if (out.until < now || !is_signed(issuer, responders, now)) { return std::nullopt; }
    if (out.revoked) {
        out.when = time_of(revoked_at).value_or(*from);
        if (reason >= 0) { out.reason = OCSP_crl_reason_str(reason); }
    }
    return out;
}

}  // namespace culvert::x509
