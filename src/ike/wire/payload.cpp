// The payloads that are simple; SA and TS have files of their own.

#include "ike/wire/payload.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "ike/wire/limits.hpp"

namespace culvert::ike::wire {
namespace {

Bytes rest_of(Reader& in) { return to_bytes(in.rest()); }

// One octet of encoding, then data: CERT and CERTREQ (RFC 7296 3.6, 3.7).
template <class T>
T encoded(Reader& in) {
    T payload;
    payload.encoding = CertEncoding{in.u8()};
    payload.data = rest_of(in);
    return payload;
}

}  // namespace

Result<KeyExchange> KeyExchange::parse(Reader& in) {
    KeyExchange ke;
    ke.method = crypto::KeMethod{in.u16()};
    in.skip(2);
    ke.data = rest_of(in);
    if (ke.data.empty()) { in.fail("carries no key exchange data"); }
    return in.finish(std::move(ke), "Key Exchange payload");
}

void KeyExchange::write(Writer& out) const {
    out.u16(std::to_underlying(method));
    out.u16(0);
    out.bytes(data);
}

template <PayloadType type>
Result<Identification<type>> Identification<type>::parse(Reader& in) {
    Identification id;
    id.identity.type = IdType{in.u8()};
    id.reserved = (std::uint32_t{in.u8()} << 16U) | in.u16();
    id.identity.data = rest_of(in);
    return in.finish(std::move(id), "Identification payload");
}

template <PayloadType type>
void Identification<type>::write(Writer& out) const {
    out.u8(identity.wire_type());
    out.zeros(3);
    out.bytes(identity.data);
}

template <PayloadType type>
Bytes Identification<type>::rest_of_id() const {
    Writer out;
    out.u32((std::uint32_t{identity.wire_type()} << 24U) | reserved);
    out.bytes(identity.data);
    return out.take();
}

template struct Identification<PayloadType::id_initiator>;
template struct Identification<PayloadType::id_responder>;

Result<Certificate> Certificate::parse(Reader& in) {
    auto cert = encoded<Certificate>(in);
    if (cert.data.empty()) { in.fail("carries no certificate"); }
    return in.finish(std::move(cert), "Certificate payload");
}

void Certificate::write(Writer& out) const {
    out.u8(std::to_underlying(encoding));
    out.bytes(data);
}

Result<CertificateRequest> CertificateRequest::parse(Reader& in) {
    auto request = encoded<CertificateRequest>(in);
    return in.finish(std::move(request), "Certificate Request payload");
}

void CertificateRequest::write(Writer& out) const {
    out.u8(std::to_underlying(encoding));
    out.bytes(data);
}

std::string to_string(AuthMethod method) {
    switch (method) {
        using enum AuthMethod;
        case rsa_signature: return "RSA signature";
        case shared_key: return "pre-shared key";
        case dss_signature: return "DSS signature";
        case ecdsa_256: return "ECDSA-256 signature";
        case ecdsa_384: return "ECDSA-384 signature";
        case ecdsa_521: return "ECDSA-521 signature";
        case secure_password: return "secure password";
        case null: return "NULL";
        case digital_signature: return "digital signature";
    }
    return fmt::format("method {}", std::to_underlying(method));
}

Result<Authentication> Authentication::parse(Reader& in) {
    Authentication auth;
    auth.method = AuthMethod{in.u8()};
    in.skip(3);
    auth.data = rest_of(in);
    if (auth.data.empty()) { in.fail("carries no authentication data"); }
    return in.finish(std::move(auth), "Authentication payload");
}

void Authentication::write(Writer& out) const {
    out.u8(std::to_underlying(method));
    out.zeros(3);
    out.bytes(data);
}

Result<Nonce> Nonce::parse(Reader& in) {
    Nonce nonce{.data = rest_of(in)};
    if (nonce.data.size() < nonce_size_min) { in.fail("is shorter than 16 octets"); }
    if (nonce.data.size() > nonce_size_max) { in.fail("is longer than 256 octets"); }
    return in.finish(std::move(nonce), "Nonce payload");
}

void Nonce::write(Writer& out) const { out.bytes(data); }

Result<Notify> Notify::parse(Reader& in) {
    Notify notify;
    notify.protocol = ProtocolId{in.u8()};
    const std::size_t spi_size = in.u8();
    notify.type = NotifyType{in.u16()};
    notify.spi = to_bytes(in.bytes(spi_size));
    notify.data = rest_of(in);
    return in.finish(std::move(notify), "Notify payload");
}

void Notify::write(Writer& out) const {
    out.u8(std::to_underlying(protocol));
    out.u8(static_cast<std::uint8_t>(spi.size()));
    out.u16(std::to_underlying(type));
    out.bytes(spi);
    out.bytes(data);
}

Delete Delete::esp(const std::vector<EspSpi>& spis) {
    Delete out{.protocol = ProtocolId::esp, .spi_size = 4};
    for (const EspSpi spi : spis) {
        Writer octets;
        octets.u32(spi.value());
        out.spis.push_back(octets.take());
    }
    return out;
}

std::vector<EspSpi> Delete::esp_spis() const {
    std::vector<EspSpi> out;
    if (spi_size != 4 || (protocol != ProtocolId::esp && protocol != ProtocolId::ah)) {
        return out;
    }
    for (const Bytes& spi : spis) {
        Reader in{spi};
        out.emplace_back(in.u32());
    }
    return out;
}

Result<Delete> Delete::parse(Reader& in) {
    Delete out;
    out.protocol = ProtocolId{in.u8()};
    out.spi_size = in.u8();
    const std::size_t count = in.u16();
    if (count > spis_max) { in.fail("lists more SPIs than we take"); }
    if (count * out.spi_size != in.left()) { in.fail("does not carry the SPIs that it counts"); }
    for (std::size_t i = 0; i < count && !in.failed(); ++i) {
        out.spis.push_back(to_bytes(in.bytes(out.spi_size)));
    }
    return in.finish(std::move(out), "Delete payload");
}

void Delete::write(Writer& out) const {
    out.u8(std::to_underlying(protocol));
    out.u8(spi_size);
    out.u16(static_cast<std::uint16_t>(spis.size()));
    for (const Bytes& spi : spis) { out.bytes(spi); }
}

Result<VendorId> VendorId::parse(Reader& in) {
    VendorId vendor{.data = rest_of(in)};
    return in.finish(std::move(vendor), "Vendor ID payload");
}

void VendorId::write(Writer& out) const { out.bytes(data); }

Result<Encrypted> Encrypted::parse(Reader& in, PayloadType first) {
    Encrypted sk{.first = first, .body = rest_of(in)};
    return in.finish(std::move(sk), "Encrypted payload");
}

void Encrypted::write(Writer& out) const { out.bytes(body); }

Result<EncryptedFragment> EncryptedFragment::parse(Reader& in, PayloadType first) {
    EncryptedFragment skf{.first = first};
    skf.number = in.u16();
    skf.total = in.u16();
    // RFC 7383 2.5: both count from 1; 2.6 lets us refuse what we would not hoard.
    if (skf.number == 0 || skf.number > skf.total) { in.fail("has a number outside 1..total"); }
    if (skf.total > fragments_max) { in.fail("belongs to more fragments than we take"); }
    if (skf.number > 1 && first != PayloadType::none) {
        in.fail("names a first payload though it is not the first fragment");
    }
    skf.body = rest_of(in);
    return in.finish(std::move(skf), "Encrypted Fragment payload");
}

void EncryptedFragment::write(Writer& out) const {
    out.u16(number);
    out.u16(total);
    out.bytes(body);
}

Result<Configuration> Configuration::parse(Reader& in) {
    Configuration cp;
    cp.type = CpType{in.u8()};
    in.skip(3);
    while (in.more()) {
        CpAttribute attribute;
        attribute.type = CpAttributeType{static_cast<std::uint16_t>(in.u16() & 0x7fffU)};
        attribute.value = to_bytes(in.bytes(in.u16()));
        cp.attributes.push_back(std::move(attribute));
        if (cp.attributes.size() > cp_attributes_max) {
            in.fail("has more attributes than we take");
        }
    }
    return in.finish(std::move(cp), "Configuration payload");
}

void Configuration::write(Writer& out) const {
    out.u8(std::to_underlying(type));
    out.zeros(3);
    for (const CpAttribute& attribute : attributes) {
        out.u16(std::to_underlying(attribute.type));
        out.u16(static_cast<std::uint16_t>(attribute.value.size()));
        out.bytes(attribute.value);
    }
}

Result<Eap> Eap::parse(Reader& in) {
    Eap eap{.message = rest_of(in)};
    Reader message{eap.message};
    message.skip(2);
    // RFC 3748 4: code, identifier, length of the whole EAP packet.
    if (message.u16() != eap.message.size() || message.failed()) {
        in.fail("is not as long as its EAP message says");
    }
    return in.finish(std::move(eap), "EAP payload");
}

void Eap::write(Writer& out) const { out.bytes(message); }

Result<UnknownPayload> UnknownPayload::parse(Reader& in, PayloadType type, bool critical) {
    UnknownPayload unknown{.type = type, .critical = critical, .body = rest_of(in)};
    return in.finish(std::move(unknown), "payload");
}

void UnknownPayload::write(Writer& out) const { out.bytes(body); }

PayloadType type_of(const Payload& payload) {
    return std::visit(Overloaded{[](const UnknownPayload& unknown) { return unknown.type; },
                                 []<class T>(const T&) { return T::payload_type; }},
                      payload);
}

Result<Payload> parse_payload(PayloadType type, bool critical, PayloadType next, ByteView body) {
    Reader in{body};
    const auto as = []<class T>(Result<T> parsed) -> Result<Payload> {
        if (!parsed) { return std::unexpected(std::move(parsed).error()); }
        return Payload{std::move(*parsed)};
    };
    // Types without an arm, also those that we know by name only, are kept as unknown.
    switch (type) {
        case PayloadType::sa: return as(SecurityAssociation::parse(in));
        case PayloadType::ke: return as(KeyExchange::parse(in));
        case PayloadType::id_initiator: return as(IdInitiator::parse(in));
        case PayloadType::id_responder: return as(IdResponder::parse(in));
        case PayloadType::cert: return as(Certificate::parse(in));
        case PayloadType::certreq: return as(CertificateRequest::parse(in));
        case PayloadType::auth: return as(Authentication::parse(in));
        case PayloadType::nonce: return as(Nonce::parse(in));
        case PayloadType::notify: return as(Notify::parse(in));
        case PayloadType::delete_: return as(Delete::parse(in));
        case PayloadType::vendor_id: return as(VendorId::parse(in));
        case PayloadType::ts_initiator: return as(TsInitiator::parse(in));
        case PayloadType::ts_responder: return as(TsResponder::parse(in));
        case PayloadType::sk: return as(Encrypted::parse(in, next));
        case PayloadType::skf: return as(EncryptedFragment::parse(in, next));
        case PayloadType::cp: return as(Configuration::parse(in));
        case PayloadType::eap: return as(Eap::parse(in));
        default: return as(UnknownPayload::parse(in, type, critical));
    }
}

void write_body(const Payload& payload, Writer& out) {
    std::visit([&out](const auto& value) { value.write(out); }, payload);
}

const Notify* find_notify(const Payloads& payloads, NotifyType type) {
    for (const Payload& payload : payloads) {
        const Notify* notify = std::get_if<Notify>(&payload);
        if (notify != nullptr && notify->type == type) { return notify; }
    }
    return nullptr;
}

const Notify* find_error_notify(const Payloads& payloads) {
    for (const Payload& payload : payloads) {
        const Notify* notify = std::get_if<Notify>(&payload);
        if (notify != nullptr && is_error(notify->type)) { return notify; }
    }
    return nullptr;
}

std::optional<PayloadType> unknown_critical(const Payloads& payloads) {
    for (const Payload& payload : payloads) {
        const UnknownPayload* unknown = std::get_if<UnknownPayload>(&payload);
        if (unknown != nullptr && unknown->critical) { return unknown->type; }
    }
    return {};
}

Error unsupported_critical_payload(PayloadType type) {
    return {
        .code = ErrorCode::unsupported_critical_payload,
        .notify = NotifyType::unsupported_critical_payload,
        .wanted = "payloads that we know, or ones that may be skipped",
        .received = fmt::format("payload type {} with the critical bit", std::to_underlying(type)),
        .remedy = "turn off, at the peer, the extension that sends it"};
}

}  // namespace culvert::ike::wire
