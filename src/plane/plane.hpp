#pragma once
// A data plane: carries protected packets, and IKE datagrams, between us and the network. The
// daemon's main thread calls it; it may have threads of its own, and calls PlaneEvents from any of
// them.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::plane {

// One IKE message as it travelled, without non-ESP marker (RFC 3948 2.2).
struct IkeDatagram {
    Endpoint local;  // an any-address as local of a datagram to send: let routing choose
    Endpoint remote;
    bool non_esp_marker =
        false;  // arrived on, or is to leave from, the NAT-T socket with the 4-octet marker
    Bytes bytes;
    std::uint8_t dscp = 0;  // to send it with
    StreamId stream{};      // the TCP stream (RFC 9329) instead of a UDP socket; zero: UDP
};

enum class ExpireKind : std::uint8_t { soft, hard };

// Called from any thread of the plane; must not block. The daemon posts each to its loop.
class PlaneEvents {
 public:
    PlaneEvents() = default;
    PlaneEvents(const PlaneEvents&) = delete;
    PlaneEvents& operator=(const PlaneEvents&) = delete;
    PlaneEvents(PlaneEvents&&) = delete;
    PlaneEvents& operator=(PlaneEvents&&) = delete;
    virtual ~PlaneEvents() = default;

    virtual void ike_datagram(IkeDatagram datagram) = 0;
    // A packet matched a trap: an SA for this reqid is wanted. Not repeated for the same reqid
    // within a second.
    virtual void acquire(ReqId reqid, TrafficSelector local, TrafficSelector remote) = 0;
    virtual void expire(ChildSaId id, ExpireKind kind) = 0;
    // An authenticated packet came from another address or port than the SA's remote (NAT mapping
    // changed).
    virtual void mapping_changed(ChildSaId id, Endpoint remote) = 0;
    // An address of this host came or went, or a route changed (for MOBIKE).
    virtual void addresses_changed() = 0;
    // A datagram could not leave, or the network said that the peer's address or port is not there
    // (ICMP).
    virtual void send_failed(Endpoint remote, Error why) = 0;
    // TCP streams (RFC 9329): one that open_stream() asked for is there, and its local end; one is
    // no more, or could not be opened. `refused`: we ended it, as it broke a rule or a limit.
    virtual void stream_opened(StreamId id, Endpoint local) {
        static_cast<void>(id), static_cast<void>(local);
    }
    virtual void stream_broken(StreamId id, Endpoint remote, Error why, bool refused) {
        static_cast<void>(id), static_cast<void>(remote), static_cast<void>(why),
            static_cast<void>(refused);
    }
    // The plane goes on, but weaker than asked; an operator should know ("nft is missing: clear
    // packets from outside are not filtered").
    virtual void warning(Error what) { static_cast<void>(what); }
    // The plane carries nothing any more, and will not by itself: what it cannot do without is
    // gone.
    virtual void lost(Error what) { static_cast<void>(what); }
};

enum class XdpMode : std::uint8_t {
    automatic,  // zero-copy or copy; without either the kernel's sockets
    zerocopy,   // or fail
    copy,       // or fail
    skb,        // on top of the kernel's packets: native ESP only, for tests
};

// Interfaces whose ESP goes by AF_XDP.
struct XdpSettings {
    std::vector<std::string> interfaces{};
    XdpMode mode = XdpMode::automatic;
};

struct PlaneSettings {
    std::uint16_t port = 500;         // 0: any free one
    std::uint16_t port_nat_t = 4500;  // 0: any free one
    std::uint16_t port_tcp = 4500;    // where listen_tcp() listens; 0: any free one
    unsigned workers = 0;             // 0: one a core
    std::string tun_name = "culvert0";
    std::uint32_t tun_mtu = 0;  // 0: what fits
    std::uint32_t routing_table = 220;
    std::uint32_t rule_priority = 220;
    std::uint32_t mark = 0x00430000;  // on our own packets, so that the rule skips them
    bool install_routes = true;
    std::uint32_t route_mss = 0;  // that TCP of this host announces through the tunnel; 0: no word
    std::string state_dir = "/run/culvert";  // what must be undone after a crash is written here
    XdpSettings xdp{};
    std::string key_log;  // builds with CULVERT_KEY_LOG only: write ESP keys for tshark here
};

class Plane {
 public:
    Plane() = default;
    Plane(const Plane&) = delete;
    Plane& operator=(const Plane&) = delete;
    Plane(Plane&&) = delete;
    Plane& operator=(Plane&&) = delete;
    virtual ~Plane() = default;  // takes down everything that it set up

    // Opens sockets and devices, first undoing what a crashed predecessor left. Fails with
    // address_in_use, no_device, permission or system, saying what to do.
    virtual Status start(PlaneEvents& events) = 0;

    // The sockets on which IKE arrives, once it is started: the caller's loop waits for them, so
    // that a message goes through no second thread, and calls read_ike() when one can be read. What
    // is there comes to PlaneEvents::ike_datagram() before that returns. One thread.
    virtual std::vector<int> ike_descriptors() const = 0;
    virtual void read_ike(int descriptor) = 0;
    virtual void send_ike(IkeDatagram datagram) = 0;
    // One octet 0xff from the NAT-T socket (RFC 3948 2.3).
    virtual void send_keepalive(Endpoint local, Endpoint remote) = 0;
    // The ports that the IKE sockets got; of use when the settings said "any free one".
    virtual std::uint16_t ike_port() const = 0;
    virtual std::uint16_t nat_t_port() const = 0;
    // The address that routing would send from; nothing when there is no route.
    virtual std::optional<IpAddress> source_for(const IpAddress& remote) = 0;
    virtual bool is_local_address(const IpAddress& address) = 0;

    // IKE and ESP in TCP (RFC 9329). Whether streams of peers are accepted: off at the start. Fails
    // with address_in_use or system.
    virtual Status listen_tcp(bool wanted) = 0;
    // PlaneEvents::stream_opened or stream_broken follows. What is sent to it before is lost.
    virtual void open_stream(StreamId id, Endpoint local, Endpoint remote) = 0;
    // An authenticated peer uses it: it may stay.
    virtual void keep_stream(StreamId id) = 0;
    // What was sent to it before still leaves. One that is not there is none to close.
    virtual void close_stream(StreamId id) = 0;

    virtual Status install(ChildSa sa) = 0;
    // Its outbound half is used no more (another SA of the reqid takes over), the inbound half goes
    // on until remove().
    virtual void stop_sending(ChildSaId id) = 0;
    virtual void remove(ChildSaId id) = 0;
    // It was rekeyed and is closed on both sides: it sends no more, and what the peer sent before
    // is still taken for retired_linger.
    virtual void retire(ChildSaId id) = 0;
    // MOBIKE or a changed NAT mapping.
    virtual Status update_endpoints(ChildSaId id, Endpoint local, Endpoint remote, bool udp_encap,
                                    StreamId stream) = 0;

    // A virtual address that a peer gave us (RFC 7296 2.19): from here on an address of this host.
    // Twice the same is no error.
    virtual Status add_address(const IpAddress& address) {
        return std::unexpected(
            Error{.code = ErrorCode::not_built,
                  .wanted = "to use the virtual address " + address.to_string(),
                  .received = "a plane that cannot give this host addresses",
                  .remedy = "use --plane user, or remove vips from the connection"});
    }
    virtual void remove_address(const IpAddress& address) { static_cast<void>(address); }

    virtual Status add_policy(const Policy& policy) = 0;
    virtual void remove_policy(const std::string& connection, const std::string& name) = 0;

    virtual std::optional<ChildSaCounters> counters(ChildSaId id) = 0;
    // Dropped packets by reason, and other counters, by name ("inbound_replay",
    // "outbound_no_sa"...).
    virtual std::map<std::string, std::uint64_t> statistics() = 0;
    // What it is, for `culvert status`: "user (TUN culvert0, 2 workers)".
    virtual std::string description() = 0;
};

}  // namespace culvert::plane
