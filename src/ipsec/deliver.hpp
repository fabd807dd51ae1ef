#pragma once
// The end of the inbound way, the same for ESP and AH: from an authentic payload to the IP packet
// that the host or the inner network gets. Not for others.

#include <cstdint>

#include "base/bytes.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/sa_core.hpp"

namespace culvert::ipsec {

// `payload` lies inside job.esp, and `next_header` says what it is. Fills job.packet and job.info.
DropReason deliver(const InboundSa::Core& core, DecapJob& job, MutableByteView payload,
                   std::uint8_t next_header);

// Held for the few instructions that move an SA's window.
class WindowGuard {
 public:
    explicit WindowGuard(std::atomic_flag& busy) : busy_(busy) {
        while (busy_.test_and_set(std::memory_order_acquire)) {}
    }
    ~WindowGuard() { busy_.clear(std::memory_order_release); }
    WindowGuard(const WindowGuard&) = delete;
    WindowGuard& operator=(const WindowGuard&) = delete;
    WindowGuard(WindowGuard&&) = delete;
    WindowGuard& operator=(WindowGuard&&) = delete;

 private:
    std::atomic_flag& busy_;
};

}  // namespace culvert::ipsec
