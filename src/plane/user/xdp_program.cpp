#include "plane/user/xdp_program.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

namespace culvert::plane {
namespace {

// XdpTargets in memory: two words, then a table of addresses with open addressing. No address lies
// further than `tries` slots behind its own.
constexpr std::size_t taking_at = 0;  // u32
constexpr std::size_t port_at = 4;    // u16, network order
constexpr std::size_t table_at = 16;
constexpr unsigned slot_bits = 10;
constexpr std::size_t tries = 8;
constexpr std::size_t slot_size = 16;
constexpr std::size_t slots = (std::size_t{1} << slot_bits) + tries - 1;
constexpr std::size_t targets_size = table_at + slots * slot_size;
constexpr std::int32_t multiplier = 0x2c1b3c6d;

// An address as the table and the program have it, octets as they lie in memory. IPv4 stands behind
// what no IPv6 address of a host begins with; both zero is nobody's address and an empty slot.
struct Key {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    bool operator==(const Key&) const = default;
    bool empty() const { return high == 0 && low == 0; }
};
constexpr std::int32_t v4_high = -1;

Key key_of(const IpAddress& of) {
    Key out;
    const ByteView octets = of.octets();
    if (of.is_v4()) {
        std::uint32_t word = 0;
        std::memcpy(&word, octets.data(), sizeof word);
        out = {.high = ~std::uint64_t{0}, .low = word};
    } else {
        std::memcpy(&out.high, octets.data(), sizeof out.high);
        std::memcpy(&out.low, octets.data() + sizeof out.high, sizeof out.low);
    }
    return out;
}

std::size_t slot_of(const Key& key) {
    const std::uint64_t mixed = key.high ^ key.low;
    const auto word = static_cast<std::uint32_t>(mixed ^ mixed >> 32U);
    return word * static_cast<std::uint32_t>(multiplier) >> (32 - slot_bits);
}

constexpr std::int32_t wire16(std::uint16_t value) {
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

// Of xdp_md, the program's context.
constexpr int md_data = offsetof(xdp_md, data);
constexpr int md_data_end = offsetof(xdp_md, data_end);
constexpr int md_queue = offsetof(xdp_md, rx_queue_index);

constexpr int ethernet = 14;
constexpr int v4 = 20;
constexpr int v6 = 40;
constexpr int udp = 8;
constexpr std::int32_t esp_protocol = 50;
constexpr std::int32_t udp_protocol = 17;
// SPI and sequence number: what is shorter is a keep-alive, or nothing.
constexpr int esp_min = 8;

class Writer {
 public:
    explicit Writer(const XdpProgramOptions& options) : options_(options) {}

    ebpf::Code write() {
        begin();
        code_.load(BPF_H, 1, data, 12);
        const auto is_v6 = code_.jump_if(BPF_JEQ, 1, wire16(0x86dd));
        pass_unless(BPF_JEQ, 1, wire16(0x0800));
        family_v4();
        const auto look_up = code_.jump();
        code_.here(is_v6);
        family_v6();
        code_.here(look_up);
        is_ours();
        return std::move(code_);
    }

 private:
    // Loads destroy 1 to 5.
    static constexpr ebpf::Register context = 6, data = 7, data_end = 8, targets = 9;
    static constexpr ebpf::Register high = 1, low = 2;

    void pass_if(unsigned condition, ebpf::Register left, std::int32_t right) {
        to_pass_.push_back(code_.jump_if(condition, left, right));
    }
    void pass_unless(unsigned condition, ebpf::Register left, std::int32_t right) {
        const auto good = code_.jump_if(condition, left, right);
        to_pass_.push_back(code_.jump());
        code_.here(good);
    }
    // The frame has so many octets at least.
    void need(int octets) {
        code_.move(1, data);
        code_.alu(BPF_ADD, 1, octets);
        to_pass_.push_back(code_.jump_if_of(BPF_JGT, 1, data_end));
    }

    void begin() {
        code_.move(context, 1);
        code_.store(BPF_W, ebpf::stack, -4, 0);
        code_.load_map(1, options_.targets_fd);
        code_.move(2, ebpf::stack);
        code_.alu(BPF_ADD, 2, -4);
        code_.call(BPF_FUNC_map_lookup_elem);
        pass_if(BPF_JEQ, 0, 0);
        code_.move(targets, 0);
        code_.load(BPF_W, 1, targets, taking_at);
        pass_if(BPF_JEQ, 1, 0);
        code_.load(BPF_W, data, context, md_data);
        code_.load(BPF_W, data_end, context, md_data_end);
        code_.move(1, data);
        code_.alu(BPF_ADD, 1, static_cast<std::int32_t>(options_.frame_max));
        to_pass_.push_back(code_.jump_if_of(BPF_JLT, 1, data_end));
        need(ethernet + v4 + esp_min);
    }

    void family_v4() {
        code_.load(BPF_B, 1, data, ethernet);
        pass_unless(BPF_JEQ, 1, 0x45);
        code_.load(BPF_H, 1, data, ethernet + 6);
        code_.alu(BPF_AND, 1, wire16(0x3fff));  // more fragments, or not the first
        pass_if(BPF_JNE, 1, 0);
        code_.load(BPF_B, 1, data, ethernet + 9);
        esp_or_udp(ethernet + v4);
        code_.set(high, v4_high);
        code_.load(BPF_W, low, data, ethernet + 16);
    }

    void family_v6() {
        need(ethernet + v6 + esp_min);
        code_.load(BPF_B, 1, data, ethernet);
        code_.alu(BPF_RSH, 1, 4);
        pass_unless(BPF_JEQ, 1, 6);
        code_.load(BPF_B, 1, data, ethernet + 6);
        esp_or_udp(ethernet + v6);
        code_.load(BPF_DW, high, data, ethernet + 24);
        code_.load(BPF_DW, low, data, ethernet + 32);
        pass_if(BPF_JEQ, low, 0);
    }

    // The protocol is in 1, and begins at this octet of the frame.
    void esp_or_udp(int at) {
        const auto is_esp = code_.jump_if(BPF_JEQ, 1, esp_protocol);
        if (!options_.udp) {
            to_pass_.push_back(code_.jump());
            code_.here(is_esp);
            return;
        }
        pass_unless(BPF_JEQ, 1, udp_protocol);
        need(at + udp + esp_min);
        code_.load(BPF_H, 1, data, at + 2);
        code_.load(BPF_H, 2, targets, port_at);
        pass_if(BPF_JEQ, 2, 0);
        to_pass_.push_back(code_.jump_if_of(BPF_JNE, 1, 2));
        // Ethernet pads what is short: its own word counts.
        code_.load(BPF_H, 1, data, at + 4);
        code_.from_network16(1);
        pass_if(BPF_JLT, 1, udp + esp_min);
        code_.load(BPF_W, 1, data, at + udp);
        pass_if(BPF_JEQ, 1, 0);  // the non-ESP marker of IKE (RFC 3948 2.2)
        code_.here(is_esp);
    }

    void is_ours() {
        std::vector<ebpf::Code::Jump> found;
        code_.move(3, high);
        code_.alu_of(BPF_XOR, 3, low);
        code_.move(4, 3);
        code_.alu(BPF_RSH, 4, 32);
        code_.alu32_of(BPF_XOR, 3, 4);
        code_.alu32(BPF_MUL, 3, multiplier);
        code_.alu32(BPF_RSH, 3, 32 - slot_bits);
        code_.alu(BPF_MUL, 3, slot_size);
        code_.alu_of(BPF_ADD, targets, 3);
        for (std::size_t i = 0; i < tries; ++i) {
            const int at = static_cast<int>(table_at + i * slot_size);
            code_.load(BPF_DW, 4, targets, at);
            const auto other = code_.jump_if_of(BPF_JNE, 4, high);
            code_.load(BPF_DW, 4, targets, at + 8);
            found.push_back(code_.jump_if_of(BPF_JEQ, 4, low));
            code_.here(other);
        }
        for (const auto jump : to_pass_) { code_.here(jump); }
        code_.set(0, XDP_PASS);
        code_.exit();
        for (const auto jump : found) { code_.here(jump); }
        code_.load_map(1, options_.sockets_fd);
        code_.load(BPF_W, 2, context, md_queue);
        code_.set(3, XDP_PASS);  // where this queue has no socket
        code_.call(BPF_FUNC_redirect_map);
        code_.exit();
    }

    const XdpProgramOptions& options_;
    ebpf::Code code_;
    std::vector<ebpf::Code::Jump> to_pass_;
};

}  // namespace

Result<XdpTargets> XdpTargets::make() {
    auto map = ebpf::make_map(BPF_MAP_TYPE_ARRAY, targets_size, 1, BPF_F_MMAPABLE);
    if (!map) { return std::unexpected(std::move(map).error()); }
    auto memory = MemoryMap::make(targets_size, MAP_SHARED, map->get(), 0);
    if (!memory) {
        return std::unexpected(system_error("to map an eBPF map to memory", memory.error()));
    }
    return XdpTargets{std::move(*map), std::move(*memory)};
}

void XdpTargets::take(bool wanted, std::uint16_t nat_t_port) {
    const auto port = static_cast<std::uint16_t>(wire16(nat_t_port));
    std::atomic_ref{*memory_.as<std::uint16_t>(port_at)}.store(port, std::memory_order_release);
    std::atomic_ref{*memory_.as<std::uint32_t>(taking_at)}.store(wanted ? 1 : 0,
                                                                 std::memory_order_release);
}

// A packet that meets the table while it changes finds nothing at worst, and goes to the kernel.
void XdpTargets::set_addresses(std::span<const IpAddress> addresses) {
    std::array<Key, slots> table{};
    for (const IpAddress& one : addresses) {
        const Key key = key_of(one);
        if (one.is_any() || one.is_link_local() || one.is_multicast()) { continue; }
        const std::size_t first = slot_of(key);
        for (std::size_t i = first; i < first + tries; ++i) {
            if (!table[i].empty() && table[i] != key) { continue; }
            table[i] = key;
            break;
        }
    }
    static_assert(sizeof(Key) == slot_size);
    auto* const words = memory_.as<std::uint64_t>(table_at);
    for (std::size_t i = 0; i < slots; ++i) {
        const Key& key = table[i];
        std::atomic_ref{words[2 * i]}.store(key.high, std::memory_order_relaxed);
        std::atomic_ref{words[2 * i + 1]}.store(key.low, std::memory_order_relaxed);
    }
}

ebpf::Code xdp_program(const XdpProgramOptions& options) { return Writer{options}.write(); }

}  // namespace culvert::plane
