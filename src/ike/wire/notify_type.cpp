#include "ike/wire/notify_type.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace culvert::ike::wire {
namespace {

struct Names {
    NotifyType type;
    std::string_view full;
    std::string_view brief;
};

using enum NotifyType;
constexpr std::array names{
    Names{unsupported_critical_payload, "UNSUPPORTED_CRITICAL_PAYLOAD", "CRIT"},
    Names{invalid_ike_spi, "INVALID_IKE_SPI", "INVAL_IKE_SPI"},
    Names{invalid_major_version, "INVALID_MAJOR_VERSION", "INVAL_MAJOR"},
    Names{invalid_syntax, "INVALID_SYNTAX", "INVAL_SYN"},
    Names{invalid_message_id, "INVALID_MESSAGE_ID", "INVAL_MID"},
    Names{invalid_spi, "INVALID_SPI", "INVAL_SPI"},
    Names{no_proposal_chosen, "NO_PROPOSAL_CHOSEN", "NO_PROP"},
    Names{invalid_ke_payload, "INVALID_KE_PAYLOAD", "INVAL_KE"},
    Names{authentication_failed, "AUTHENTICATION_FAILED", "AUTH_FAILED"},
    Names{single_pair_required, "SINGLE_PAIR_REQUIRED", "SINGLE_PAIR"},
    Names{no_additional_sas, "NO_ADDITIONAL_SAS", "NO_ADD_SAS"},
    Names{internal_address_failure, "INTERNAL_ADDRESS_FAILURE", "INT_ADDR_FAIL"},
    Names{failed_cp_required, "FAILED_CP_REQUIRED", "FAIL_CP_REQ"},
    Names{ts_unacceptable, "TS_UNACCEPTABLE", "TS_UNACCEPT"},
    Names{invalid_selectors, "INVALID_SELECTORS", "INVAL_SEL"},
    Names{unacceptable_addresses, "UNACCEPTABLE_ADDRESSES", "UNACCEPT_ADDR"},
    Names{unexpected_nat_detected, "UNEXPECTED_NAT_DETECTED", "UNEXPECT_NAT"},
    Names{use_assigned_hoa, "USE_ASSIGNED_HOA", "ASSIGNED_HOA"},
    Names{temporary_failure, "TEMPORARY_FAILURE", "TEMP_FAIL"},
    Names{child_sa_not_found, "CHILD_SA_NOT_FOUND", "NO_CHILD_SA"},
    Names{invalid_group_id, "INVALID_GROUP_ID", "INVAL_GROUP"},
    Names{authorization_failed, "AUTHORIZATION_FAILED", "AUTHZ_FAILED"},
    Names{state_not_found, "STATE_NOT_FOUND", "NO_STATE"},
    Names{ts_max_queue, "TS_MAX_QUEUE", "TS_MAX_QUEUE"},
    Names{initial_contact, "INITIAL_CONTACT", "INIT_CONTACT"},
    Names{set_window_size, "SET_WINDOW_SIZE", "SET_WINSIZE"},
    Names{additional_ts_possible, "ADDITIONAL_TS_POSSIBLE", "ADD_TS_POSS"},
    Names{ipcomp_supported, "IPCOMP_SUPPORTED", "IPCOMP_SUPP"},
    Names{nat_detection_source_ip, "NAT_DETECTION_SOURCE_IP", "NATD_S_IP"},
    Names{nat_detection_destination_ip, "NAT_DETECTION_DESTINATION_IP", "NATD_D_IP"},
    Names{cookie, "COOKIE", "COOKIE"},
    Names{use_transport_mode, "USE_TRANSPORT_MODE", "USE_TRANSP"},
    Names{http_cert_lookup_supported, "HTTP_CERT_LOOKUP_SUPPORTED", "HTTP_CERT_LOOK"},
    Names{rekey_sa, "REKEY_SA", "REKEY_SA"},
    Names{esp_tfc_padding_not_supported, "ESP_TFC_PADDING_NOT_SUPPORTED", "ESP_TFC_PAD_N"},
    Names{non_first_fragments_also, "NON_FIRST_FRAGMENTS_ALSO", "NON_FIRST_FRAG"},
    Names{mobike_supported, "MOBIKE_SUPPORTED", "MOBIKE_SUP"},
    Names{additional_ip4_address, "ADDITIONAL_IP4_ADDRESS", "ADD_4_ADDR"},
    Names{additional_ip6_address, "ADDITIONAL_IP6_ADDRESS", "ADD_6_ADDR"},
    Names{no_additional_addresses, "NO_ADDITIONAL_ADDRESSES", "NO_ADD_ADDR"},
    Names{update_sa_addresses, "UPDATE_SA_ADDRESSES", "UPD_SA_ADDR"},
    Names{cookie2, "COOKIE2", "COOKIE2"},
    Names{no_nats_allowed, "NO_NATS_ALLOWED", "NO_NATS"},
    Names{auth_lifetime, "AUTH_LIFETIME", "AUTH_LFT"},
    Names{multiple_auth_supported, "MULTIPLE_AUTH_SUPPORTED", "MULT_AUTH"},
    Names{another_auth_follows, "ANOTHER_AUTH_FOLLOWS", "AUTH_FOLLOWS"},
    Names{redirect_supported, "REDIRECT_SUPPORTED", "REDIR_SUP"},
    Names{redirect, "REDIRECT", "REDIR"},
    Names{redirected_from, "REDIRECTED_FROM", "REDIR_FROM"},
    Names{ticket_lt_opaque, "TICKET_LT_OPAQUE", "TKT_LFT"},
    Names{ticket_request, "TICKET_REQUEST", "TKT_REQ"},
    Names{ticket_ack, "TICKET_ACK", "TKT_ACK"},
    Names{ticket_nack, "TICKET_NACK", "TKT_NACK"},
    Names{ticket_opaque, "TICKET_OPAQUE", "TKT_OPAK"},
    Names{link_id, "LINK_ID", "LINK_ID"},
    Names{use_wesp_mode, "USE_WESP_MODE", "WESP_MODE"},
    Names{rohc_supported, "ROHC_SUPPORTED", "ROHC_SUPP"},
    Names{eap_only_authentication, "EAP_ONLY_AUTHENTICATION", "EAP_ONLY"},
    Names{childless_ikev2_supported, "CHILDLESS_IKEV2_SUPPORTED", "CHDLESS_SUP"},
    Names{quick_crash_detection, "QUICK_CRASH_DETECTION", "CRASH_DET"},
    Names{ikev2_message_id_sync_supported, "IKEV2_MESSAGE_ID_SYNC_SUPPORTED", "MSG_ID_SYN_SUP"},
    Names{ipsec_replay_counter_sync_supported, "IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED",
          "RPL_CTR_SYN_SUP"},
    Names{ikev2_message_id_sync, "IKEV2_MESSAGE_ID_SYNC", "MSG_ID_SYN"},
    Names{ipsec_replay_counter_sync, "IPSEC_REPLAY_COUNTER_SYNC", "RPL_CTR_SYN"},
    Names{secure_password_methods, "SECURE_PASSWORD_METHODS", "SEC_PASSWD"},
    Names{psk_persist, "PSK_PERSIST", "PSK_PST"},
    Names{psk_confirm, "PSK_CONFIRM", "PSK_CFM"},
    Names{erx_supported, "ERX_SUPPORTED", "ERX_SUP"},
    Names{ifom_capability, "IFOM_CAPABILITY", "IFOM_CAP"},
    Names{sender_request_id, "SENDER_REQUEST_ID", "SEND_REQ_ID"},
    Names{ikev2_fragmentation_supported, "IKEV2_FRAGMENTATION_SUPPORTED", "FRAG_SUP"},
    Names{signature_hash_algorithms, "SIGNATURE_HASH_ALGORITHMS", "HASH_ALG"},
    Names{clone_ike_sa_supported, "CLONE_IKE_SA_SUPPORTED", "CLONE_IKE_SA_SUP"},
    Names{clone_ike_sa, "CLONE_IKE_SA", "CLONE_IKE_SA"},
    Names{puzzle, "PUZZLE", "PUZZLE"},
    Names{use_ppk, "USE_PPK", "USE_PPK"},
    Names{ppk_identity, "PPK_IDENTITY", "PPK_ID"},
    Names{no_ppk_auth, "NO_PPK_AUTH", "NO_PPK"},
    Names{intermediate_exchange_supported, "INTERMEDIATE_EXCHANGE_SUPPORTED", "IKE_INT_SUP"},
    Names{ip4_allowed, "IP4_ALLOWED", "IP4_ALLOWED"},
    Names{ip6_allowed, "IP6_ALLOWED", "IP6_ALLOWED"},
    Names{additional_key_exchange, "ADDITIONAL_KEY_EXCHANGE", "ADD_KE"},
    Names{use_aggfrag, "USE_AGGFRAG", "USE_AGGFRAG"},
    Names{supported_auth_methods, "SUPPORTED_AUTH_METHODS", "AUTH_METHODS"},
    Names{sa_resource_info, "SA_RESOURCE_INFO", "SA_RES_INFO"},
    Names{use_ppk_int, "USE_PPK_INT", "USE_PPK_INT"},
    Names{ppk_identity_key, "PPK_IDENTITY_KEY", "PPK_ID_KEY"},
};

const Names* find(NotifyType type) {
    const auto found = std::ranges::find(names, type, &Names::type);
    return found == names.end() ? nullptr : &*found;
}

}  // namespace

std::string to_string(NotifyType type) {
    const Names* known = find(type);
    return known != nullptr ? std::string{known->full}
                            : fmt::format("NOTIFY_{}", std::to_underlying(type));
}

std::string short_name(NotifyType type) {
    const Names* known = find(type);
    return known != nullptr ? std::string{known->brief}
                            : fmt::format("({})", std::to_underlying(type));
}

}  // namespace culvert::ike::wire
