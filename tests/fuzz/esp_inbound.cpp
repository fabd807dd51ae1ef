// ESP from a peer that has the keys and puts anything inside, so that what comes after the ICV is
// reached; and any octets as a packet off the wire.

#include <array>

#include "base/writer.hpp"
#include "crypto/packet_cipher.hpp"
#include "fuzz/property.hpp"
#include "ipsec/esp.hpp"

namespace {

using namespace culvert;
using namespace culvert::ipsec;
using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

constexpr std::uint32_t spi = 0xc0ffee01;
const Instant now{};

struct Suite {
    EncryptionAlgorithm encryption;
    std::uint16_t key_bits;
    IntegrityAlgorithm integrity;
    std::size_t encryption_octets;  // salt included
    std::size_t integrity_octets;
};
constexpr std::array suites{
    Suite{EncryptionAlgorithm::aes_gcm_16, 128, IntegrityAlgorithm::none, 20, 0},
    Suite{EncryptionAlgorithm::aes_cbc, 128, IntegrityAlgorithm::hmac_sha2_256_128, 16, 32},
    Suite{EncryptionAlgorithm::chacha20_poly1305, 0, IntegrityAlgorithm::none, 36, 0},
    Suite{EncryptionAlgorithm::null, 0, IntegrityAlgorithm::hmac_sha1_96, 0, 20},
};

// The first octet: two bits of suite, transport mode, ESN, IPv6 outside.
ChildSa child_sa(std::uint8_t kind) {
    const Suite& suite = suites.at(kind & 3U);
    ChildSa sa;
    sa.suite = {.encryption = suite.encryption,
                .key_bits = suite.key_bits,
                .integrity = suite.integrity,
                .esn = (kind & 8U) != 0};
    sa.mode = (kind & 4U) != 0 ? IpsecMode::transport : IpsecMode::tunnel;
    const bool v6 = (kind & 16U) != 0;
    sa.local.address = IpAddress::parse(v6 ? "2001:db8::2" : "192.0.2.2").value();
    sa.remote.address = IpAddress::parse(v6 ? "2001:db8::1" : "192.0.2.1").value();
    sa.inbound_spi = EspSpi{spi};
    sa.outbound_spi = EspSpi{spi};
    sa.inbound = {.encryption = Secret{suite.encryption_octets},
                  .integrity = Secret{suite.integrity_octets}};
    sa.outbound = {.encryption = Secret{suite.encryption_octets},
                   .integrity = Secret{suite.integrity_octets}};
    sa.local_ts = {TrafficSelector::of(IpRange::everything(IpFamily::v4)),
                   TrafficSelector::of(IpRange::everything(IpFamily::v6))};
    sa.remote_ts = sa.local_ts;
    return sa;
}

// SPI, sequence number, IV, `text` cut to whole blocks, a right ICV; in front of it room for a
// header.
constexpr std::size_t headroom = 64;
Bytes sealed(const ChildSa& sa, ByteView text) {
    const auto cipher = crypto::PacketCipher::create(
        {sa.suite.encryption, sa.suite.key_bits, sa.suite.integrity, sa.suite.esn},
        sa.inbound.encryption, sa.inbound.integrity);
    FUZZ_CLAIM(cipher);
    const std::size_t align = std::max<std::size_t>(4, cipher->block());
    const std::size_t text_size = text.size() / align * align;
    Writer out;
    out.bytes(Bytes(headroom));
    out.u32(spi);
    out.u32(1);
    out.bytes(Bytes(cipher->iv_size()));
    out.bytes(text.first(text_size));
    out.bytes(Bytes(cipher->icv_size()));
    Bytes packet = out.take();
    crypto::CipherLanes lanes;
    std::array<crypto::CipherJob, 1> jobs{
        crypto::CipherJob{.packet = packet.data() + headroom, .text_size = text_size}};
    cipher->seal(lanes, jobs);
    FUZZ_CLAIM(jobs[0].ok);
    return packet;
}

void check(const DecapJob& job, ByteView buffer) {
    if (job.dropped != DropReason::none) {
        (void)name(job.dropped);
        return;
    }
    FUZZ_CLAIM(!job.packet.empty());
    FUZZ_CLAIM(job.packet.data() >= buffer.data());
    FUZZ_CLAIM(job.packet.data() + job.packet.size() <= buffer.data() + buffer.size());
    FUZZ_CLAIM(job.info.total_size == job.packet.size());
    PacketInfo again;
    FUZZ_CLAIM(parse_packet(job.packet, again));
    FUZZ_CLAIM(again == job.info);
}

void run_inside(const ChildSa& sa, ByteView text) {
    auto inbound = InboundSa::create(sa, now);
    FUZZ_CLAIM(inbound);
    Bytes packet = sealed(sa, text);
    CryptoContext crypto;
    DecapJob job{.esp = MutableByteView{packet}.subspan(headroom),
                 .outer_source = sa.remote.address,
                 .outer_destination = sa.local.address,
                 .outer_header = {},
                 .headroom = headroom,
                 .packet = {},
                 .info = {}};
    decapsulate(**inbound, job, crypto, now);
    check(job, packet);
}

void run_outside(const ChildSa& sa, ByteView octets, bool udp_encap) {
    auto inbound = InboundSa::create(sa, now);
    FUZZ_CLAIM(inbound);
    Bytes packet = to_bytes(octets);
    CryptoContext crypto;
    DecapJob job;
    if (prepare_decap(packet, udp_encap, job) != DropReason::none) { return; }
    decapsulate(**inbound, job, crypto, now);
    check(job, packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) { return 0; }
    const culvert::ByteView rest{data + 1, size - 1};
    const ChildSa sa = child_sa(data[0]);
    run_inside(sa, rest);
    run_outside(sa, rest, (data[0] & 32U) != 0);
    PacketInfo info;
    (void)parse_packet(rest, info);
    return 0;
}
