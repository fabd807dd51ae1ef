#pragma once
// Bounds on what a peer, authenticated or not, may make an IKE SA hold or do.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace culvert::ike::v2 {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint8_t ppk_id_fixed = 2;     // RFC 8784 5.1, PPK_ID_FIXED
constexpr std::size_t nonce_size = 32;       // RFC 7296 2.10: at least half the prf's key size
constexpr std::size_t cookie_size_max = 64;  // RFC 7296 2.6
constexpr seconds cookie_secret_lifetime{60};
constexpr unsigned cookie_retries_max = 4;           // as initiator, a handshake
constexpr unsigned invalid_ke_retries_max = 1;       // as initiator, an exchange (abuse case K-08)
constexpr unsigned intermediate_exchanges_max = 16;  // before IKE_AUTH (RFC 9242)
constexpr std::size_t follow_up_link_max = 1024;     // octets of a peer's link (RFC 9370)
constexpr seconds follow_up_wait{20};                // for the next one (RFC 9370 2.2.4)
constexpr unsigned bad_decrypts_half_open_max = 8;   // then the half-open SA answers no more
constexpr std::size_t child_resources_min =
    16;                                     // alike, of which we let a peer make as many (RFC 9611)
constexpr std::size_t children_max = 128;   // Child SAs of one IKE SA (S-14)
constexpr unsigned effort_at_once = 2560;   // key exchanges for one peer: 160 of
                                            // MODP-2048, six of MODP-8192
constexpr unsigned effort_per_second = 64;  // and four of MODP-2048 a second
constexpr unsigned proposals_an_effort = 8;       // so many to compare cost as much as one
constexpr unsigned ike_rekey_effort_min = 32;     // as the one that is replaced stays for a while
constexpr std::size_t deleted_early_max = 16;     // SPIs of Deletes that overtook an answer
constexpr std::size_t tasks_max = 256;            // exchanges waiting for their turn
constexpr std::size_t selectors_max = 255;        // a side of a Child SA, after narrowing
constexpr std::size_t virtual_addresses_max = 8;  // of one IKE SA, a direction
constexpr unsigned tries_another_path = 1;        // repetitions by each other way to a silent peer
constexpr std::size_t additional_addresses_max = 16;  // MOBIKE: of either side
constexpr std::size_t peer_keys_tried_max = 8;        // public keys, for one AUTH
constexpr std::size_t children_of_traps_max = 32;     // of one child, for packets that miss one
constexpr std::size_t connections_tried_max = 8;      // whose demands an initiator may meet
constexpr std::size_t peer_certificates_max = 16;     // CERT payloads that are looked at
constexpr std::size_t known_chains_max = 4096;        // of peers that have authenticated by them
constexpr std::size_t announced_methods_max = 64;     // of a peer (RFC 9593)
constexpr std::size_t asked_rounds_max = 256;         // whose authorities our CERTREQ names
constexpr std::size_t asked_authorities_max = 256;    // of a peer's CERTREQ payloads
constexpr seconds revocation_asked_again{60};         // a source is asked once in this time
constexpr std::size_t revocation_sources_max = 4096;  // remembered
constexpr std::size_t fetched_crls_max = 64;
constexpr std::size_t ocsp_answers_max = 1024;
constexpr std::size_t certificates_fetched_max = 256;  // kept; by hash and URL
constexpr std::size_t certificate_fetches_max = 16;    // at once, for peers that are unknown yet
constexpr std::size_t certificate_url_max = 512;
constexpr std::size_t revocation_urls_max = 4;  // of one certificate, of each kind
constexpr std::size_t redirects_max = 5;        // followed for a connection... (S-13)
constexpr seconds redirect_window{300};         // ... in this time
constexpr std::size_t redirect_connections_max = 4096;
constexpr seconds redirect_patience{60};          // then a client that was redirected is closed
constexpr std::size_t ticket_size_max = 1024;     // RFC 5723
constexpr seconds ticket_lifetime_max{4 * 3600};  // and no longer than until reauthentication
constexpr seconds ticket_key_lifetime{4 * 3600};  // then its tickets are good as long again
constexpr std::size_t tickets_spent_max = 65536;  // remembered until they are out of date
constexpr std::size_t tickets_kept_max = 4096;    // as client
constexpr unsigned resume_tries_max = 2;          // messages; then from the beginning
constexpr unsigned tcp_fallback_tries = 2;        // messages over UDP; then TCP (RFC 9329 6.1)
constexpr std::size_t crash_token_size = 16;      // RFC 6290 4.1: 16 to 128 octets
constexpr std::size_t crash_token_size_max = 128;
constexpr unsigned crash_tokens_looked_at_max = 4;
constexpr std::size_t send_hints_max = 256;     // addresses of which the network has said something
constexpr std::size_t name_servers_max = 8;     // taken from a peer
constexpr std::size_t dns_domains_max = 64;     // taken from a peer (RFC 8598)
constexpr unsigned temporary_failures_max = 8;  // then the exchange is given up
constexpr seconds temporary_failure_wait{5};    // and up to as much again, by chance
constexpr seconds rekey_retry{60};              // after a refused rekey
constexpr seconds made_again_after{5};    // a Child SA that expired, by the end that did not begin
constexpr seconds auth_lifetime_min{60};  // less than that is nobody's policy (RFC 4478)
constexpr unsigned mapping_changes_per_second_max = 4;  // of one IKE SA, that are followed
constexpr seconds restart_window{600};  // losses of a connection that are so near count together
constexpr milliseconds restart_spread{1000};
constexpr unsigned restart_doublings_max = 8;
constexpr unsigned flaps_told_from = 3;
constexpr std::size_t restarts_max = 65536;
constexpr std::size_t restart_connections_max = 65536;
constexpr seconds promised_spi_kept{300};      // longer than a request is retransmitted
constexpr seconds moved_selectors_wait{4};     // for the peer that moved to replace them itself
constexpr seconds reauthenticated_linger{10};  // an old IKE SA beside its reauthenticated self
constexpr seconds rekeyed_linger_max{180};     // a replaced SA waits so long for the peer's Delete
constexpr seconds rejected_linger{20};    // a refused IKE_AUTH keeps its answer for retransmits
constexpr unsigned regions_of_limit = 8;  // of all half-open ones a /24 or /48 has an eighth
constexpr unsigned refused_per_source_max = 4;  // of one /32 or /64 that linger so
constexpr std::size_t failures_per_peer_max = 16;
constexpr std::size_t failure_peers_max = 256;
constexpr unsigned refused_inits_per_second_max = 50;  // then a cookie comes before any other
constexpr unsigned stray_answers_per_second_max = 20;  // INVALID_IKE_SPI, INVALID_MAJOR_VERSION
constexpr unsigned stray_events_per_second_max = 10;   // events that a stranger can trigger
constexpr std::size_t fragment_headers = 40 + 8 + 4;   // IPv6, UDP, the non-ESP marker
// Packets that every path should carry, for what gets no answer otherwise (RFC 7383 2.5.1), and
// after how many repetitions they are tried.
constexpr std::size_t small_packet_v4 = 576;
constexpr std::size_t small_packet_v6 = 1280;
constexpr unsigned cut_smaller_after = 2;
constexpr std::size_t fragments_bytes_max = 65535;  // held for one message

}  // namespace culvert::ike::v2
