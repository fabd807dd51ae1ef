#pragma once
// The rings that an AF_XDP socket shares with the kernel: entries in memory, and two counters that
// go on for ever, modulo 2^32: how many were put in, and how many were taken out. Each ring is used
// by one thread of ours at a time.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <linux/if_xdp.h>

namespace culvert::plane {

// Where the parts of a ring lie. The size is a power of two.
template <class Entry>
struct RingMemory {
    std::uint32_t* producer = nullptr;
    std::uint32_t* consumer = nullptr;
    std::uint32_t* flags = nullptr;
    Entry* entries = nullptr;
    std::uint32_t size = 0;
};

// We put in, the kernel takes out: frames to fill, and to send.
template <class Entry>
class ProducerRing {
 public:
    ProducerRing() = default;
    explicit ProducerRing(const RingMemory<Entry>& memory)
        : memory_(memory), next_(std::atomic_ref{*memory.producer}.load()) {}

    // What the kernel has not taken yet, of all that was put in.
    std::uint32_t waiting() const {
        return next_ - std::atomic_ref{*memory_.consumer}.load(std::memory_order_acquire);
    }
    // How many more may be put in.
    std::uint32_t room() const { return memory_.size - waiting(); }
    void put(const Entry& entry) { memory_.entries[next_++ & (memory_.size - 1)] = entry; }
    // The kernel sees what was put in.
    void publish() { std::atomic_ref{*memory_.producer}.store(next_, std::memory_order_release); }
    // It sleeps, and does not look by itself.
    bool wants_wakeup() const {
        // What was published comes before this look.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        return (std::atomic_ref{*memory_.flags}.load(std::memory_order_relaxed) &
                XDP_RING_NEED_WAKEUP) != 0;
    }

 private:
    RingMemory<Entry> memory_;
    std::uint32_t next_ = 0;
};

// The kernel puts in, we take out: frames received, and sent.
template <class Entry>
class ConsumerRing {
 public:
    ConsumerRing() = default;
    explicit ConsumerRing(const RingMemory<Entry>& memory)
        : memory_(memory), next_(std::atomic_ref{*memory.consumer}.load()) {}

    std::uint32_t filled() const {
        return std::atomic_ref{*memory_.producer}.load(std::memory_order_acquire) - next_;
    }
    // Of what is filled, the next.
    Entry take() { return memory_.entries[next_++ & (memory_.size - 1)]; }
    // The kernel may use the places of what was taken.
    void publish() { std::atomic_ref{*memory_.consumer}.store(next_, std::memory_order_release); }

 private:
    RingMemory<Entry> memory_;
    std::uint32_t next_ = 0;
};

}  // namespace culvert::plane
