#pragma once
// A daemon behind the client's stream: answers by a table, and keeps what was asked. The protocol
// is the real one (vici::ServerSession).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/context.hpp"
#include "vici/server_session.hpp"

namespace culvert::cli {

struct Streamed {
    std::string event;
    std::vector<vici::Message> messages;
};

class FakeDaemon {
 public:
    using Answer = std::function<vici::Message(const vici::Message&)>;

    void answers(const std::string& command, Answer answer) {
        answers_[command] = std::move(answer);
    }
    void answers(const std::string& command, vici::Message message) {
        answers_[command] = [message](const vici::Message&) { return message; };
    }
    void streams(const std::string& command, Streamed streamed) {
        streams_[command] = std::move(streamed);
        answers_.emplace(command, [](const vici::Message&) { return vici::Message{}; });
    }
    // An event that everybody gets who subscribed, as soon as somebody waits.
    void will_raise(std::string event, vici::Message message) {
        raised_.emplace_back(std::move(event), std::move(message));
    }

    // The commands that were asked for, in order, with what they carried.
    std::vector<vici::Request> requests;

    OpenDaemon opener() {
        return [this](std::string_view) -> Result<std::unique_ptr<vici::ByteStream>> {
            return std::make_unique<Stream>(*this);
        };
    }

 private:
    class Stream final : public vici::ByteStream {
     public:
        explicit Stream(FakeDaemon& daemon) : daemon_(daemon), session_(daemon.catalog()) {}

        Status write(ByteView octets) override {
            const auto request = session_.receive(octets);
            if (!request) { return std::unexpected(request.error()); }
            if (*request) { daemon_.serve(session_, **request); }
            return {};
        }
        Result<std::size_t> read(MutableByteView into) override {
            if (session_.output().empty()) {
                for (const auto& [event, message] : std::exchange(daemon_.raised_, {})) {
                    session_.raise(event, message);
                }
            }
            const std::size_t count = std::min(into.size(), session_.output().size());
            std::ranges::copy(session_.output().first(count), into.begin());
            session_.written(count);
            return count;  // zero: the daemon has gone
        }

     private:
        FakeDaemon& daemon_;
        vici::ServerSession session_;
    };

    vici::Catalog catalog() const {
        vici::Catalog out;
        for (const auto& [command, answer] : answers_) { out.commands.insert(command); }
        out.events = vici::protocol_events();
        out.events.emplace("culvert-failure");
        return out;
    }

    void serve(vici::ServerSession& session, const vici::Request& request) {
        requests.push_back(request);
        if (const auto found = streams_.find(request.command); found != streams_.end()) {
            for (const vici::Message& one : found->second.messages) {
                session.stream(found->second.event, one);
            }
        }
        session.respond(answers_.at(request.command)(request.message));
    }

    std::map<std::string, Answer> answers_;
    std::map<std::string, Streamed> streams_;
    std::vector<std::pair<std::string, vici::Message>> raised_;
};

class Paper final : public Output {
 public:
    void out(std::string_view text) override { printed += text; }
    void err(std::string_view text) override { errors += text; }
    std::string printed;
    std::string errors;
};

// list-sa and list-conn as the daemon makes them.
inline vici::Message an_sa() {
    vici::Section child;
    child.set("name", "net").set("uniqueid", "3").set("state", "INSTALLED");
    child.set("mode", "TUNNEL").set("protocol", "ESP").set("encap", "yes");
    child.set("spi-in", "c0000001").set("spi-out", "c0000002");
    child.set("encr-alg", "AES_GCM_16").set("encr-keysize", "256");
    child.set("bytes-in", "1500").set("packets-in", "3").set("use-in", "4");
    child.set("install-time", "70");
    child.set("bytes-out", "2500000").set("packets-out", "1700").set("rekey-time", "3000");
    child.set("local-ts", vici::List{"10.1.0.0/16"}).set("remote-ts", vici::List{"10.2.0.0/16"});
    vici::Section ike;
    ike.set("uniqueid", "1").set("version", "2").set("state", "ESTABLISHED");
    ike.set("local-host", "192.0.2.1").set("local-port", "500").set("local-id", "moon");
    ike.set("remote-host", "192.0.2.2").set("remote-port", "4500").set("remote-id", "sun");
    ike.set("nat-any", "yes").set("nat-remote", "yes");
    ike.set("encr-alg", "AES_GCM_16")
        .set("encr-keysize", "256")
        .set("prf-alg", "PRF_HMAC_SHA2_384");
    ike.set("dh-group", "ECP_384").set("established", "75").set("culvert-handshake-us", "12345");
    ike.set("child-sas", vici::Section{}.set("net-3", std::move(child)));
    return vici::Message{}.set("home", std::move(ike));
}

inline vici::Message a_connection(const std::string& name,
                                  const std::vector<std::string>& children) {
    vici::Section all;
    for (const std::string& child : children) {
        all.set(child, vici::Section{}.set("mode", child == "lan" ? "PASS" : "TUNNEL"));
    }
    vici::Section connection;
    connection.set("remote_addrs", vici::List{"192.0.2.2"}).set("children", std::move(all));
    return vici::Message{}.set(name, std::move(connection));
}

}  // namespace culvert::cli
