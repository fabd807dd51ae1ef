#pragma once
// Counters of one worker: written by it alone, read by anyone.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "ipsec/drop_reason.hpp"

namespace culvert::plane {

// What happens beside the engine's reasons.
enum class Happening : std::uint8_t {
    tun_packets_read,
    tun_packets_written,
    tun_write_failed,
    esp_packets_sent,
    esp_packets_received,
    esp_send_failed,
    outbound_bypassed,
    outbound_trapped,       // kept until an SA is there
    outbound_trap_dropped,  // no room to keep it, or it waited too long
    icmp_sent,
    mapping_changes,
    tun_reads,  // calls: a super-packet counts once
    tun_writes,
    esp_sends,  // calls, or runs handed to the kernel in one
    esp_receives,
    udp_segmentation_refused,  // a run that had to leave packet by packet
    esp_packets_by_link,       // of those sent: native ones that left by a packet socket
    esp_packets_by_xdp,        // of those sent: by AF_XDP
    esp_packets_from_xdp,      // of those received: likewise
    xdp_send_refused,          // had to go another way, as no frame was free
    strays_handed_over,        // arrived at a worker who does not own their SA
    strays_dropped,            // and that one had too many of them
    ecn_alarms,                // markings that RFC 6040 4.2 wants to be looked at
    tun_octets_read,
    esp_octets_received,
    count_of_happenings,  // not a happening
};

constexpr std::array<const char*, static_cast<std::size_t>(Happening::count_of_happenings)>
    happening_names{"tun_packets_read",
                    "tun_packets_written",
                    "tun_write_failed",
                    "esp_packets_sent",
                    "esp_packets_received",
                    "esp_send_failed",
                    "outbound_bypassed",
                    "outbound_trapped",
                    "outbound_trap_dropped",
                    "icmp_sent",
                    "mapping_changes",
                    "tun_reads",
                    "tun_writes",
                    "esp_sends",
                    "esp_receives",
                    "udp_segmentation_refused",
                    "esp_packets_by_link",
                    "esp_packets_by_xdp",
                    "esp_packets_from_xdp",
                    "xdp_send_refused",
                    "strays_handed_over",
                    "strays_dropped",
                    "ecn_alarms",
                    "tun_octets_read",
                    "esp_octets_received"};

class WorkerCounters {
 public:
    void count(ipsec::DropReason reason, std::uint64_t times = 1) {
        add(drops_[static_cast<std::size_t>(reason)], times);
    }
    void count(Happening what, std::uint64_t times = 1) {
        add(happenings_[static_cast<std::size_t>(what)], times);
    }

    std::uint64_t of(Happening what) const {
        return happenings_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
    }

    // Adds to what another worker said.
    void add_to(std::map<std::string, std::uint64_t>& out) const {
        for (std::size_t i = 1; i < drops_.size(); ++i) {  // 0 is "not dropped"
            out[std::string{name(static_cast<ipsec::DropReason>(i))}] +=
                drops_[i].load(std::memory_order_relaxed);
        }
        for (std::size_t i = 0; i < happenings_.size(); ++i) {
            out[happening_names[i]] += happenings_[i].load(std::memory_order_relaxed);
        }
    }

 private:
    // Only one thread writes: no locked instruction is needed.
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t times) {
        counter.store(counter.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, ipsec::drop_reasons> drops_{};
    std::array<std::atomic<std::uint64_t>, happening_names.size()> happenings_{};
};

}  // namespace culvert::plane
