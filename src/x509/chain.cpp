#include "x509/chain.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/must.hpp"
#include "x509/limits.hpp"
#include "x509/lists.hpp"

namespace culvert::x509 {
namespace {

// Words of refusals by which alert_of() knows them again.
constexpr std::string_view not_yet_valid = "is not valid before";
constexpr std::string_view expired = "expired on";
constexpr std::string_view self_signed = "is self-signed and not one";
constexpr std::string_view untrusted_root = "ends the chain, but is no authority";
constexpr std::string_view no_issuer = "has an issuer that we neither know";
constexpr std::string_view path_too_long = "stands above more certificates";
constexpr std::string_view was_revoked = "was revoked on";
constexpr std::string_view to_be_trusted = "that can be trusted";

Error untrusted(const Certificate& certificate, std::string why, std::string remedy) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = fmt::format("a certificate {}", to_be_trusted),
            .received = certificate.to_string() + " " + std::move(why),
            .remedy = std::move(remedy)};
}

// What the library found, in our words.
Error refusal(int error, const Certificate& at, const Certificate& leaf, Time now) {
    switch (error) {
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return untrusted(at,
                             fmt::format("{} {}; it is {} now", not_yet_valid,
                                         to_string(at.not_before()), to_string(now)),
                             "correct the clock of this host, or of the one that issued it");
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return untrusted(at,
                             fmt::format("{} {}; it is {} now", expired, to_string(at.not_after()),
                                         to_string(now)),
                             "issue a new certificate; if it should still be valid, correct the "
                             "clock of this host");
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return untrusted(leaf, fmt::format("{} that this connection names", self_signed),
                             "put it into the directory x509 and name it in remote.certs, or have "
                             "it issued by an authority in x509ca");
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
            return untrusted(at, fmt::format("{} that we trust", untrusted_root),
                             "put it into the directory x509ca if it is to be trusted");
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return untrusted(at, fmt::format("{} nor were sent", no_issuer),
                             fmt::format("put the authority \"{}\" into the directory x509ca, or "
                                         "let the peer send the certificate in between",
                                         at.issuer()));
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return untrusted(at, "has a signature that its issuer's key did not make",
                             "issue it again; two authorities may have one name");
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
            return untrusted(at, fmt::format("has a weak key ({})", at.public_key().to_string()),
                             "issue it for an RSA key of 2048 bits or more, or an ECDSA key");
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return untrusted(at, "is signed with a weak hash (MD5 or SHA-1)",
                             "issue it again with SHA-256");
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_INVALID_NON_CA:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
            return untrusted(at, "has issued a certificate, and may not: it is no authority",
                             "issue it with basicConstraints CA:TRUE and keyUsage keyCertSign");
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        case X509_V_ERR_CERT_CHAIN_TOO_LONG:
            return untrusted(at, fmt::format("{} than it allows", path_too_long),
                             "shorten the chain, or raise its pathlen");
        case X509_V_ERR_PERMITTED_VIOLATION:
        case X509_V_ERR_EXCLUDED_VIOLATION:
            return untrusted(at, "has names that an authority above it may not certify",
                             "issue it with names within the name constraints of its authority");
        case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
            return untrusted(at, "has a critical extension that we do not know",
                             "issue it without that extension");
        default:
            return untrusted(at,
                             fmt::format("is refused: {}", X509_verify_cert_error_string(error)),
                             "look at it with: openssl verify -CAfile CA FILE");
    }
}

// RFC 4945 5.1.3.2, 5.1.3.12: what a certificate for IKE must be allowed to do, if it says
// anything.
std::optional<Error> check_purpose(const Certificate& leaf) {
    const std::uint32_t usage = X509_get_key_usage(leaf.object());
    if (usage != UINT32_MAX && (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
        return untrusted(leaf, "may not be used to sign (keyUsage)",
                         "issue it with keyUsage digitalSignature");
    }
    const std::unique_ptr<EXTENDED_KEY_USAGE, decltype(&EXTENDED_KEY_USAGE_free)> purposes{
        static_cast<EXTENDED_KEY_USAGE*>(
            X509_get_ext_d2i(leaf.object(), NID_ext_key_usage, nullptr, nullptr)),
        EXTENDED_KEY_USAGE_free};
    if (purposes == nullptr) { return std::nullopt; }
    constexpr std::array fitting{
        NID_anyExtendedKeyUsage, NID_server_auth, NID_client_auth, NID_ipsec_IKE,
        NID_ipsecEndSystem,      NID_ipsecTunnel, NID_ipsecUser};
    const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> intermediate{
        OBJ_txt2obj("1.3.6.1.5.5.8.2.2", 1), ASN1_OBJECT_free};  // iKEIntermediate
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes.get()); ++i) {
        const ASN1_OBJECT* const purpose = sk_ASN1_OBJECT_value(purposes.get(), i);
        if (std::ranges::find(fitting, OBJ_obj2nid(purpose)) != fitting.end() ||
            OBJ_cmp(purpose, intermediate.get()) == 0) {
            return std::nullopt;
        }
    }
    return untrusted(leaf, "is for another purpose (extendedKeyUsage)",
                     "issue it with extendedKeyUsage serverAuth, clientAuth or ipsecIKE");
}

std::optional<OcspStatus> told_by_ocsp(const TrustQuestion& question, const Certificate& one,
                                       const Certificate& issuer) {
    std::optional<OcspStatus> out;
    for (const OcspAnswer& answer : question.answers) {
        auto status = answer.status_of(one, issuer, question.responders, question.now);
        // Of several that are current the bad one counts.
        if (status && (!out || status->revoked)) { out = std::move(status); }
    }
    return out;
}

std::optional<Revoked> revoked_by(const TrustQuestion& question, const Certificate& one,
                                  const Certificate& issuer) {
    if (auto listed = revoked_by_lists(question, one, issuer)) { return listed; }
    const auto told = told_by_ocsp(question, one, issuer);
    return told && told->revoked ? std::optional{Revoked{told->when, told->reason}} : std::nullopt;
}

// Whether anybody says where the standing of a certificate can be asked.
bool has_source(const TrustQuestion& question, const Certificate& one, const Certificate& issuer) {
    return !one.crl_urls().empty() || !one.ocsp_urls().empty() ||
           std::ranges::find(question.asked, issuer) != question.asked.end();
}

std::optional<Error> check_revocation(const TrustQuestion& question, const Certificate& one,
                                      const Certificate& issuer) {
    if (const auto revoked = revoked_by(question, one, issuer)) {
        return untrusted(one,
                         fmt::format("{} {}{}{}", was_revoked, to_string(revoked->when),
                                     revoked->reason.empty() ? "" : ": ", revoked->reason),
                         "issue a new certificate for this peer");
    }
    const bool needed =
        question.revocation == RevocationPolicy::strict ||
        (question.revocation == RevocationPolicy::ifuri && has_source(question, one, issuer));
    if (!needed || standing_known(question, one, issuer)) { return std::nullopt; }
    const bool list_in_vain =
        !may_sign_lists(issuer) && std::ranges::any_of(question.crls, [&](const Crl& crl) {
            return crl.issuer_der() == issuer.subject_der();
        });
    if (list_in_vain) {
        return untrusted(one,
                         fmt::format("cannot be told from a revoked one: {} may not sign a CRL "
                                     "(keyUsage without cRLSign)",
                                     issuer.to_string()),
                         "issue that authority's certificate again with keyUsage cRLSign");
    }
    return untrusted(
        one,
        "cannot be told from a revoked one: there is no current CRL of its issuer that is about "
        "it, and no OCSP response",
        "put a CRL into the directory x509crl, let this host reach the one it names, "
        "or set revocation = relaxed, which trusts without knowing");
}

struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

Stack stack_of(const std::vector<Certificate>& certificates) {
    Stack out{sk_X509_new_null()};
    MUST(out != nullptr);
    for (const Certificate& one : certificates) { sk_X509_push(out.get(), one.object()); }
    return out;
}

// Ours, of which the library gave the object back.
const Certificate* find(const TrustQuestion& question, const X509* object) {
    if (question.leaf->object() == object) { return question.leaf; }
    for (const auto* list : {&question.anchors, &question.intermediates}) {
        for (const Certificate& one : *list) {
            if (one.object() == object) { return &one; }
        }
    }
    return nullptr;
}

Result<std::vector<Certificate>> build(const TrustQuestion& question) {
    const Certificate& leaf = *question.leaf;
    const Stack anchors = stack_of(question.anchors);
    const Stack intermediates = stack_of(question.intermediates);
    const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store{X509_STORE_new(),
                                                                        X509_STORE_free};
    const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context{
        X509_STORE_CTX_new(), X509_STORE_CTX_free};
    MUST(store != nullptr && context != nullptr);
    MUST(X509_STORE_CTX_init(context.get(), store.get(), leaf.object(), intermediates.get()) == 1);
    X509_STORE_CTX_set0_trusted_stack(context.get(), anchors.get());
    X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(context.get());
    // An anchor may be an intermediate authority: the operator named it.
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(rules, question.now.time_since_epoch().count());
    X509_VERIFY_PARAM_set_depth(rules, intermediates_max);
    X509_VERIFY_PARAM_set_auth_level(rules, 2);  // strength_min bits
    const bool good = X509_verify_cert(context.get()) == 1;
    ERR_clear_error();
    if (!good) {
        const int error = X509_STORE_CTX_get_error(context.get());
        X509* const object = X509_STORE_CTX_get_current_cert(context.get());
        const Certificate* const at = find(question, object);
        return std::unexpected(refusal(error, at == nullptr ? leaf : *at, leaf, question.now));
    }
    std::vector<Certificate> chain;
    const STACK_OF(X509)* const found = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(found); ++i) {
        X509* const object = sk_X509_value(found, i);
        const Certificate* const one = find(question, object);
        MUST(one != nullptr);
        chain.push_back(*one);
    }
    return chain;
}

}  // namespace

bool standing_known(const TrustQuestion& question, const Certificate& one,
                    const Certificate& issuer) {
    return told_by_ocsp(question, one, issuer).has_value() ||
           is_in_current_list(question, one, issuer);
}

bool revoked_for_good(const TrustQuestion& question, const Certificate& one,
                      const Certificate& issuer) {
    const auto revoked = revoked_by(question, one, issuer);
    return revoked && revoked->reason != "certificateHold";
}

Result<std::vector<Certificate>> trust(const TrustQuestion& question) {
    auto chain = chain_of(question);
    if (!chain) { return chain; }
    const auto whole = up_to_root(*chain, {&question.anchors});
    if (Status done = check_standing(question, whole); !done) {
        return std::unexpected(std::move(done).error());
    }
    return chain;
}

Result<std::vector<Certificate>> chain_of(const TrustQuestion& question) {
    MUST(question.leaf != nullptr);
    const Certificate& leaf = *question.leaf;
    if (leaf.public_key().strength() < strength_min) {
        return std::unexpected(refusal(X509_V_ERR_EE_KEY_TOO_SMALL, leaf, leaf, question.now));
    }
    auto chain = build(question);
    if (!chain) { return chain; }
    if (auto wrong = check_purpose(leaf)) { return std::unexpected(std::move(*wrong)); }
    return chain;
}

Status check_standing(const TrustQuestion& question, const std::vector<Certificate>& chain) {
    for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
        if (auto revoked = check_revocation(question, chain[i], chain[i + 1])) {
            return std::unexpected(std::move(*revoked));
        }
    }
    return {};
}

std::vector<Certificate> up_to_root(std::vector<Certificate> chain,
                                    std::initializer_list<const std::vector<Certificate>*> known) {
    if (chain.size() < 2) { return chain; }
    const auto add_issuer = [&] {
        if ((X509_get_extension_flags(chain.back().object()) & EXFLAG_SS) != 0) { return false; }
        for (const auto* list : known) {
            for (const Certificate& one : *list) {
                if (one.is_authority() && chain.back().is_issued_by(one) &&
                    std::ranges::find(chain, one) == chain.end()) {
                    chain.push_back(one);
                    return true;
                }
            }
        }
        return false;
    };
    for (int i = 0; i < intermediates_max && add_issuer(); ++i) {}
    return chain;
}

bool still_holds(const TrustQuestion& question, const std::vector<Certificate>& chain) {
    const auto valid = [&](const Certificate& one) {
        return one.not_before() <= question.now && question.now <= one.not_after();
    };
    return !chain.empty() && std::ranges::all_of(chain, valid) &&
           std::ranges::find(question.anchors, chain.back()) != question.anchors.end();
}

std::string_view alert_of(const Error& refused) {
    struct Kind {
        std::string_view words;
        std::string_view alert;
    };
    constexpr std::array kinds = std::to_array<Kind>({{was_revoked, "cert-revoked"},
                                                      {not_yet_valid, "cert-expired"},
                                                      {expired, "cert-expired"},
                                                      {self_signed, "cert-untrusted-root"},
                                                      {untrusted_root, "cert-untrusted-root"},
                                                      {no_issuer, "cert-no-issuer"},
                                                      {path_too_long, "cert-exceeded-path-len"}});
    if (!refused.wanted.contains(to_be_trusted)) { return {}; }
    const auto found = std::ranges::find_if(
        kinds, [&](const Kind& kind) { return refused.received.contains(kind.words); });
    return found == kinds.end() ? "cert-validation-failed" : found->alert;
}

}  // namespace culvert::x509
