// Messages in one line, as people who operate IPsec daemons know it.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::wire {
namespace {

constexpr std::size_t payloads_described_max = 64;  // a log line is no place for a bomb
constexpr std::size_t described_mostly = 256;

std::string_view attribute_name(CpAttributeType type) {
    switch (type) {
        using enum CpAttributeType;
        case internal_ip4_address: return "ADDR";
        case internal_ip4_netmask: return "MASK";
        case internal_ip4_dns: return "DNS";
        case internal_ip4_nbns: return "NBNS";
        case internal_ip4_dhcp: return "DHCP";
        case application_version: return "VER";
        case internal_ip6_address: return "ADDR6";
        case internal_ip6_dns: return "DNS6";
        case internal_ip6_dhcp: return "DHCP6";
        case internal_ip4_subnet: return "SUBNET";
        case supported_attributes: return "SUP";
        case internal_ip6_subnet: return "SUBNET6";
        case internal_dns_domain: return "DNSDOM";
        case internal_dnssec_ta: return "DNSTA";
        case unity_banner: return "U_BANNER";
        case unity_def_domain: return "U_DEFDOM";
        case unity_split_dns: return "U_SPLITDNS";
        case unity_split_include: return "U_SPLITINC";
        default: return {};
    }
}

std::string_view cp_name(CpType type) {
    switch (type) {
        case CpType::request: return "CPRQ";
        case CpType::reply: return "CPRP";
        case CpType::set: return "CPS";
        case CpType::ack: return "CPA";
    }
    return "CP";
}

std::string describe_cp(const Configuration& cp) {
    std::string out{cp_name(cp.type)};
    std::string_view separator = "(";
    for (const CpAttribute& attribute : cp.attributes) {
        const auto name = attribute_name(attribute.type);
        out += separator;
        out += name.empty() ? fmt::format("({})", std::to_underlying(attribute.type))
                            : std::string{name};
        separator = " ";
    }
    return cp.attributes.empty() ? out : out + ')';
}

std::string eap_method(std::uint8_t type) {
    switch (type) {
        case 1: return "ID";
        case 2: return "NOTE";
        case 3: return "NAK";
        case 4: return "MD5";
        case 6: return "GTC";
        case 13: return "TLS";
        case 18: return "SIM";
        case 21: return "TTLS";
        case 23: return "AKA";
        case 25: return "PEAP";
        case 26: return "MSCHAPV2";
        default: return fmt::format("{}", type);
    }
}

// RFC 3748 4, 5: code and, in requests and responses, the method.
std::string describe_eap(const Eap& eap) {
    Reader in{eap.message};
    const std::uint8_t code = in.u8();
    in.skip(3);
    switch (code) {
        case 1: return "EAP/REQ/" + eap_method(in.u8());
        case 2: return "EAP/RES/" + eap_method(in.u8());
        case 3: return "EAP/SUCC";
        case 4: return "EAP/FAIL";
        default: return "EAP";
    }
}

std::string describe_one(const Payload& payload) {
    return std::visit(
        Overloaded{[](const Notify& notify) { return "N(" + short_name(notify.type) + ')'; },
                   [](const Configuration& cp) { return describe_cp(cp); },
                   [](const Eap& eap) { return describe_eap(eap); },
                   [](const EncryptedFragment& skf) {
                       return fmt::format("EF({}/{})", skf.number, skf.total);
                   },
                   [](const UnknownPayload& unknown) {
                       return fmt::format("{}{}", to_string(unknown.type),
                                          unknown.critical ? "!" : "");
                   },
                   []<class T>(const T&) { return to_string(T::payload_type); }},
        payload);
}

}  // namespace

std::string describe(const IkeHeader& header, const Payloads& payloads) {
    // Every message is described, for the story before a failure: no formatter for what is plain.
    std::string out;
    out.reserve(described_mostly);
    out += to_string(header.exchange);
    out += header.flags.response ? " response " : " request ";
    out += std::to_string(header.message_id.value());
    out += " [ ";
    const std::size_t shown = std::min(payloads.size(), payloads_described_max);
    for (std::size_t i = 0; i < shown; ++i) {
        out += describe_one(payloads[i]);
        out += ' ';
    }
    if (shown < payloads.size()) { out += fmt::format("and {} more ", payloads.size() - shown); }
    return out + ']';
}

std::string describe(const Message& message) { return describe(message.header, message.payloads); }

}  // namespace culvert::ike::wire
