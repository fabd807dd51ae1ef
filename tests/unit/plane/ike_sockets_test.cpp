// Where the kernel brings what arrives on the NAT-T port.

#include "plane/ike_sockets.hpp"

#include <array>
#include <optional>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "plane/file_descriptor.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

constexpr unsigned workers = 3;

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
    };
    Got receive(const std::vector<int>& descriptors) {
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
            EXPECT_EQ(receive(sockets_->descriptors(worker)).esp, worker == owner ? 1 : 0)
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
    std::size_t reached = 0;
    for (const int one : sockets_->descriptors(0)) {  // of both families
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
    EXPECT_EQ(receive(sockets_->descriptors()).ike, 1);
}

TEST_F(Steering, WhatIsTooShortForAnSpiIsStillTaken) {
    send({0xff});
    send({1, 2, 3});
    send({});
    const Got got = receive(sockets_->descriptors(0));
    EXPECT_EQ(got.keep_alives, 1U);
    EXPECT_EQ(got.junk, 2U);
}

}  // namespace
}  // namespace culvert::plane
