#include "ike/wire/header.hpp"

#include <utility>

#include <fmt/format.h>

namespace culvert::ike::wire {
namespace {

// RFC 7296 3.1: bits 3 to 5; RFC 2408 3.1: bits 0 to 2.
constexpr std::uint8_t v1_encryption_bit = 0x01;
constexpr std::uint8_t v1_commit_bit = 0x02;
constexpr std::uint8_t v1_authentication_only_bit = 0x04;
constexpr std::uint8_t initiator_bit = 0x08;
constexpr std::uint8_t higher_version_bit = 0x10;
constexpr std::uint8_t response_bit = 0x20;

HeaderFlags flags_of(std::uint8_t bits, std::uint8_t major_version) {
    const auto has = [bits](std::uint8_t bit) { return (bits & bit) != 0; };
    if (major_version == 1) {
        return {.v1_encryption = has(v1_encryption_bit),
                .v1_commit = has(v1_commit_bit),
                .v1_authentication_only = has(v1_authentication_only_bit)};
    }
    return {.initiator = has(initiator_bit),
            .higher_version = has(higher_version_bit),
            .response = has(response_bit)};
}

std::uint8_t bits_of(const HeaderFlags& flags, std::uint8_t major_version) {
    const auto bit = [](bool set, std::uint8_t value) { return set ? value : 0; };
    const int bits =
        major_version == 1
            ? bit(flags.v1_encryption, v1_encryption_bit) | bit(flags.v1_commit, v1_commit_bit) |
                  bit(flags.v1_authentication_only, v1_authentication_only_bit)
            : bit(flags.initiator, initiator_bit) | bit(flags.higher_version, higher_version_bit) |
                  bit(flags.response, response_bit);
    return static_cast<std::uint8_t>(bits);
}

}  // namespace

std::string to_string(ExchangeType type) {
    switch (type) {
        using enum ExchangeType;
        case v1_base: return "BASE";
        case v1_identity_protection: return "ID_PROT";
        case v1_authentication_only: return "AUTH_ONLY";
        case v1_aggressive: return "AGGRESSIVE";
        case v1_informational: return "INFORMATIONAL_V1";
        case v1_transaction: return "TRANSACTION";
        case v1_quick: return "QUICK_MODE";
        case v1_new_group: return "NEW_GROUP_MODE";
        case ike_sa_init: return "IKE_SA_INIT";
        case ike_auth: return "IKE_AUTH";
        case create_child_sa: return "CREATE_CHILD_SA";
        case informational: return "INFORMATIONAL";
        case ike_session_resume: return "IKE_SESSION_RESUME";
        case ike_intermediate: return "IKE_INTERMEDIATE";
        case ike_followup_ke: return "IKE_FOLLOWUP_KE";
    }
    return fmt::format("EXCHANGE_{}", std::to_underlying(type));
}

std::string to_string(PayloadType type) {
    switch (type) {
        using enum PayloadType;
        case none: return "none";
        case v1_sa:
        case sa: return "SA";
        case v1_proposal: return "P";
        case v1_transform: return "T";
        case v1_ke:
        case ke: return "KE";
        case v1_id: return "ID";
        case v1_cert:
        case cert: return "CERT";
        case v1_certreq:
        case certreq: return "CERTREQ";
        case v1_hash: return "HASH";
        case v1_sig: return "SIG";
        case v1_nonce:
        case nonce: return "No";
        case v1_notify:
        case notify: return "N";
        case v1_delete:
        case delete_: return "D";
        case v1_vendor_id:
        case vendor_id: return "V";
        case v1_attributes:
        case cp: return "CP";
        case v1_nat_d:
        case v1_nat_d_draft: return "NAT-D";
        case v1_nat_oa:
        case v1_nat_oa_draft: return "NAT-OA";
        case v1_fragment: return "FRAG";
        case id_initiator: return "IDi";
        case id_responder: return "IDr";
        case auth: return "AUTH";
        case ts_initiator: return "TSi";
        case ts_responder: return "TSr";
        case sk: return "SK";
        case eap: return "EAP";
        case gspm: return "GSPM";
        case skf: return "EF";
        case ps: return "PS";
    }
    return fmt::format("({})", std::to_underlying(type));
}

Result<IkeHeader> IkeHeader::parse(Reader& in) {
    IkeHeader header;
    header.initiator_spi = IkeSpi{in.u64()};
    header.responder_spi = IkeSpi{in.u64()};
    header.next_payload = PayloadType{in.u8()};
    const std::uint8_t version = in.u8();
    header.major_version = version >> 4U;
    header.minor_version = version & 0x0fU;
    header.exchange = ExchangeType{in.u8()};
    header.flags = flags_of(in.u8(), header.major_version);
    header.message_id = MessageId{in.u32()};
    header.length = in.u32();
    return in.finish_open(header, "IKE header");
}

void IkeHeader::write(Writer& out) const {
    out.u64(initiator_spi.value());
    out.u64(responder_spi.value());
    out.u8(std::to_underlying(next_payload));
    out.u8(static_cast<std::uint8_t>((unsigned{major_version} << 4U) | (minor_version & 0x0fU)));
    out.u8(std::to_underlying(exchange));
    out.u8(bits_of(flags, major_version));
    out.u32(message_id.value());
    out.u32(length);
}

Result<IkeHeader> parse_header(ByteView datagram) {
    Reader in{datagram};
    auto header = IkeHeader::parse(in);
    if (header && header->length != datagram.size()) {
        return std::unexpected(
            malformed("IKE message", fmt::format("is {} octets long while its header says {}",
                                                 datagram.size(), header->length)));
    }
    return header;
}

}  // namespace culvert::ike::wire
