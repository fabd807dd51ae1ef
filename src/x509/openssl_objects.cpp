#include "x509/openssl_objects.hpp"

#include <array>
#include <memory>
#include <utility>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/must.hpp"

namespace culvert::x509 {

std::string name_text(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out{BIO_new(BIO_s_mem()), BIO_free};
    MUST(out != nullptr);
    constexpr unsigned long form =
        (XN_FLAG_ONELINE | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB) & ~XN_FLAG_SPC_EQ;
    X509_NAME_print_ex(out.get(), name, 0, form);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

Bytes name_der(const X509_NAME* name) {
    const int size = i2d_X509_NAME(name, nullptr);
    if (size <= 0) { return {}; }
    Bytes out(static_cast<std::size_t>(size));
    std::uint8_t* at = out.data();
    i2d_X509_NAME(name, &at);
    return out;
}

std::string serial_text(const ASN1_INTEGER* serial) {
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number{ASN1_INTEGER_to_BN(serial, nullptr),
                                                             BN_free};
    if (number == nullptr) { return "?"; }
    const std::unique_ptr<char, void (*)(char*)> hex{BN_bn2hex(number.get()),
                                                     [](char* text) { OPENSSL_free(text); }};
    return hex == nullptr ? "?" : hex.get();
}

std::optional<Time> time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) { return std::nullopt; }
    const std::chrono::year_month_day day{
        std::chrono::year{parts.tm_year + 1900},
        std::chrono::month{static_cast<unsigned>(parts.tm_mon + 1)},
        std::chrono::day{static_cast<unsigned>(parts.tm_mday)}};
    return std::chrono::sys_days{day} + std::chrono::hours{parts.tm_hour} +
           std::chrono::minutes{parts.tm_min} + std::chrono::seconds{parts.tm_sec};
}

Bytes extension_der(const X509_CRL* list, int nid) {
    const int at = X509_CRL_get_ext_by_NID(list, nid, -1);
    if (at < 0) { return {}; }
    const ASN1_OCTET_STRING* const value = X509_EXTENSION_get_data(X509_CRL_get_ext(list, at));
    const std::uint8_t* const data = ASN1_STRING_get0_data(value);
    return {data, data + ASN1_STRING_length(value)};
}

void add_url(std::vector<std::string>& out, const GENERAL_NAME* name) {
    if (name->type != GEN_URI) { return; }
    const ASN1_STRING* const text = name->d.uniformResourceIdentifier;
    const std::uint8_t* const data = ASN1_STRING_get0_data(text);
    const ByteView octets{data, static_cast<std::size_t>(ASN1_STRING_length(text))};
    std::string url{as_text(octets)};
    if (url.starts_with("http://") || url.starts_with("https://")) {
        out.push_back(std::move(url));
    }
}

std::vector<std::string> take_urls(CRL_DIST_POINTS* taken) {
    std::vector<std::string> out;
    const std::unique_ptr<CRL_DIST_POINTS, decltype(&CRL_DIST_POINTS_free)> points{
        taken, CRL_DIST_POINTS_free};
    if (points == nullptr) { return out; }
    for (int i = 0; i < sk_DIST_POINT_num(points.get()); ++i) {
        const DIST_POINT* const point = sk_DIST_POINT_value(points.get(), i);
        if (point->distpoint == nullptr || point->distpoint->type != 0) { continue; }
        const GENERAL_NAMES* const names = point->distpoint->name.fullname;
        for (int n = 0; n < sk_GENERAL_NAME_num(names); ++n) {
            add_url(out, sk_GENERAL_NAME_value(names, n));
        }
    }
    return out;
}

}  // namespace culvert::x509
