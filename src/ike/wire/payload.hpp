#pragma once
// The payloads of IKEv2 (RFC 7296 3.3 to 3.16, RFC 7383 2.5) as plain values. parse() takes a
// Reader over exactly one payload's body (what follows the generic header); write() appends that
// body. RESERVED is ignored when read, zero when written. Meaning is not judged here: unknown
// numbers are well-formed. All errors are malformed() without notify; who knows that the message
// was authenticated adds invalid_syntax (parse_payloads).

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/writer.hpp"
#include "crypto/algorithms.hpp"
#include "ike/auth/identity.hpp"
#include "ike/proposal/proposal.hpp"
#include "ike/wire/header.hpp"
#include "ike/wire/notify_type.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ike::wire {

// 3.3. The proposals in the order they stand; numbers are not checked for 1, 2, 3...: choosing does
// not need that.
struct SecurityAssociation {
    static constexpr PayloadType payload_type = PayloadType::sa;
    Proposals proposals;

    static Result<SecurityAssociation> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const SecurityAssociation&, const SecurityAssociation&) = default;
};

// 3.4
struct KeyExchange {
    static constexpr PayloadType payload_type = PayloadType::ke;
    crypto::KeMethod method{};
    Bytes data;

    static Result<KeyExchange> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const KeyExchange&, const KeyExchange&) = default;
};

// 3.5, IDi and IDr.
template <PayloadType type>
struct Identification {
    static constexpr PayloadType payload_type = type;
    Identity identity;
    // As received: AUTH covers RESERVED too (2.15, RestOfInitIDPayload). Ours is zero.
    std::uint32_t reserved = 0;

    static Result<Identification> parse(Reader& in);
    void write(Writer& out) const;
    // The payload without its generic header, as AUTH covers it (2.15).
    Bytes rest_of_id() const;
    friend bool operator==(const Identification&, const Identification&) = default;
};
using IdInitiator = Identification<PayloadType::id_initiator>;
using IdResponder = Identification<PayloadType::id_responder>;

// 3.6
enum class CertEncoding : std::uint8_t {
    pkcs7 = 1,
    pgp = 2,
    dns_signed_key = 3,
    x509_signature = 4,
    kerberos_token = 6,
    crl = 7,
    arl = 8,
    spki = 9,
    x509_attribute = 10,
    raw_rsa_key = 11,  // deprecated
    hash_and_url_x509 = 12,
    hash_and_url_bundle = 13,
    ocsp_content = 14,    // RFC 4806
    raw_public_key = 15,  // RFC 7670
};
struct Certificate {
    static constexpr PayloadType payload_type = PayloadType::cert;
    CertEncoding encoding{};
    Bytes data;

    static Result<Certificate> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Certificate&, const Certificate&) = default;
};

// 3.7. `data` may be empty (any CA will do).
struct CertificateRequest {
    static constexpr PayloadType payload_type = PayloadType::certreq;
    CertEncoding encoding{};
    Bytes data;

    static Result<CertificateRequest> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const CertificateRequest&, const CertificateRequest&) = default;
};

// 3.8
enum class AuthMethod : std::uint8_t {
    rsa_signature = 1,
    shared_key = 2,
    dss_signature = 3,
    ecdsa_256 = 9,           // RFC 4754
    ecdsa_384 = 10,          // RFC 4754
    ecdsa_521 = 11,          // RFC 4754
    secure_password = 12,    // RFC 6467
    null = 13,               // RFC 7619
    digital_signature = 14,  // RFC 7427
};
std::string to_string(AuthMethod method);
struct Authentication {
    static constexpr PayloadType payload_type = PayloadType::auth;
    AuthMethod method{};
    Bytes data;

    static Result<Authentication> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Authentication&, const Authentication&) = default;
};

// 3.9: 16 to 256 octets, others are refused.
struct Nonce {
    static constexpr PayloadType payload_type = PayloadType::nonce;
    Bytes data;

    static Result<Nonce> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Nonce&, const Nonce&) = default;
};

// 3.10
struct Notify {
    static constexpr PayloadType payload_type = PayloadType::notify;
    ProtocolId protocol = ProtocolId::none;  // of `spi`; none where there is no SPI
    Bytes spi;
    NotifyType type{};
    Bytes data;

    static Result<Notify> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Notify&, const Notify&) = default;
};

// 3.11. Protocol ike has no SPIs; ESP and AH 4 octets each. Others' sizes are kept as they come.
struct Delete {
    static constexpr PayloadType payload_type = PayloadType::delete_;
    ProtocolId protocol{};
    std::uint8_t spi_size = 0;
    std::vector<Bytes> spis;  // each of spi_size octets

    static Delete ike_sa() { return {.protocol = ProtocolId::ike}; }
    static Delete esp(const std::vector<EspSpi>& spis);
    // The SPIs as ESP's or AH's, if that is what they are; empty else.
    std::vector<EspSpi> esp_spis() const;

    static Result<Delete> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Delete&, const Delete&) = default;
};

// 3.12
struct VendorId {
    static constexpr PayloadType payload_type = PayloadType::vendor_id;
    Bytes data;

    static Result<VendorId> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const VendorId&, const VendorId&) = default;
};

// 3.13, TSi and TSr. What cannot be a TrafficSelector (start above end,
// unknown TS type) is kept apart: it matches nothing.
struct UnknownSelector {
    std::uint8_t type = 0;
    std::uint8_t protocol = 0;
    Bytes body;                // behind the selector length
    std::size_t position = 0;  // index among all selectors of the payload

    friend bool operator==(const UnknownSelector&, const UnknownSelector&) = default;
};
template <PayloadType type>
struct Selectors {
    static constexpr PayloadType payload_type = type;
    TrafficSelectors selectors;
    std::vector<UnknownSelector> unknown{};

    static Result<Selectors> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Selectors&, const Selectors&) = default;
};
using TsInitiator = Selectors<PayloadType::ts_initiator>;
using TsResponder = Selectors<PayloadType::ts_responder>;

// 3.14. The body is closed: IV, ciphertext, ICV. Always the last payload of its message.
struct Encrypted {
    static constexpr PayloadType payload_type = PayloadType::sk;
    PayloadType first{};  // what is inside
    Bytes body;

    static Result<Encrypted> parse(Reader& in, PayloadType first);
    void write(Writer& out) const;
    friend bool operator==(const Encrypted&, const Encrypted&) = default;
};

// RFC 7383 2.5. 1 <= number <= total.
struct EncryptedFragment {
    static constexpr PayloadType payload_type = PayloadType::skf;
    PayloadType first{};  // what is inside the whole; only in fragment 1, none in the others
    std::uint16_t number = 0;
    std::uint16_t total = 0;
    Bytes body;

    static Result<EncryptedFragment> parse(Reader& in, PayloadType first);
    void write(Writer& out) const;
    friend bool operator==(const EncryptedFragment&, const EncryptedFragment&) = default;
};

// 3.15
enum class CpType : std::uint8_t { request = 1, reply = 2, set = 3, ack = 4 };
enum class CpAttributeType : std::uint16_t {
    internal_ip4_address = 1,
    internal_ip4_netmask = 2,
    internal_ip4_dns = 3,
    internal_ip4_nbns = 4,
    internal_ip4_dhcp = 6,
    application_version = 7,
    internal_ip6_address = 8,
    internal_ip6_dns = 10,
    internal_ip6_dhcp = 12,
    internal_ip4_subnet = 13,
    supported_attributes = 14,
    internal_ip6_subnet = 15,
    mip6_home_prefix = 16,
    internal_ip6_link = 17,
    internal_ip6_prefix = 18,
    p_cscf_ip4_address = 20,
    p_cscf_ip6_address = 21,
    internal_dns_domain = 25,  // RFC 8598
    internal_dnssec_ta = 26,   // RFC 8598
    enc_dns_ip4 = 27,          // RFC 9464
    enc_dns_ip6 = 28,          // RFC 9464
    enc_dns_digest_info = 29,  // RFC 9464
    unity_banner = 28672,
    unity_def_domain = 28674,
    unity_split_dns = 28675,
    unity_split_include = 28676,
};
struct CpAttribute {
    CpAttributeType type{};
    Bytes value;

    friend bool operator==(const CpAttribute&, const CpAttribute&) = default;
};
struct Configuration {
    static constexpr PayloadType payload_type = PayloadType::cp;
    CpType type{};
    std::vector<CpAttribute> attributes;

    static Result<Configuration> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Configuration&, const Configuration&) = default;
};

// 3.16. The EAP message as it is; its own length field is checked.
struct Eap {
    static constexpr PayloadType payload_type = PayloadType::eap;
    Bytes message;

    static Result<Eap> parse(Reader& in);
    void write(Writer& out) const;
    friend bool operator==(const Eap&, const Eap&) = default;
};

// Any other payload, kept. With the critical bit the whole message has to be refused (2.5).
struct UnknownPayload {
    PayloadType type{};
    bool critical = false;
    Bytes body;

    static Result<UnknownPayload> parse(Reader& in, PayloadType type, bool critical);
    void write(Writer& out) const;
    friend bool operator==(const UnknownPayload&, const UnknownPayload&) = default;
};

using Payload =
    std::variant<SecurityAssociation, KeyExchange, IdInitiator, IdResponder, Certificate,
                 CertificateRequest, Authentication, Nonce, Notify, Delete, VendorId, TsInitiator,
                 TsResponder, Encrypted, EncryptedFragment, Configuration, Eap, UnknownPayload>;
using Payloads = std::vector<Payload>;

PayloadType type_of(const Payload& payload);

// One payload from its body. `next` is the generic header's field of that name; SK and SKF keep it.
Result<Payload> parse_payload(PayloadType type, bool critical, PayloadType next, ByteView body);
void write_body(const Payload& payload, Writer& out);

// The first payload of this kind; nullptr if there is none.
template <class T>
const T* find(const Payloads& payloads) {
    for (const Payload& payload : payloads) {
        if (const T* found = std::get_if<T>(&payload)) { return found; }
    }
    return nullptr;
}
template <class T>
std::vector<const T*> find_all(const Payloads& payloads) {
    std::vector<const T*> all;
    for (const Payload& payload : payloads) {
        if (const T* found = std::get_if<T>(&payload)) { all.push_back(found); }
    }
    return all;
}
template <class T>
std::size_t count(const Payloads& payloads) {
    std::size_t found = 0;
    for (const Payload& payload : payloads) { found += std::holds_alternative<T>(payload) ? 1 : 0; }
    return found;
}

// The first notify of this type; nullptr if there is none.
const Notify* find_notify(const Payloads& payloads, NotifyType type);
// The first notify that is an error (type below 16384); nullptr if there is none.
const Notify* find_error_notify(const Payloads& payloads);
// f(const Notify&) for each, in order.
template <class F>
void for_each_notify(const Payloads& payloads, F f) {
    for (const Payload& payload : payloads) {
        if (const Notify* notify = std::get_if<Notify>(&payload)) { f(*notify); }
    }
}

// The first unknown payload with the critical bit (2.5): the message must be refused with
// unsupported_critical_payload(type), whose notify carries the type as its one octet of data.
std::optional<PayloadType> unknown_critical(const Payloads& payloads);
Error unsupported_critical_payload(PayloadType type);

}  // namespace culvert::ike::wire
