// One end of a tunnel whose SAs are made by hand: the user plane apart from any key exchange, for
// benches and for runs under sanitizers. The keys are known to everyone.
//   plane_end SIDE LOCAL REMOTE LOCAL-TS REMOTE-TS [native] [rekey] [workers=N]
// SIDE is 1 or 2. `rekey`: every second by the clock of the wall both ends install another SA, send
// on it half a second later and remove it four seconds after.

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "plane/user/user_plane.hpp"

namespace culvert {
namespace {

volatile std::sig_atomic_t ended = 0;

class Events final : public plane::PlaneEvents {
 public:
    void ike_datagram(plane::IkeDatagram) override {}
    void acquire(ReqId, TrafficSelector, TrafficSelector) override {}
    void expire(ChildSaId, plane::ExpireKind) override {}
    void mapping_changed(ChildSaId, Endpoint) override {}
    void addresses_changed() override {}
    void send_failed(Endpoint, Error why) override { fmt::print("{}\n", explain(why)); }
    void warning(Error what) override { fmt::print("{}\n", explain(what)); }
};

struct Options {
    std::uint32_t side = 1;
    IpAddress local, remote;
    std::string_view local_ts, remote_ts;
    bool native = false;
    bool rekey = false;
    unsigned workers = 0;
};

ChildSa child_sa(const Options& options, std::uint32_t number) {
    ChildSa sa;
    sa.id = ChildSaId{number};
    sa.reqid = ReqId{1};
    sa.connection = sa.name = "bench";
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 256};
    sa.local = {options.local, 4500};
    sa.remote = {options.remote, 4500};
    sa.udp_encap = !options.native;
    // Those that follow one another keep their worker.
    const std::uint32_t spi = 0x10000000 | (number & 0xfffff) << 8U;
    sa.inbound_spi = EspSpi{spi + options.side};
    sa.outbound_spi = EspSpi{spi + 3 - options.side};
    sa.inbound.encryption = Secret(36);
    sa.outbound.encryption = Secret(36);
    sa.inbound.encryption.write()[0] = static_cast<std::uint8_t>(sa.inbound_spi.value());
    sa.outbound.encryption.write()[0] = static_cast<std::uint8_t>(sa.outbound_spi.value());
    sa.local_ts = {*TrafficSelector::parse(options.local_ts)};
    sa.remote_ts = {*TrafficSelector::parse(options.remote_ts)};
    sa.replay_window = 4096;
    sa.behind_older = options.rekey;
    return sa;
}

int run(const Options& options) {
    Events events;
    plane::PlaneSettings settings;
    settings.state_dir = fmt::format("/tmp/plane-end.{}", options.side);
    settings.workers = options.workers;
    const auto plane = plane::make_user_plane(settings);
    if (auto done = plane->start(events); !done) {
        fmt::print("{}\n", explain(done.error()));
        return 1;
    }
    fmt::print("{}\n", plane->description());
    static_cast<void>(std::fflush(stdout));
    // Numbers by the clock of the wall: both ends agree on them.
    const auto second = [] {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const auto count = std::chrono::duration_cast<std::chrono::seconds>(now).count();
        return static_cast<std::uint32_t>(count % 100'000'000);
    };
    std::uint32_t last = options.rekey ? second() : 1;
    if (auto done = plane->install(child_sa(options, last)); !done) {
        fmt::print("{}\n", explain(done.error()));
        return 1;
    }
    int until_sending = 0;
    while (ended == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        if (!options.rekey) { continue; }
        if (second() == last) {
            // The other end has it by now.
            if (--until_sending == 0) { plane->stop_sending(ChildSaId{last - 1}); }
            continue;
        }
        last = second();
        until_sending = 50;
        if (auto done = plane->install(child_sa(options, last)); !done) {
            fmt::print("{}\n", explain(done.error()));
        }
        plane->remove(ChildSaId{last - 4});
    }
    for (const auto& [name, value] : plane->statistics()) {
        if (value != 0) { fmt::print("{} {}\n", name, value); }
    }
    return 0;
}

}  // namespace
}  // namespace culvert

int main(int argc, char** argv) {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    if (words.size() < 5) {
        fmt::print(
            "usage: plane_end 1|2 LOCAL REMOTE LOCAL-TS REMOTE-TS [native] [rekey] [workers=N]\n");
        return 2;
    }
    culvert::Options options;
    options.side = words[0] == "1" ? 1 : 2;
    const auto local = culvert::IpAddress::parse(words[1]);
    const auto remote = culvert::IpAddress::parse(words[2]);
    if (!local || !remote) {
        fmt::print("LOCAL and REMOTE are IP addresses\n");
        return 2;
    }
    options.local = *local;
    options.remote = *remote;
    options.local_ts = words[3];
    options.remote_ts = words[4];
    for (const std::string_view word : words) {
        options.native = options.native || word == "native";
        options.rekey = options.rekey || word == "rekey";
        if (word.starts_with("workers=")) {
            std::from_chars(word.data() + 8, word.data() + word.size(), options.workers);
        }
    }
    for (const int number : {SIGINT, SIGTERM}) {
        std::signal(number, [](int) { culvert::ended = 1; });
    }
    return culvert::run(options);
}
