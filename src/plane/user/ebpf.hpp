#pragma once
// eBPF as we need it: programs of some dozen instructions, written an instruction at a time, and
// the calls of bpf(2) that bring them into the kernel. Registers are numbered as the kernel does:
// 0 holds results, 1 to 5 arguments, which a call destroys; 6 to 9 stay; 10 is the stack.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <vector>

#include <linux/bpf.h>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane::ebpf {

using Register = std::uint8_t;
constexpr Register stack = 10;

// Jumps lead to places that come later: here() says where.
class Code {
 public:
    using Jump = std::size_t;

    void add(unsigned code, Register to, Register from, int offset, std::int32_t number);

    // All 64 bits.
    void move(Register to, Register from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
    void set(Register to, std::int32_t number) { add(BPF_ALU64 | BPF_MOV, to, 0, 0, number); }
    void alu(unsigned operation, Register to, std::int32_t number) {
        add(BPF_ALU64 | operation, to, 0, 0, number);
    }
    void alu_of(unsigned operation, Register to, Register from) {
        add(BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
    }
    // The low 32 bits; the others become zero.
    void alu32(unsigned operation, Register to, std::int32_t number) {
        add(BPF_ALU | operation, to, 0, 0, number);
    }
    void alu32_of(unsigned operation, Register to, Register from) {
        add(BPF_ALU | operation | BPF_X, to, from, 0, 0);
    }
    // 16 bits from network order.
    void from_network16(Register to) { add(BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, 16); }

    // `size`: BPF_B, BPF_H, BPF_W, BPF_DW, as they lie in memory.
    void load(unsigned size, Register to, Register from, int offset) {
        add(BPF_LDX | BPF_MEM | size, to, from, offset, 0);
    }
    void store(unsigned size, Register to, int offset, std::int32_t number) {
        add(BPF_ST | BPF_MEM | size, to, 0, offset, number);
    }
    void load_map(Register to, int map_fd);
    void call(std::int32_t helper) { add(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
    void exit() { add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

    Jump jump_if(unsigned condition, Register left, std::int32_t right);
    Jump jump_if_of(unsigned condition, Register left, Register right);
    Jump jump();
    void here(Jump jump) { code_[jump].off = static_cast<std::int16_t>(code_.size() - jump - 1); }

    const std::vector<bpf_insn>& instructions() const { return code_; }

 private:
    std::vector<bpf_insn> code_;
};

// Fail with permission, unsupported, or system, in the kernel's words; a program that the verifier
// refuses with the last of what the verifier said.
Result<FileDescriptor> load(const Code& code, bpf_prog_type type, bpf_attach_type attach);
Result<FileDescriptor> make_map(bpf_map_type type, std::size_t value_size, std::size_t entries,
                                std::uint32_t flags);
Status update(int map_fd, std::uint32_t key, std::uint32_t value);
// Attaches an XDP program for as long as what it returns lives, and no longer than the process;
// `flags`: XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE. Or errno.
std::expected<FileDescriptor, int> attach_xdp(int program_fd, int interface, std::uint32_t flags);
// What an XDP program answers to this packet (BPF_PROG_TEST_RUN), or errno: for tests.
std::expected<std::uint32_t, int> run_xdp(int program_fd, ByteView packet);

}  // namespace culvert::plane::ebpf
