// Where the kernel brings what arrives on the NAT-T port.

#include "plane/ike_sockets.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "plane/file_descriptor.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr unsigned workers = 3;
constexpr int patience_ms = 5000;  // that a busy kernel has to deliver

std::size_t readable(const std::vector<int>& descriptors) {
    std::vector<pollfd> asked;
    for (const int fd : descriptors) { asked.push_back({.fd = fd, .events = POLLIN}); }
    return static_cast<std::size_t>(std::max(::poll(asked.data(), asked.size(), 0), 0));
}

class Steering : public testing::Test {
 protected:
    void SetUp() override {
        PlaneSettings settings;
        settings.port = 0;
        settings.port_nat_t = 0;
        auto opened = IkeSockets::open(settings, {.mark = false, .workers = workers});
        ASSERT_TRUE(opened) << explain(opened.error());
        sockets_.emplace(std::move(*opened));
        sender_ = FileDescriptor{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    }

    void send(const Bytes& octets) const {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = __builtin_bswap16(sockets_->nat_t_port());
        to.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
        ASSERT_EQ(::sendto(sender_.get(), octets.data(), octets.size(), 0,
                           reinterpret_cast<const sockaddr*>(&to), sizeof to),
                  static_cast<ssize_t>(octets.size()));
    }
    struct Got {
        int ike = 0;
        int esp = 0;
        std::uint64_t junk = 0;
        std::uint64_t keep_alives = 0;

        std::uint64_t all() const {
            return static_cast<std::uint64_t>(ike + esp) + junk + keep_alives;
        }
    };
    // What is there, once as much as expected is.
    Got receive(const std::vector<int>& descriptors, std::uint64_t expected = 0) {
        Got out = take(descriptors);
        std::vector<pollfd> wait;
        for (const int fd : descriptors) { wait.push_back({.fd = fd, .events = POLLIN}); }
        while (out.all() < expected && ::poll(wait.data(), wait.size(), patience_ms) > 0) {
            const Got more = take(descriptors);
            out.ike += more.ike;
            out.esp += more.esp;
            out.junk += more.junk;
            out.keep_alives += more.keep_alives;
        }
        return out;
    }
    Got take(const std::vector<int>& descriptors) {
        Got out;
        IkeSockets::Sink sink;
        sink.ike = [&](const IkeDatagram&) { ++out.ike; };
        sink.esp = [&](const Arrival&) { ++out.esp; };
        for (const int fd : descriptors) {
            while (sockets_->receive(fd, buffers_, sink).count != 0) {}
        }
        out.junk = sink.junk;
        out.keep_alives = sink.keep_alives;
        return out;
    }

    std::optional<IkeSockets> sockets_;
    FileDescriptor sender_;
    ReceiveBuffers buffers_;
};

TEST_F(Steering, EspComesToTheWorkerThatItsSpiNames) {
    for (unsigned low = 0; low < 256; ++low) {
        Bytes esp(64);
        esp[0] = 0xc1;
        esp[2] = static_cast<std::uint8_t>(low * 7);
        esp[3] = static_cast<std::uint8_t>(low);
        send(esp);
        const unsigned owner = (low & spi_worker_mask) % workers;
        for (unsigned worker = 0; worker < workers; ++worker) {
            const bool owned = worker == owner;
            EXPECT_EQ(receive(sockets_->descriptors(worker), owned ? 1 : 0).esp, owned ? 1 : 0)
                << "SPI ends with " << low << ", worker " << worker;
        }
        EXPECT_EQ(receive(sockets_->descriptors()).esp, 0);
    }
}

// Of one worker, so that a flood under one SPI does not fill what others arrive by.
TEST_F(Steering, SpisOfOneWorkerHaveSeveralSockets) {
    for (unsigned lane = 0; lane < receive_lanes; ++lane) {
        Bytes esp(64);
        esp[0] = 0xc1;
        esp[3] = static_cast<std::uint8_t>(lane * workers);
        send(esp);
    }
    // The last one sent has arrived when as many sockets have something to read.
    const auto theirs = sockets_->descriptors(0);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
    while (readable(theirs) < receive_lanes && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    std::size_t reached = 0;
    for (const int one : theirs) {  // of both families
        const int got = receive({one}).esp;
        EXPECT_LE(got, 1);
        if (got == 1) { ++reached; }
    }
    EXPECT_EQ(reached, receive_lanes);
}

TEST_F(Steering, IkeComesToItsOwnSocketAndNoWorker) {
    Bytes ike(4 + 28);
    ike[4] = 1;
    send(ike);
    for (unsigned worker = 0; worker < workers; ++worker) {
        EXPECT_EQ(receive(sockets_->descriptors(worker)).ike, 0);
    }
    EXPECT_EQ(receive(sockets_->descriptors(), 1).ike, 1);
}

TEST_F(Steering, WhatIsTooShortForAnSpiIsStillTaken) {
    send({0xff});
    send({1, 2, 3});
    send({});
    const Got got = receive(sockets_->descriptors(0), 3);
    EXPECT_EQ(got.keep_alives, 1U);
    EXPECT_EQ(got.junk, 2U);
}

}  // namespace
}  // namespace culvert::plane
