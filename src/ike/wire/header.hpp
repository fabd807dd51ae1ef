#pragma once
// The IKE header (RFC 7296 3.1) and the numbers that stand in it and in the generic payload header
// (3.2).

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::wire {

enum class ExchangeType : std::uint8_t {
    // IKEv1 (RFC 2408 3.1, RFC 2409).
    v1_base = 1,
    v1_identity_protection = 2,  // Main Mode
    v1_authentication_only = 3,
    v1_aggressive = 4,
    v1_informational = 5,
    v1_transaction = 6,
    v1_quick = 32,
    v1_new_group = 33,
    // IKEv2.
    ike_sa_init = 34,
    ike_auth = 35,
    create_child_sa = 36,
    informational = 37,
    ike_session_resume = 38,  // RFC 5723
    ike_intermediate = 43,    // RFC 9242
    ike_followup_ke = 44,     // RFC 9370
};

// "IKE_SA_INIT", "MAIN_MODE"; "EXCHANGE_77" for one without a name.
std::string to_string(ExchangeType type);

enum class PayloadType : std::uint8_t {
    none = 0,
    // IKEv1 (RFC 2408 3.1, RFC 3947).
    v1_sa = 1,
    v1_proposal = 2,
    v1_transform = 3,
    v1_ke = 4,
    v1_id = 5,
    v1_cert = 6,
    v1_certreq = 7,
    v1_hash = 8,
    v1_sig = 9,
    v1_nonce = 10,
    v1_notify = 11,
    v1_delete = 12,
    v1_vendor_id = 13,
    v1_attributes = 14,
    v1_nat_d = 20,
    v1_nat_oa = 21,
    v1_nat_d_draft = 130,
    v1_nat_oa_draft = 131,
    v1_fragment = 132,
    // IKEv2.
    sa = 33,
    ke = 34,
    id_initiator = 35,
    id_responder = 36,
    cert = 37,
    certreq = 38,
    auth = 39,
    nonce = 40,
    notify = 41,
    delete_ = 42,
    vendor_id = 43,
    ts_initiator = 44,
    ts_responder = 45,
    sk = 46,
    cp = 47,
    eap = 48,
    gspm = 49,  // RFC 6467
    skf = 53,   // RFC 7383
    ps = 54,    // RFC 8019
};

// As logs abbreviate it: "SA", "KE", "No", "IDi", "TSi"; "(77)" for one without a name.
std::string to_string(PayloadType type);

// What follows the length in the flags octet (RFC 7296 3.1). Other bits are ignored when read.
struct HeaderFlags {
    bool initiator = false;       // the sender is the original initiator
    bool higher_version = false;  // the sender could speak a higher major version
    bool response = false;
    // IKEv1 (RFC 2408 3.1): encryption, commit, authentication only.
    bool v1_encryption = false;
    bool v1_commit = false;
    bool v1_authentication_only = false;

    friend bool operator==(const HeaderFlags&, const HeaderFlags&) = default;
};

struct IkeHeader {
    IkeSpi initiator_spi{};
    IkeSpi responder_spi{};
    PayloadType next_payload = PayloadType::none;  // set by write(message)
    std::uint8_t major_version = 2;
    std::uint8_t minor_version = 0;
    ExchangeType exchange{};
    HeaderFlags flags;
    MessageId message_id{};
    std::uint32_t length = 0;  // of the whole message; set by write(message)

    static constexpr std::size_t size = 28;

    // Any version. The length is not compared with what is there: parse_header does that.
    static Result<IkeHeader> parse(Reader& in);
    void write(Writer& out) const;

    friend bool operator==(const IkeHeader&, const IkeHeader&) = default;
};

// The header of a whole datagram (without non-ESP marker) of either version; malformed, without
// notify, when it is shorter than a header or the length field says otherwise than the datagram:
// such a thing is dropped in silence (RFC 7296 2.21.1 forbids answering what is not sane).
Result<IkeHeader> parse_header(ByteView datagram);

}  // namespace culvert::ike::wire
