// One end of a tunnel whose SAs are made by hand: the user plane apart from any key exchange, for
// benches and for runs under sanitizers. The keys are known to everyone.
//   plane_end SIDE LOCAL REMOTE LOCAL-TS REMOTE-TS [native] [rekey] [workers=N] [tunnels=N]
//     [state=FOLDER]
// SIDE is 1 or 2. `tunnels`: so many, all but the first of them with hosts that say nothing; what
// they cost in memory is told. `rekey`: each second by the clock of the wall has an SA of its own,
// which both ends install some seconds before, send on in that second, and remove some seconds
// after: neither may lose a packet to it, however late a busy machine lets either of them run, up
// to those seconds.

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

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
    std::uint32_t tunnels = 1;
    std::string state_dir;
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

// One of those beside the first.
ChildSa silent_sa(const Options& options, std::uint32_t number) {
    ChildSa sa = child_sa(options, number);
    sa.reqid = ReqId{number};
    const IpAddress host = IpAddress::v4((100U << 24U) + (64U << 16U) + number);  // RFC 6598
    sa.remote_ts = {TrafficSelector::of({host, host})};
    sa.replay_window = ChildSa{}.replay_window;
    return sa;
}

// Resident memory of this process.
std::size_t resident_octets() {
    std::ifstream in{"/proc/self/statm"};
    std::size_t pages = 0;
    in >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

Status install_silent(plane::Plane& plane, const Options& options) {
    const std::size_t before = resident_octets();
    const auto began = std::chrono::steady_clock::now();
    for (std::uint32_t number = 2; number <= options.tunnels; ++number) {
        if (auto done = plane.install(silent_sa(options, number)); !done) { return done; }
    }
    if (options.tunnels > 1) {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        std::this_thread::sleep_for(std::chrono::seconds{6});  // the plane's own clock comes round
        fmt::print("{} tunnels more in {:.1f} s, {} octets each\n", options.tunnels - 1,
                   took.count(), (resident_octets() - before) / (options.tunnels - 1));
        static_cast<void>(std::fflush(stdout));
    }
    return {};
}

// The SAs of one end whose numbers are seconds of the clock of the wall: both ends agree on them.
class Churn {
 public:
    // How long an SA is there before its second, and after it.
    static constexpr std::uint32_t seconds_before = 3;
    static constexpr std::uint32_t seconds_after = 4;

    Churn(plane::Plane& plane, const Options& options)
        : plane_(plane), options_(options), next_(now()), sending_(next_), oldest_(next_) {}

    // Whatever was missed since the last time is made good, second by second.
    Status follow() {
        const std::uint32_t second = now();
        for (; next_ <= second + seconds_before; ++next_) {
            if (auto done = plane_.install(child_sa(options_, next_)); !done) { return done; }
        }
        // The oldest that sends is the one that is used.
        for (; sending_ < second; ++sending_) { plane_.stop_sending(ChildSaId{sending_}); }
        for (; oldest_ + seconds_after < second; ++oldest_) { plane_.remove(ChildSaId{oldest_}); }
        return {};
    }

 private:
    static std::uint32_t now() {
        const auto since = std::chrono::system_clock::now().time_since_epoch();
        const auto count = std::chrono::duration_cast<std::chrono::seconds>(since).count();
        return static_cast<std::uint32_t>(count % 100'000'000);
    }

    plane::Plane& plane_;
    const Options& options_;
    std::uint32_t next_;     // to install
    std::uint32_t sending_;  // the oldest that sends
    std::uint32_t oldest_;   // that is there
};

int run(const Options& options) {
    Events events;
    plane::PlaneSettings settings;
    settings.state_dir = options.state_dir;
    settings.workers = options.workers;
    const auto plane = plane::make_user_plane(settings);
    if (auto done = plane->start(events); !done) {
        fmt::print("{}\n", explain(done.error()));
        return 1;
    }
    fmt::print("{}\n", plane->description());
    static_cast<void>(std::fflush(stdout));
    Churn churn{*plane, options};
    Status done = options.rekey ? churn.follow() : plane->install(child_sa(options, 1));
    if (done) { done = install_silent(*plane, options); }
    while (done && ended == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
        if (options.rekey) { done = churn.follow(); }
    }
    if (!done) {
        fmt::print("{}\n", explain(done.error()));
        return 1;
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
            "usage: plane_end 1|2 LOCAL REMOTE LOCAL-TS REMOTE-TS [native] [rekey] [workers=N] "
            "[tunnels=N] [state=FOLDER]\n");
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
    options.state_dir = fmt::format("/tmp/plane-end.{}", options.side);
    for (const std::string_view word : words) {
        options.native = options.native || word == "native";
        options.rekey = options.rekey || word == "rekey";
        for (const auto& [name, value] :
             {std::pair{std::string_view{"workers="}, &options.workers},
              std::pair{std::string_view{"tunnels="}, &options.tunnels}}) {
            if (word.starts_with(name)) {
                std::from_chars(word.data() + name.size(), word.data() + word.size(), *value);
            }
        }
        if (word.starts_with("state=")) { options.state_dir = word.substr(6); }
    }
    for (const int number : {SIGINT, SIGTERM}) {
        std::signal(number, [](int) { culvert::ended = 1; });
    }
    return culvert::run(options);
}
