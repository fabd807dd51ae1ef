#pragma once
// The plane's limits (style.md, rule 5): sizes, counts, tries.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace culvert::plane {

// How long the inbound half of a rekeyed SA stays when the SA is closed: more than packets take
// from the peer to us.
inline constexpr std::chrono::seconds retired_linger{5};

// How long routes of a crashed predecessor keep its packets from leaving in the clear: more than it
// takes to read the configuration and to install its policies.
inline constexpr std::chrono::seconds inherited_hold{10};

// The largest IP packet, and so the largest datagram or coalesced run of datagrams.
constexpr std::size_t packet_octets_max = 65535;
// Datagrams or super-packets taken from a socket in one go; more adds latency and gains nothing.
constexpr std::size_t receive_batch_max = 8;
// The same where the kernel cannot coalesce (raw sockets): each is one packet.
constexpr std::size_t receive_single_batch_max = 64;
// Octets in one arrival by which a socket is known to be busy.
constexpr std::size_t crowd_octets_min = 16384;
// Datagrams given to the kernel in one go where it cannot cut them itself.
constexpr std::size_t send_batch_max = 64;
// Datagrams in one send that the kernel cuts (UDP_SEGMENT): older kernels take no more than this.
constexpr std::size_t udp_segments_max = 64;
// Payload of the largest UDP datagram over IPv4; a run of datagrams is bounded by it too.
constexpr std::size_t udp_payload_max = 65507;
// Octets read from the TUN before what was made of them leaves and others get their turn.
constexpr std::size_t tun_octets_a_wakeup_max = std::size_t{8} * 65536;
// Rounds over one ready descriptor before the others get their turn.
constexpr int rounds_a_wakeup_max = 8;
// A super-packet is charged by its true size; the default buffer would hold two.
constexpr int socket_buffer_octets = 16 * 1024 * 1024;
// Sockets of ESP in UDP that each worker reads by turns, an SA's packets out of one of them. Times
// workers_max no more than the bits of an SPI tell apart (spi_worker_mask).
constexpr unsigned receive_lanes = 4;
// Packets read from the TUN in one go.
constexpr std::size_t packets_a_wakeup_max = 256;
// Small ones among them that are read before the first is carried, so that memory is waited for
// once.
constexpr std::size_t tun_burst_max = 16;
constexpr std::size_t tun_burst_packet_max = 2048;
// ICMP errors that we make (RFC 4443 2.4 f).
constexpr unsigned icmp_errors_a_second_max = 100;
// Entries taken from a socket's error queue in one go.
constexpr int error_queue_batch_max = 64;
// Tries to find one port that is free in both address families, when any will do.
constexpr int free_port_tries_max = 32;
// Processes looked at when asking who holds a port.
constexpr int processes_scanned_max = 32768;

// Packets kept while an SA is being negotiated, for one reqid and in all.
constexpr std::size_t trapped_packets_each_max = 32;
constexpr std::size_t trapped_packets_max = 1024;
constexpr std::chrono::seconds trapped_packet_age_max{30};
constexpr std::chrono::seconds acquire_again_after{1};

// Link MTU that every IPv6 link has (RFC 8200 5); the TUN never goes below it, else it loses IPv6.
constexpr unsigned tun_mtu_min = 1280;
constexpr unsigned tun_mtu_default = 1400;
constexpr unsigned tun_mtu_max = 65535;

// Next hops kept by a sender that writes to the link itself; beyond, all are asked for anew.
constexpr std::size_t next_hops_max = 4096;
// How old what it knows of routes and neighbours may be.
constexpr std::chrono::milliseconds next_hop_news_every{10};
// How often the kernel gets to send for it, and so to look whether the neighbour is still there.
constexpr std::chrono::seconds neighbour_use_every{1};

// Lowest path MTU believed from an ICMP message (abuse I-06): RFC 791's 576 and RFC 8200's 1280.
constexpr unsigned path_mtu_min_v4 = 576;
constexpr unsigned path_mtu_min_v6 = 1280;

// SAs to one peer that are asked what they know of the path.
constexpr int path_mtu_asked_max = 8;

// Workers of the user plane: each native packet is copied for each of them.
constexpr unsigned workers_max = 64;
// The bits of an inbound SPI that tell whose it is; the key exchange keeps them when it rekeys.
constexpr unsigned spi_worker_mask = 0xff;
// With more workers than this each has one thread instead of two, one for each direction.
constexpr unsigned split_workers_max = 2;
// What a worker with two threads carries before it uses both, in so short a time; and what it
// carries in a second when it goes back to one. Octets, and so many more for each packet.
constexpr std::chrono::milliseconds busy_within{10};
constexpr std::size_t busy_octets_min = std::size_t{128} << 10U;
constexpr std::size_t idle_octets_max = std::size_t{1} << 20U;
constexpr std::size_t octets_a_packet = 600;
// A packet that comes from the TUN so long after the one before is alone, and leaves at once.
constexpr std::chrono::microseconds alone_after{200};
// Arrivals to which the host had no answer within our write: then it is asked once in so many.
constexpr unsigned answers_missed_max = 16;
// So many wake-ups within so short a time, with at most so many packets each, and a thread waits a
// moment at each for more; with at least so many it goes on, else it leaves off for this long.
constexpr unsigned moderation_wakeups = 16;
constexpr std::chrono::milliseconds moderation_within{1};
constexpr unsigned moderation_packets_max = 24;
constexpr unsigned moderation_packets_min = 2;
constexpr std::chrono::microseconds moderation_wait{40};
constexpr std::chrono::seconds moderation_again_after{1};
// Runs, and octets in them, that wait for the worker that owns their SA. What AF_XDP brings are
// runs of one packet: as many as its ring has frames, twice.
constexpr std::size_t stray_runs_max = 4096;
constexpr std::size_t stray_octets_max = std::size_t{4} << 20U;

// With more SAs and policies than this routes and filter are made anew as a whole once a tick only,
// and one that comes adds its own routes; unless some route is wider than these prefixes.
constexpr std::size_t whole_plans_max = 256;
constexpr unsigned nearly_all_prefix_max = 3;  // of what takes the host's own traffic along
constexpr unsigned narrow_prefix_min_v4 = 16;
constexpr unsigned narrow_prefix_min_v6 = 32;
// So many policies of one kind, one behind the other, and the packet filter looks them up in a set
// instead of asking for each.
constexpr std::size_t filter_set_min = 16;
// How long the nft program may take.
constexpr std::chrono::seconds nft_time_max{10};
constexpr std::size_t nft_output_octets_max = 1 << 20;
// However often others change their tables, we look at ours no more often than this; and what nft
// refused to write again is tried again after so long.
constexpr std::chrono::milliseconds filter_look_every{200};
constexpr std::chrono::seconds filter_again_after{10};
// Looks that others disturb before we give up.
constexpr int table_look_tries_max = 20;

// TCP streams (RFC 9329; abuse case A-11): those that peers opened, in all; of them those of
// strangers, who have not authenticated, in all and from one address or /64; the part of our
// descriptors that they may take; and how long a stranger may stay.
constexpr std::size_t tcp_streams_max = 8192;
constexpr std::size_t tcp_strangers_max = 512;
constexpr std::size_t tcp_strangers_an_address_max = 32;
constexpr std::size_t tcp_descriptor_share = 2;
constexpr std::chrono::seconds tcp_stranger_time_max{60};
constexpr int tcp_backlog = 128;
// How long the prefix may take, all of one message once it has begun, and a connection that we
// open.
constexpr std::chrono::seconds tcp_prefix_time_max{10};
constexpr std::chrono::seconds tcp_message_time_max{30};
constexpr std::chrono::seconds tcp_connect_time_max{15};
// What was sent before a stream is closed gets so long to leave.
constexpr std::chrono::seconds tcp_farewell_time_max{5};
// Messages in a row that are neither IKE nor ESP: then it is no such stream.
constexpr unsigned tcp_junk_max = 32;
// Octets that wait in our own queue of one stream: more ESP is dropped as by a full link; a peer
// that does not even take IKE is gone.
constexpr std::size_t tcp_esp_queue_octets_max = std::size_t{256} << 10U;
constexpr std::size_t tcp_queue_octets_max = std::size_t{512} << 10U;
constexpr int tcp_unsent_octets_max = 128 * 1024;
constexpr std::chrono::milliseconds tcp_unacknowledged_max{20'000};
constexpr std::chrono::seconds tcp_keep_alive{45};
constexpr int tcp_keep_alive_interval_s = 10;
constexpr int tcp_keep_alive_tries = 3;
// Octets read from a stream in one go.
constexpr std::size_t stream_read_min = 2048;
constexpr std::size_t stream_read_max = std::size_t{128} << 10U;
// ESP of a stream that its worker has no room for: looked again so often, then dropped.
constexpr int stream_hand_over_tries = 20;
constexpr std::chrono::microseconds stream_hand_over_wait{500};

// Queues of the TUN that each worker reads by turns, as long as the kernel has so many in all: what
// floods one of them fills that one only.
constexpr unsigned lanes_a_worker_max = 8;
constexpr unsigned tun_queues_max = 256;
// Packets that wait to be read from the TUN in the kernel, in each of them.
constexpr unsigned tun_queue_packets = 1000;

// AF_XDP: frames of one queue, a power of two each, for what arrives and for what leaves; their
// size, the smaller where the MTU lets it; queues of an interface.
constexpr std::uint32_t xdp_receive_frames = 2048;
constexpr std::uint32_t xdp_send_frames = 2048;
constexpr std::size_t xdp_frame_small = 2048;
constexpr std::size_t xdp_frame_large = 4096;
constexpr unsigned xdp_queues_max = 64;
// A queue that a predecessor has had is ours a moment after its end.
constexpr unsigned xdp_tries_max = 40;
constexpr std::chrono::milliseconds xdp_try_again_after{50};

// Seconds between looks at lifetimes and idle queues.
constexpr std::chrono::seconds tick_every{1};
// Ticks between looks at the paths to peers.
constexpr unsigned ticks_between_path_looks = 30;

}  // namespace culvert::plane
