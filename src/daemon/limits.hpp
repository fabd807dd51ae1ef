#pragma once
// The daemon's limits (style.md, rule 5).

#include <chrono>
#include <cstddef>

#include "base/instant.hpp"

namespace culvert::daemon {

using namespace std::chrono_literals;

constexpr std::size_t kept_secret_size = 32;  // octets (kept_secret.hpp)

// Taken from the plane's threads and not yet handled by the engine; more are dropped and counted.
constexpr std::size_t mailbox_datagrams_max = 4096;
constexpr std::size_t mailbox_others_max = 65536;
constexpr std::size_t mailbox_warnings_max = 64;

// Log records kept for `culvert log`.
constexpr std::size_t recent_records_max = 1000;
constexpr std::size_t log_text_max = 4096;  // octets of one record's text

// What strangers can make us log (abuse A-10): so many at once, and so many a second after that.
constexpr unsigned stranger_records_burst = 50;
constexpr unsigned stranger_records_a_second = 10;
// What peers and our own life cycle can make us log.
constexpr unsigned known_records_burst = 5000;
constexpr unsigned known_records_a_second = 1000;
constexpr auto suppressed_report_every = 10s;

// A single read from a VICI client.
constexpr std::size_t vici_read_max = 64 * 1024;
constexpr auto vici_accept_retry = 1s;  // where there was no descriptor for a client
constexpr std::size_t addresses_a_name_max = 16;
constexpr auto name_retry = 15s;  // of a name that does not resolve, for what starts by itself
// Connections that are loaded one by one are handed to the engine together when there are many:
// each time costs as much as all that is configured. So few are handed over at once, so that a peer
// who comes right behind the load finds them.
constexpr auto apply_after = 10ms;
constexpr auto apply_after_at_most = 200ms;
constexpr std::size_t apply_at_once_max = 100;

constexpr auto liveness_poll = 1s;
// So many packets that left, for so long, with none that came back, are worth a word.
constexpr std::uint64_t silent_packets = 5;
constexpr auto silent_time = 10s;
constexpr auto silent_again_time = 30s;  // where some had come back before
// Of the packets that a peer sent in so long, that many are missing, and one in lossy_share or
// more.
constexpr auto lossy_time = 10s;
constexpr std::uint64_t lossy_packets = 5;
constexpr std::uint64_t lossy_share = 4;
// A peer that is lost that often within the window flaps; hosts that take over from each other that
// often use one identity.
constexpr auto flapping_window = 15min;
constexpr std::size_t flapping_min = 3;
constexpr std::size_t takeovers_min = 3;
constexpr std::size_t watched_peers_max = 1024;
// Child SAs whose counters are asked for in one go, and how soon the next ones are.
constexpr std::size_t liveness_batch_max = 256;
constexpr auto liveness_batch_every = 50ms;
// By so much the engine's deadlines may be late, so that those of many peers are met together.
constexpr Duration engine_moment = 32ms;
// A trap that had no address to stand for is placed when there is one.
constexpr auto policy_retry = 5s;
// One that the plane refused is tried again, the later the oftener it is refused.
constexpr unsigned policy_doublings_max = 6;
// A dynamic selector follows the host's addresses when they have been quiet, and so late at most.
constexpr auto policy_settle = 200ms;

// culvert_keep_up: how often it is looked at whether all stands, and the wait after a try that
// failed, the first time and at most.
constexpr auto keep_look_every = 1s;
constexpr std::chrono::milliseconds keep_wait{2'000};
constexpr unsigned keep_doublings_max = 8;
constexpr std::chrono::milliseconds keep_wait_max{300'000};

// News of this host's addresses and routes are dealt with no oftener: where routes come and go by
// the hundred, each look costs as much as all IKE SAs.
constexpr auto addresses_every = 200ms;

// An engine with a thread of its own looks at the time at least so often.
constexpr auto engine_wait_max = 1s;

// Of one run of a program (updown scripts, resolvectl), and of runs that wait for it.
constexpr auto program_time_max = 10s;
constexpr auto program_look_every = 20ms;
// How long we wait for all of them when we end: well within the 90 s that systemd allows.
constexpr auto programs_at_end_max = 60s;
constexpr std::size_t programs_waiting_max = 4096;

// How long peers get to answer our deletes when we stop.
constexpr auto shutdown_max = 1s;

// Children of one IKE SA that a packet of VICI has room for, whatever their selectors are (255 a
// side, of 100 octets each).
constexpr std::size_t children_always_fit = 8;

// Failures shown by culvert-status.
constexpr std::size_t failures_shown_max = 64;
constexpr std::size_t failure_word_max = 1500;  // octets of one word of them
// In list-conn, which has a word for each child.
constexpr std::size_t child_word_max = 300;
// Octets of what strangers and DNS can make long in culvert-status, well within a packet of VICI.
constexpr std::size_t failures_octets_max = 300 * 1024;
constexpr std::size_t unresolved_octets_max = 100 * 1024;
constexpr std::size_t stories_shown_max = 16;  // of them, the newest: what came before

// The flight recorder: peers, what is kept of each, octets of a line; stories of failures.
constexpr std::size_t recorded_peers_max = 1024;
constexpr std::size_t recorded_strangers_max = 512;  // besides those
constexpr std::size_t recorded_lines_max = 32;
constexpr std::size_t recorded_text_max = 300;
constexpr std::size_t stories_max = 256;
constexpr auto story_delay_max = 1s;

// CRLs and OCSP: well below the time that a half-open IKE SA may take, for two sources in turn.
constexpr std::chrono::milliseconds fetch_time_max{10'000};
constexpr std::chrono::milliseconds fetch_connect_time_max{4'000};
constexpr long fetch_redirects_max = 3;
constexpr std::size_t fetch_threads_max = 4;
constexpr std::size_t fetches_waiting_max = 256;

}  // namespace culvert::daemon
