#include "plane/null/null_plane.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "plane/ike_carrier.hpp"
#include "plane/poller.hpp"
#include "plane/tcp_streams.hpp"

namespace culvert::plane {
namespace {

class NullPlane final : public Plane {
 public:
    explicit NullPlane(const PlaneSettings& settings)
        : carrier_(settings), streams_({.mark_needed = false}, settings.port_tcp) {}
    NullPlane(const NullPlane&) = delete;
    NullPlane& operator=(const NullPlane&) = delete;
    NullPlane(NullPlane&&) = delete;
    NullPlane& operator=(NullPlane&&) = delete;
    ~NullPlane() override {
        streams_.stop();
        if (thread_.joinable()) {
            poller_->stop();
            thread_.join();
        }
    }

    Status start(PlaneEvents& events) override {
        if (auto done = carrier_.open(events, {.mark = false}); !done) { return done; }
        streams_.use(events, {});
        auto poller = Poller::make();
        if (!poller) { return std::unexpected(std::move(poller).error()); }
        poller_.emplace(std::move(*poller));
        if (auto done = carrier_.attach(*poller_, {}); !done) { return done; }
        thread_ = std::thread{[this] { poller_->run(); }};
        return {};
    }

    std::vector<int> ike_descriptors() const override {
        return carrier_.is_open() ? carrier_.sockets().descriptors() : std::vector<int>{};
    }
    void read_ike(int descriptor) override { carrier_.read_ike(descriptor); }
    void send_ike(IkeDatagram datagram) override {
        if (datagram.stream != StreamId{}) {
            return streams_.send_ike(datagram.stream, datagram.bytes);
        }
        carrier_.send(datagram);
    }
    void send_keepalive(Endpoint local, Endpoint remote) override {
        carrier_.send_keepalive(local, remote);
    }
    std::uint16_t ike_port() const override {
        return carrier_.is_open() ? carrier_.sockets().port() : std::uint16_t{0};
    }
    std::uint16_t nat_t_port() const override {
        return carrier_.is_open() ? carrier_.sockets().nat_t_port() : std::uint16_t{0};
    }
    std::optional<IpAddress> source_for(const IpAddress& remote) override {
        return carrier_.source_for(remote);
    }
    bool is_local_address(const IpAddress& address) override {
        return carrier_.is_local_address(address);
    }

    Status listen_tcp(bool wanted) override { return streams_.listen(wanted); }
    void open_stream(StreamId id, Endpoint local, Endpoint remote) override {
        streams_.open(id, local, remote);
    }
    void keep_stream(StreamId id) override { streams_.keep(id); }
    void close_stream(StreamId id) override { streams_.close(id); }

    Status install(ChildSa sa) override {
        const std::scoped_lock lock{mutex_};
        ++installed_ever_;
        sas_.insert(sa.id);
        return {};
    }
    void stop_sending(ChildSaId) override {}
    void retire(ChildSaId id) override { remove(id); }
    void remove(ChildSaId id) override {
        const std::scoped_lock lock{mutex_};
        sas_.erase(id);
    }
    Status update_endpoints(ChildSaId, Endpoint, Endpoint, bool, StreamId) override { return {}; }
    Status add_address(const IpAddress&) override { return {}; }
    Status add_policy(const Policy& policy) override {
        const std::scoped_lock lock{mutex_};
        policies_.emplace(policy.connection, policy.name);
        return {};
    }
    void remove_policy(const std::string& connection, const std::string& name) override {
        const std::scoped_lock lock{mutex_};
        policies_.erase({connection, name});
    }
    std::optional<ChildSaCounters> counters(ChildSaId id) override {
        const std::scoped_lock lock{mutex_};
        if (!sas_.contains(id)) { return std::nullopt; }
        return ChildSaCounters{};
    }
    std::map<std::string, std::uint64_t> statistics() override {
        std::map<std::string, std::uint64_t> out;
        carrier_.add_statistics(out);
        streams_.add_statistics(out);
        const std::scoped_lock lock{mutex_};
        out["sas"] = sas_.size();
        out["sas_installed"] = installed_ever_;
        out["policies"] = policies_.size();
        return out;
    }
    std::string description() override {
        return fmt::format("null (UDP {} and {}; packets are not carried)", ike_port(),
                           nat_t_port());
    }

 private:
    IkeCarrier carrier_;
    TcpStreams streams_;
    std::optional<Poller> poller_;
    std::thread thread_;

    std::mutex mutex_;
    std::set<ChildSaId> sas_;
    std::set<std::pair<std::string, std::string>> policies_;
    std::uint64_t installed_ever_ = 0;
};

}  // namespace

std::unique_ptr<Plane> make_null_plane(PlaneSettings settings) {
    return std::make_unique<NullPlane>(settings);
}

}  // namespace culvert::plane
