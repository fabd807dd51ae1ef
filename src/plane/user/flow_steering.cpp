#include "plane/user/flow_steering.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "plane/user/ebpf.hpp"

namespace culvert::plane {
namespace {

// Of the program below. Loads clobber 1 to 5 and leave their value in 0.
constexpr ebpf::Register value = 0, context = 1, loads_from = 6, hash = 7;

constexpr std::int32_t multiplier = 0x2c1b3c6d;

class Program {
 public:
    using Jump = ebpf::Code::Jump;

    void move(ebpf::Register to, ebpf::Register from) { code_.alu32_of(BPF_MOV, to, from); }
    void set(ebpf::Register to, std::int32_t number) { alu(BPF_MOV, to, number); }
    void alu(unsigned operation, ebpf::Register to, std::int32_t number) {
        code_.alu32(operation, to, number);
    }
    // The context is an address.
    void keep_context() { code_.move(loads_from, context); }
    // From this octet of the packet; past its end the program is over, with 0.
    void load(unsigned size, std::int32_t at) { code_.add(BPF_LD | BPF_ABS | size, 0, 0, 0, at); }
    // If `value` is (not) this number.
    Jump jump_if(unsigned condition, std::int32_t number) {
        return code_.jump_if(condition, value, number);
    }
    Jump jump() { return code_.jump(); }
    void here(Jump jump) { code_.here(jump); }
    void exit() { code_.exit(); }

    void mix(std::int32_t at) {
        load(BPF_W, at);
        code_.alu32_of(BPF_XOR, hash, value);
        alu(BPF_MUL, hash, multiplier);
        move(value, hash);
        alu(BPF_RSH, value, 15);
        code_.alu32_of(BPF_XOR, hash, value);
    }

    const ebpf::Code& code() const { return code_; }

 private:
    ebpf::Code code_;
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
    auto program = ebpf::load(steering().code(), BPF_PROG_TYPE_SOCKET_FILTER, {});
    return FlowSteering{program ? std::move(*program) : FileDescriptor{}};
}

int FlowSteering::apply(int tun_fd) const {
    int program = program_.get();
    return ::ioctl(tun_fd, TUNSETSTEERINGEBPF, &program) == 0 ? 0 : errno;
}

}  // namespace culvert::plane
