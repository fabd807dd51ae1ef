// Which packets the XDP program takes, asked of the kernel itself (BPF_PROG_TEST_RUN).
#include "plane/user/xdp_program.hpp"

#include <array>
#include <cerrno>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "ipsec/header_fields.hpp"
#include "plane/user/outer_header.hpp"
#include "plane/user/xdp_frame.hpp"

namespace culvert::plane {
namespace {

constexpr std::uint16_t nat_t = 4500;
constexpr std::size_t frame_max = 1792;
constexpr std::size_t ethernet = 14;
const IpAddress here_v4 = *IpAddress::parse("192.0.2.1");
const IpAddress here_v6 = *IpAddress::parse("2001:db8::1");
const IpAddress there_v4 = *IpAddress::parse("198.51.100.7");
const IpAddress there_v6 = *IpAddress::parse("2001:db8:7::7");

// An ESP packet on its way to us, behind Ethernet.
Bytes frame_to(const IpAddress& local, bool udp, std::size_t esp_size = 64) {
    const IpAddress& remote = local.is_v4() ? there_v4 : there_v6;
    const OuterHeader header{
        remote,
        local,
        {.traffic_class = 0x2e, .dont_fragment = true, .hop_limit = 61},
        udp ? std::optional{UdpPorts{.local = 61234, .remote = nat_t}} : std::nullopt};
    Bytes esp(esp_size, 0x5a);
    std::uint16_t identification = 0;
    Bytes out(ethernet + header.size());
    ipsec::set_u16(out, 12, local.is_v4() ? 0x0800 : 0x86dd);
    header.write(MutableByteView{out}.subspan(ethernet), esp, identification);
    out.insert(out.end(), esp.begin(), esp.end());
    return out;
}
Bytes with(Bytes frame, std::size_t at, std::uint8_t octet) {
    frame.at(at) = octet;
    return frame;
}
Bytes of_size(Bytes frame, std::size_t size) {
    frame.resize(size);
    return frame;
}

// The program with a socket for queue 0, as the kernel has it: nothing where bpf(2) or AF_XDP is
// not allowed.
class Loaded : public testing::Test {
 protected:
    void SetUp() override {
        auto made = XdpTargets::make();
        if (!made) { GTEST_SKIP() << "bpf(2) is not allowed here: " << explain(made.error()); }
        targets_.emplace(std::move(*made));
        socket_ = FileDescriptor{::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
        if (!socket_) { GTEST_SKIP() << "AF_XDP is not allowed here, errno " << errno; }
        auto sockets = ebpf::make_map(BPF_MAP_TYPE_XSKMAP, sizeof(std::uint32_t), 4, 0);
        ASSERT_TRUE(sockets) << explain(sockets.error());
        sockets_ = std::move(*sockets);
        ASSERT_TRUE(ebpf::update(sockets_.get(), 0, static_cast<std::uint32_t>(socket_.get())));
        load(true);
        targets_->set_addresses(std::vector{here_v4, here_v6});
        targets_->take(true, nat_t);
    }
    void load(bool udp) {
        auto program = ebpf::load(xdp_program({.targets_fd = targets_->map_fd(),
                                               .sockets_fd = sockets_.get(),
                                               .frame_max = frame_max,
                                               .udp = udp}),
                                  BPF_PROG_TYPE_XDP, BPF_XDP);
        ASSERT_TRUE(program) << explain(program.error());
        program_ = std::move(*program);
    }
    // XDP_PASS or XDP_REDIRECT.
    std::uint32_t verdict(const Bytes& frame) const {
        const auto said = ebpf::run_xdp(program_.get(), frame);
        EXPECT_TRUE(said) << "BPF_PROG_TEST_RUN: errno " << said.error();
        return said.value_or(XDP_ABORTED);
    }
    void expect_taken(const Bytes& frame) const { EXPECT_EQ(verdict(frame), XDP_REDIRECT); }
    void expect_passed(const Bytes& frame) const { EXPECT_EQ(verdict(frame), XDP_PASS); }

    std::optional<XdpTargets> targets_;
    FileDescriptor socket_, sockets_, program_;
};
class XdpProgram : public Loaded {};

TEST_F(XdpProgram, TakesEspForThisHost) {
    for (const IpAddress& local : {here_v4, here_v6}) {
        SCOPED_TRACE(local.to_string());
        for (const bool udp : {false, true}) {
            SCOPED_TRACE(udp);
            expect_taken(frame_to(local, udp));
            expect_taken(frame_to(local, udp, 16));
            // Ethernet pads what is short.
            expect_taken(of_size(frame_to(local, udp, 16), 110));
        }
    }
}

TEST_F(XdpProgram, LeavesWhatIsForOthersToRouting) {
    for (const char* other : {"192.0.2.2", "192.0.3.1", "0.0.0.0", "255.255.255.255", "2001:db8::2",
                              "2001:db8:1::1", "::", "fe80::1", "ff02::1"}) {
        SCOPED_TRACE(other);
        for (const bool udp : {false, true}) {
            expect_passed(frame_to(*IpAddress::parse(other), udp));
        }
    }
}

TEST_F(XdpProgram, LeavesIkeAndKeepAlivesToTheKernel) {
    for (const IpAddress& local : {here_v4, here_v6}) {
        const std::size_t udp_at = ethernet + (local.is_v4() ? 20 : 40);
        Bytes ike = frame_to(local, true);
        ipsec::set_u32(ike, udp_at + 8, 0);  // the non-ESP marker
        expect_passed(ike);
        Bytes port_500 = frame_to(local, true);
        ipsec::set_u16(port_500, udp_at + 2, 500);
        expect_passed(port_500);
        Bytes keep_alive = of_size(frame_to(local, true, 1), 80);
        expect_passed(keep_alive);
        // Our ports are other people's as a source.
        Bytes from_us = frame_to(local, true);
        ipsec::set_u16(from_us, udp_at, nat_t);
        ipsec::set_u16(from_us, udp_at + 2, 61234);
        expect_passed(from_us);
    }
}

TEST_F(XdpProgram, LeavesAllElseToTheKernel) {
    const Bytes v4 = frame_to(here_v4, false);
    const Bytes v6 = frame_to(here_v6, false);
    for (const std::uint8_t protocol : std::array<std::uint8_t, 7>{1, 4, 6, 41, 51, 58, 108}) {
        SCOPED_TRACE(protocol);
        expect_passed(with(v4, ethernet + 9, protocol));
        expect_passed(with(v6, ethernet + 6, protocol));
    }
    // Extension headers: hop by hop, routing, fragment, destination options.
    for (const std::uint8_t header : std::array<std::uint8_t, 4>{0, 43, 44, 60}) {
        expect_passed(with(v6, ethernet + 6, header));
    }
    expect_passed(with(v4, 13, 0x06));               // ARP
    expect_passed(with(with(v4, 12, 0x81), 13, 0));  // a VLAN
    expect_passed(with(v4, ethernet, 0x46));         // options
    expect_passed(with(v4, ethernet, 0x65));         // no IPv4
    expect_passed(with(v6, ethernet, 0x45));         // no IPv6
    expect_passed(with(v4, ethernet + 6, 0x60));     // more fragments
    expect_passed(with(v4, ethernet + 7, 0x01));     // a later fragment
    expect_passed(with(v4, ethernet + 6, 0x10));     // a much later one
    expect_passed(of_size(v4, ethernet + 20 + 7));   // too short for ESP
    expect_passed(of_size(v6, ethernet + 40 + 7));
    expect_passed(of_size(frame_to(here_v4, true), ethernet + 20 + 8 + 7));
}

TEST_F(XdpProgram, LeavesWhatHasNoRoomInAFrame) {
    const std::size_t in_front = ethernet + 20;
    expect_taken(frame_to(here_v4, false, frame_max - in_front));
    expect_passed(frame_to(here_v4, false, frame_max - in_front + 1));
}

TEST_F(XdpProgram, TakesNothingBeforeItIsTold) {
    targets_->take(false, nat_t);
    expect_passed(frame_to(here_v4, false));
    targets_->take(true, 0);
    expect_taken(frame_to(here_v4, false));
    Bytes to_port_0 = frame_to(here_v4, true);
    ipsec::set_u16(to_port_0, ethernet + 22, 0);
    expect_passed(to_port_0);
}

TEST_F(XdpProgram, TakesNoUdpWhereThePacketsMayBeRuns) {
    load(false);
    for (const IpAddress& local : {here_v4, here_v6}) {
        expect_taken(frame_to(local, false));
        expect_passed(frame_to(local, true));
    }
}

TEST_F(XdpProgram, KnowsManyAddressesAndForgetsThem) {
    std::vector<IpAddress> many;
    for (std::uint32_t i = 0; i < 300; ++i) { many.push_back(IpAddress::v4(0x0a000001 + i * 251)); }
    targets_->set_addresses(many);
    std::size_t taken = 0;
    for (const IpAddress& one : many) {
        if (verdict(frame_to(one, false)) == XDP_REDIRECT) { ++taken; }
    }
    // Those without room are the kernel's.
    EXPECT_GE(taken, many.size() - 3);
    expect_passed(frame_to(here_v4, false));
    targets_->set_addresses({});
    for (const IpAddress& one : many) { expect_passed(frame_to(one, false)); }
}

TEST_F(XdpProgram, WhatItTakesCanBeRead) {
    for (const IpAddress& local : {here_v4, here_v6}) {
        for (const bool udp : {false, true}) {
            Bytes frame = of_size(frame_to(local, udp, 16), 120);
            const auto arrival = arrival_in(frame);
            ASSERT_TRUE(arrival);
            EXPECT_EQ(arrival->local.address, local);
            EXPECT_EQ(arrival->remote.address, local.is_v4() ? there_v4 : there_v6);
            EXPECT_EQ(arrival->in_udp(), udp);
            EXPECT_EQ(arrival->remote.port, udp ? 61234 : 0);
            EXPECT_EQ(arrival->traffic_class, 0x2e);
            EXPECT_EQ(arrival->hop_limit, 61);
            const std::size_t header = !udp && local.is_v4() ? 20 : 0;
            EXPECT_EQ(arrival->octets.size(), header + 16);
            EXPECT_EQ(to_bytes(arrival->octets.subspan(header)), Bytes(16, 0x5a));
        }
    }
}

}  // namespace
}  // namespace culvert::plane
