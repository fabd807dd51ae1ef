#include "plane/user/ebpf.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace culvert::plane::ebpf {
namespace {

constexpr const char* licence = "Apache-2.0";
// The end of what the verifier says is where it says why.
constexpr std::size_t verifier_octets_max = 65536;
constexpr std::size_t verifier_octets_shown = 400;

// The kernel takes addresses as numbers.
std::uint64_t address(const void* of) { return reinterpret_cast<std::uintptr_t>(of); }

// glibc has no function for it.
int bpf(bpf_cmd command, bpf_attr& attributes) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

Error bpf_failed(std::string_view what, int error_number, std::string_view verifier = {}) {
    Error out = system_error(what, error_number);
    if (error_number == EPERM || error_number == EACCES) {
        out.code = ErrorCode::permission;
        out.remedy =
            "start culvertd as root, or with CAP_BPF and CAP_NET_ADMIN in the first user namespace "
            "(before Linux 5.8: CAP_SYS_ADMIN)";
    } else if (error_number == ENOSYS || error_number == EINVAL || error_number == EOPNOTSUPP) {
        out.code = ErrorCode::unsupported;
        out.remedy = "use Linux 5.9 or newer, built with CONFIG_BPF_SYSCALL and CONFIG_XDP_SOCKETS";
    }
    if (!verifier.empty()) {
        // An EACCES of the verifier is not about rights.
        out.code = ErrorCode::unsupported;
        out.received += fmt::format("; the verifier said: ...{}", printable(verifier, 1000));
        out.remedy = "report this with the kernel's version";
    }
    return out;
}

}  // namespace

void Code::add(unsigned code, Register to, Register from, int offset, std::int32_t number) {
    bpf_insn instruction{};
    instruction.code = static_cast<std::uint8_t>(code);
    instruction.dst_reg = static_cast<std::uint8_t>(to & 0xfU);
    instruction.src_reg = static_cast<std::uint8_t>(from & 0xfU);
    instruction.off = static_cast<std::int16_t>(offset);
    instruction.imm = number;
    code_.push_back(instruction);
}

void Code::load_map(Register to, int map_fd) {
    add(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map_fd);
    add(0, 0, 0, 0, 0);
}

Code::Jump Code::jump_if(unsigned condition, Register left, std::int32_t right) {
    add(BPF_JMP | condition | BPF_K, left, 0, 0, right);
    return code_.size() - 1;
}

Code::Jump Code::jump_if_of(unsigned condition, Register left, Register right) {
    add(BPF_JMP | condition | BPF_X, left, right, 0, 0);
    return code_.size() - 1;
}

Code::Jump Code::jump() {
    add(BPF_JMP | BPF_JA, 0, 0, 0, 0);
    return code_.size() - 1;
}

Result<FileDescriptor> load(const Code& code, bpf_prog_type type, bpf_attach_type attach) {
    bpf_attr attributes{};
    attributes.prog_type = type;
    attributes.expected_attach_type = attach;
    attributes.insn_cnt = static_cast<std::uint32_t>(code.instructions().size());
    attributes.insns = address(code.instructions().data());
    attributes.license = address(licence);
    if (FileDescriptor fd{bpf(BPF_PROG_LOAD, attributes)}; fd) { return fd; }
    const int error = errno;
    // Again, with a log: it costs time and memory that a good program need not spend.
    std::vector<char> log(verifier_octets_max);
    attributes.log_level = 1;
    attributes.log_buf = address(log.data());
    attributes.log_size = static_cast<std::uint32_t>(log.size());
    if (FileDescriptor fd{bpf(BPF_PROG_LOAD, attributes)}; fd) { return fd; }
    std::string_view said{log.data(),
                          static_cast<std::size_t>(std::ranges::find(log, '\0') - log.begin())};
    said.remove_prefix(said.size() - std::min(said.size(), verifier_octets_shown));
    return std::unexpected(bpf_failed("to load an eBPF program", error, said));
}

Result<FileDescriptor> make_map(bpf_map_type type, std::size_t value_size, std::size_t entries,
                                std::uint32_t flags) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = sizeof(std::uint32_t);
    attributes.value_size = static_cast<std::uint32_t>(value_size);
    attributes.max_entries = static_cast<std::uint32_t>(entries);
    attributes.map_flags = flags;
    FileDescriptor fd{bpf(BPF_MAP_CREATE, attributes)};
    if (!fd) { return std::unexpected(bpf_failed("to make an eBPF map", errno)); }
    return fd;
}

Status update(int map_fd, std::uint32_t key, std::uint32_t value) {
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(map_fd);
    attributes.key = address(&key);
    attributes.value = address(&value);
    if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) {
        return std::unexpected(bpf_failed("to write to an eBPF map", errno));
    }
    return {};
}

std::expected<FileDescriptor, int> attach_xdp(int program_fd, int interface, std::uint32_t flags) {
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<std::uint32_t>(program_fd);
    attributes.link_create.target_ifindex = static_cast<std::uint32_t>(interface);
    attributes.link_create.attach_type = BPF_XDP;
    attributes.link_create.flags = flags;
    FileDescriptor fd{bpf(BPF_LINK_CREATE, attributes)};
    if (!fd) { return std::unexpected(errno); }
    return fd;
}

std::expected<std::uint32_t, int> run_xdp(int program_fd, ByteView packet) {
    bpf_attr attributes{};
    attributes.test.prog_fd = static_cast<std::uint32_t>(program_fd);
    attributes.test.data_in = address(packet.data());
    attributes.test.data_size_in = static_cast<std::uint32_t>(packet.size());
    attributes.test.repeat = 1;
    if (bpf(BPF_PROG_TEST_RUN, attributes) != 0) { return std::unexpected(errno); }
    return attributes.test.retval;
}

}  // namespace culvert::plane::ebpf
