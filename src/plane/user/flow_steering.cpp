#include "plane/user/flow_steering.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace culvert::plane {
namespace {

// Of the program below. Loads clobber 1 to 5 and leave their value in 0.
enum Register : std::uint8_t { value = 0, context = 1, loads_from = 6, hash = 7 };

constexpr std::int32_t multiplier = 0x2c1b3c6d;

// Writes eBPF: the few instructions needed, and jumps to places that come later.
class Program {
 public:
    using Jump = std::size_t;

    void move(Register to, Register from) { alu_of(BPF_MOV, to, from); }
    void set(Register to, std::int32_t number) { alu(BPF_MOV, to, number); }
    void alu(unsigned operation, Register to, std::int32_t number) {
        add(BPF_ALU | operation | BPF_K, to, 0, 0, number);
    }
    void alu_of(unsigned operation, Register to, Register from) {
        add(BPF_ALU | operation | BPF_X, to, from, 0, 0);
    }
    // The context is an address.
    void keep_context() { add(BPF_ALU64 | BPF_MOV | BPF_X, loads_from, context, 0, 0); }
    // From this octet of the packet; past its end the program is over, with 0.
    void load(unsigned size, std::int32_t at) { add(BPF_LD | BPF_ABS | size, 0, 0, 0, at); }
    // If `value` is (not) this number.
    Jump jump_if(unsigned condition, std::int32_t number) {
        add(BPF_JMP | condition | BPF_K, value, 0, 0, number);
        return code_.size() - 1;
    }
    Jump jump() {
        add(BPF_JMP | BPF_JA, 0, 0, 0, 0);
        return code_.size() - 1;
    }
    void here(Jump jump) { code_[jump].off = static_cast<std::int16_t>(code_.size() - jump - 1); }
    void exit() { add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

    void mix(std::int32_t at) {
        load(BPF_W, at);
        alu_of(BPF_XOR, hash, value);
        alu(BPF_MUL, hash, multiplier);
        move(value, hash);
        alu(BPF_RSH, value, 15);
        alu_of(BPF_XOR, hash, value);
    }

    const std::vector<bpf_insn>& code() const { return code_; }

 private:
    void add(unsigned code, unsigned to, unsigned from, std::int16_t offset, std::int32_t number) {
        bpf_insn instruction{};
        instruction.code = static_cast<std::uint8_t>(code);
        instruction.dst_reg = static_cast<std::uint8_t>(to & 0xfU);
        instruction.src_reg = static_cast<std::uint8_t>(from & 0xfU);
        instruction.off = offset;
        instruction.imm = number;
        code_.push_back(instruction);
    }
    std::vector<bpf_insn> code_;
};

// Addresses always; ports of TCP alone: a flow of UDP may have datagrams that are cut, and whose
// later fragments do not show them, among others that are not, and stays in order all the same.
Program steering() {
    constexpr std::int32_t tcp = 6;
    Program out;
    out.keep_context();
    out.set(hash, 0);
    std::vector<Program::Jump> to_end;
    out.load(BPF_B, 0);
    out.alu(BPF_RSH, value, 4);
    const auto to_v6 = out.jump_if(BPF_JEQ, 6);
    out.mix(12);
    out.mix(16);
    out.load(BPF_H, 6);
    out.alu(BPF_AND, value, 0x3fff);  // more fragments, or not the first
    to_end.push_back(out.jump_if(BPF_JNE, 0));
    out.load(BPF_B, 0);
    out.alu(BPF_AND, value, 0xf);
    to_end.push_back(out.jump_if(BPF_JNE, 5));
    out.load(BPF_B, 9);
    to_end.push_back(out.jump_if(BPF_JNE, tcp));
    out.mix(20);
    to_end.push_back(out.jump());
    out.here(to_v6);
    for (std::int32_t at = 8; at < 40; at += 4) { out.mix(at); }
    out.load(BPF_B, 6);
    to_end.push_back(out.jump_if(BPF_JNE, tcp));
    out.mix(40);
    for (const auto jump : to_end) { out.here(jump); }
    out.move(value, hash);
    out.exit();
    return out;
}

}  // namespace

FlowSteering FlowSteering::load() {
    const Program program = steering();
    constexpr const char* licence = "Apache-2.0";
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insn_cnt = static_cast<std::uint32_t>(program.code().size());
    // The kernel takes addresses as numbers.
    attributes.insns = reinterpret_cast<std::uintptr_t>(program.code().data());
    attributes.license = reinterpret_cast<std::uintptr_t>(licence);
    // glibc has no function for it.
    const long fd = ::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    return FlowSteering{FileDescriptor{static_cast<int>(fd)}};
}

int FlowSteering::apply(int tun_fd) const {
    int program = program_.get();
    return ::ioctl(tun_fd, TUNSETSTEERINGEBPF, &program) == 0 ? 0 : errno;
}

}  // namespace culvert::plane
