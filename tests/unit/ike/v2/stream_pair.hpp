#pragma once
// Two engines between which UDP may be silent and TCP connections carry IKE (RFC 9329): in order,
// without loss, until one is broken.

#include <map>
#include <optional>

#include "engine_pair.hpp"

namespace culvert::ike::v2 {

class StreamPair {
 public:
    StreamPair(Config first, Config second) : one(std::move(first), 1), two(std::move(second), 2) {}

    Side one;
    Side two;
    Instant now{std::chrono::seconds{1000}};
    bool udp_passes = false;
    bool tcp_passes = true;         // false: refused
    bool closes_at_once = false;    // a box that takes every connection and closes it
    bool only_one_notices = false;  // of a break
    bool first_swallows =
        false;  // the first stream: what is sent in it is lost, and nobody notices
    // The message of this number (from 0, over TCP) is lost with its connection.
    std::optional<unsigned> break_at{};
    unsigned carried = 0;  // messages over TCP
    unsigned opened = 0;
    unsigned datagrams = 0;  // over UDP, whether they arrive or not

    void feed(Side& side, Input input) {
        side.take(side.engine().handle(std::move(input), now));
        settle();
    }
    std::uint64_t begin(Side& side) {
        feed(side, Initiate{.id = CommandId{++commands_}, .connection = "gw", .child = "net"});
        return commands_;
    }
    // The command's end, after up to `time`.
    Status up(Side& side, std::chrono::seconds time = std::chrono::seconds{60}) {
        const std::uint64_t id = begin(side);
        for (const Instant end = now + time; now < end && !side.ended(id);) {
            pass(std::chrono::seconds{1});
        }
        return side.ended(id).value_or(
            std::unexpected(Error{.received = "the command has not ended"}));
    }
    void pass(std::chrono::seconds time) {
        for (const Instant end = now + time; now < end;) {
            now = std::min(end, now + std::chrono::milliseconds{500});
            one.take(one.engine().tick(now));
            two.take(two.engine().tick(now));
            settle();
        }
    }
    void break_all() {
        while (!ends_.empty()) { break_stream(ends_.begin()->first); }
        settle();
    }
    std::size_t streams() const { return ends_.size(); }

    void settle() {
        for (bool busy = true; busy;) { busy = carry_out(one, two) || carry_out(two, one); }
    }

 private:
    // By its id at side one: that at side two, and the port that side one has.
    struct Ends {
        StreamId other{};
        std::uint16_t port = 0;
    };
    using Streams = std::map<StreamId, Ends>;

    Streams::iterator find(const Side& side, StreamId id) {
        return std::ranges::find_if(ends_, [&](const auto& entry) {
            return (&side == &one ? entry.first : entry.second.other) == id;
        });
    }

    bool carry_out(Side& side, Side& other) {
        bool busy = false;
        // Each only once: what was done is kept for the tests to look at.
        const auto fresh = []<class T>(std::size_t& seen, const std::vector<const T*>& all) {
            std::vector<T> out;
            for (; seen < all.size(); ++seen) { out.push_back(*all[seen]); }
            return out;
        };
        auto& mine = &side == &one ? seen_one_ : seen_two_;
        for (const OpenStream& open : fresh(mine.opens, side.all<OpenStream>())) {
            busy = true;
            open_stream(side, open);
        }
        for (Datagram& datagram : std::exchange(side.out, {})) {
            busy = true;
            carry(side, other, std::move(datagram));
        }
        // Behind what was sent before.
        for (const CloseStream& close : fresh(mine.closes, side.all<CloseStream>())) {
            busy = true;
            const auto found = find(side, close.id);
            if (found == ends_.end()) { continue; }
            const StreamId theirs = &side == &one ? found->second.other : found->first;
            ends_.erase(found);
            tell_broken(other, theirs);
        }
        return busy;
    }

    void open_stream(Side& side, const OpenStream& open) {
        EXPECT_EQ(&side, &one) << "only who began may open";
        ++opened;
        if (!tcp_passes) {
            side.take(side.engine().handle(StreamBroken{.id = open.id,
                                                        .remote = open.remote,
                                                        .why = {.received = "connection refused"}},
                                           now));
            return;
        }
        const auto port = static_cast<std::uint16_t>(40000 + opened);
        ends_.emplace(open.id, Ends{.other = StreamId{opened}, .port = port});
        side.take(side.engine().handle(
            StreamOpened{.id = open.id, .local = {open.local.address, port}}, now));
        if (closes_at_once) { break_stream(open.id); }
    }

    void carry(Side& side, Side& other, Datagram datagram) {
        if (datagram.stream == StreamId{}) {
            ++datagrams;
            if (!udp_passes) { return; }
            std::swap(datagram.local, datagram.remote);
            return other.take(other.engine().handle(std::move(datagram), now));
        }
        const auto found = find(side, datagram.stream);
        if (found == ends_.end()) { return; }
        if (first_swallows && found->second.port == 40001) { return; }
        if (carried++ == break_at) { return break_stream(found->first); }
        const Endpoint client{ip("192.0.2.1"), found->second.port};
        const Endpoint server{ip("192.0.2.2"), 4500};
        const bool forth = &side == &one;
        datagram.local = forth ? server : client;
        datagram.remote = forth ? client : server;
        datagram.stream = forth ? found->second.other : found->first;
        datagram.non_esp_marker = true;
        other.take(other.engine().handle(std::move(datagram), now));
    }

    void break_stream(StreamId id) {
        const auto found = ends_.find(id);
        const StreamId theirs = found->second.other;
        ends_.erase(found);
        if (!only_one_notices) { tell_broken(two, theirs); }
        tell_broken(one, id);
    }

    void tell_broken(Side& side, StreamId id) {
        side.take(side.engine().handle(
            StreamBroken{.id = id, .why = {.received = "connection reset by peer"}}, now));
    }

    struct Seen {
        std::size_t opens = 0;
        std::size_t closes = 0;
    };
    Seen seen_one_;
    Seen seen_two_;
    Streams ends_;
    std::uint64_t commands_ = 0;
};

}  // namespace culvert::ike::v2
