#pragma once
// What the engines on libipsec-mb share. Not for others.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto/packet_cipher_engine.hpp"

// The library's own.
struct IMB_MGR;
struct gcm_context_data;

namespace culvert::crypto {
namespace ipsec_mb {

struct FreeManager {
    void operator()(IMB_MGR* manager) const;
};
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

// Null on processors without AES-NI and carry-less multiplication: ipsec-mb would emulate them with
// tables that are slow and leak through the cache.
Manager make_manager();

// For what needs no queue: key expansion and the direct calls. Only its table of functions is used,
// so that threads may share it. Null as above.
IMB_MGR* functions();

constexpr std::size_t lane_jobs_max = 64;

// Null: not served.
std::unique_ptr<PacketCipher::Engine> make_jobs_engine(const PacketKeys& keys);

}  // namespace ipsec_mb

struct CipherLanes::Impl {
    Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    Impl(Impl&&) = delete;
    Impl& operator=(Impl&&) = delete;
    ~Impl();

    ipsec_mb::Manager manager;
    std::unique_ptr<gcm_context_data> gcm;
    // Of each job that is under way: nonce or counter block, AAD, and the ICV that was computed.
    struct Scratch {
        alignas(16) std::array<std::uint8_t, 16> nonce;
        alignas(16) std::array<std::uint8_t, 16> aad;
        alignas(16) std::array<std::uint8_t, 64> icv;
        alignas(16) std::array<std::uint8_t, 64> received;
    };
    std::array<Scratch, ipsec_mb::lane_jobs_max> scratch{};
    // AES-GCM: those of a batch.
    std::array<std::array<std::uint8_t, 12>, ipsec_mb::lane_jobs_max> nonces{};
    std::array<std::array<std::uint8_t, 12>, ipsec_mb::lane_jobs_max> aads{};
};

}  // namespace culvert::crypto
