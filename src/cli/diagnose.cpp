// diagnose NAME: from this host to the hosts behind the peer, step by step, each with what failed
// and what to do.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.hpp"
#include "cli/diagnose_stages.hpp"
#include "cli/render.hpp"
#include "cli/target.hpp"
#include "config/nearest.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::cli {
namespace {

constexpr std::int64_t patience_s = 30;  // for the handshake, unless --timeout says otherwise
// Of inner packets: below the first every IPv6 path breaks (RFC 8200 5); the second is an Ethernet.
constexpr unsigned packet_least = 1280;
constexpr unsigned packet_most = 1500;
constexpr unsigned packet_small = 100;

enum class Outcome : std::uint8_t { passed, failed, skipped };

std::string_view word(Outcome outcome) {
    switch (outcome) {
        case Outcome::passed: return "ok";
        case Outcome::failed: return "FAILED";
        case Outcome::skipped: return "skipped";
    }
    return "skipped";
}

std::uint64_t number(const vici::Section& section, std::string_view key) {
    const std::string text = section.value_or(key, "0");
    std::uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

class Diagnosis {
 public:
    Diagnosis(const Context& context, vici::Client& client, Target target,
              const Messages& connections)
        : context_(context), client_(client), target_(std::move(target)) {
        for (const vici::Message& one : connections) {
            if (const vici::Section* found = one.section(target_.ike)) { connection_ = *found; }
        }
        if (target_.child.empty()) {
            const auto children = children_of(connections, target_.ike);
            if (!children.empty()) { target_.child = children.front(); }
        }
    }

    Exit run() {
        if (names_resolve() && handshake()) { packets(); }
        if (context_.json) {
            vici::Message out;
            out.set("success", failed_ ? "no" : "yes").set("connection", target_.ike);
            out.set("child", target_.child).set("steps", numbered(std::move(steps_)));
            print_json(context_, out);
        }
        return failed_ ? Exit::failed : Exit::ok;
    }

 private:
    void step(std::string_view name, Outcome outcome, const std::string& text,
              const std::string& remedy = {}) {
        failed_ = failed_ || outcome == Outcome::failed;
        if (context_.json) {
            vici::Message one;
            one.set("step", name).set("outcome", word(outcome)).set("text", text);
            one.set("remedy", remedy);
            steps_.push_back(std::move(one));
            return;
        }
        const Style style{context_.terminal};
        std::string shown = fmt::format("{:<8}", word(outcome));
        if (outcome == Outcome::passed) { shown = style.good(shown); }
        if (outcome == Outcome::failed) { shown = style.bad(shown); }
        context_.output.out(fmt::format("{} {:<15} {}\n", shown, name, text));
        if (!remedy.empty()) {
            context_.output.out(fmt::format("{:<24} to fix it: {}\n", "", remedy));
        }
    }
    void step(std::string_view name, const Error& error) {
        std::string text{culvert::name(error.code)};
        if (!error.wanted.empty()) { text += fmt::format(": wanted {}", error.wanted); }
        if (!error.received.empty()) { text += fmt::format("; got {}", error.received); }
        step(name, Outcome::failed, text, error.remedy);
    }

    bool names_resolve() {
        const vici::List* const addresses = connection_.list("remote_addrs");
        bool reachable = false;
        for (const std::string& text : addresses == nullptr ? vici::List{} : *addresses) {
            if (text.starts_with('%')) { continue; }
            reachable = true;
            if (IpRange::parse(text)) { continue; }
            const auto found = context_.probes->resolve(text);
            if (!found) {
                step("name", found.error());
                return false;
            }
            std::vector<std::string> shown;
            for (const IpAddress& address : *found) { shown.push_back(address.to_string()); }
            step("name", Outcome::passed, fmt::format("{} is {}", text, fmt::join(shown, ", ")));
        }
        if (!reachable && !standing()) {
            step("name", Outcome::failed, "remote_addrs names no peer: this side can only answer",
                 fmt::format("start it from the peer, or set connections.{}.remote_addrs",
                             target_.ike));
            return false;
        }
        return true;
    }

    // The IKE SA with the child, as list-sas has it.
    std::optional<vici::Section> standing() {
        const auto sas =
            listed(client_, "list-sas", "list-sa", vici::Message{}.set("ike", target_.ike));
        if (!sas) { return std::nullopt; }
        const vici::Message* const sa = sa_of(*sas, target_.ike, target_.child);
        if (sa == nullptr) { return std::nullopt; }
        const vici::Section* const ike = sa->section(target_.ike);
        return ike == nullptr ? std::nullopt : std::optional{*ike};
    }

    bool handshake() {
        auto ike = standing();
        if (!ike) {
            vici::Message message;
            message.set("ike", target_.ike);
            if (!target_.child.empty()) { message.set("child", target_.child); }
            const auto patience = context_.timeout_s > 0 ? context_.timeout_s : patience_s;
            message.set("timeout", fmt::format("{}", patience * 1000));
            began_ = std::chrono::steady_clock::now();
            const auto answer = ask(client_, "initiate", message);
            if (!answer) {
                tell_failure(answer.error());
                return false;
            }
            ike = standing();
        }
        if (!ike) {
            step("IKE_SA_INIT", Outcome::failed, "the SA came up and went at once",
                 "see culvert log for who closed it");
            return false;
        }
        tell_success(*ike);
        return true;
    }

    // Seconds since the try began. The daemon counts in whole ones, and a moment before us.
    std::uint64_t tried_for_s() const {
        const auto past = std::chrono::steady_clock::now() - began_;
        return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(past).count() +
                                          1);
    }

    // The exchange in which it ended stands in the newest failure that is kept of this connection;
    // one from before the try tells nothing of it.
    std::string exchange_of_failure() {
        const auto status = ask(client_, "culvert-status");
        const vici::Section* const failures = status ? status->section("failures") : nullptr;
        if (failures == nullptr) { return {}; }
        for (const vici::Entry& entry : failures->entries) {
            const auto* const failure = std::get_if<vici::Section>(&entry.element);
            if (failure != nullptr && failure->value_or("connection", "") == target_.ike &&
                number(*failure, "ago") <= tried_for_s()) {
                return failure->value_or("exchange", "");
            }
        }
        return {};
    }

    void tell_failure(const Error& error) {
        const std::string exchange = exchange_of_failure();
        if (exchange.empty() && error.code == ErrorCode::timed_out) {
            if (const auto unanswered = without_an_answer()) {
                return tell_stages(unanswered->stage, unanswered->error);
            }
        }
        tell_stages(stage_of(error, exchange), error);
    }

    // Our patience has ended before the daemon's, which asks the peer for minutes: what it waits
    // for shows in the IKE SA that is half there.
    std::optional<Unanswered> without_an_answer() {
        const auto sas =
            listed(client_, "list-sas", "list-sa", vici::Message{}.set("ike", target_.ike));
        if (!sas) { return std::nullopt; }
        const vici::Message* const sa = sa_of(*sas, target_.ike, "");
        const vici::Section* const ike = sa == nullptr ? nullptr : sa->section(target_.ike);
        if (ike == nullptr) { return std::nullopt; }
        return unanswered_of(*ike, tried_for_s() - 1);
    }

    void tell_stages(Stage failed, const Error& error) {
        constexpr std::array<std::pair<Stage, std::string_view>, 4> stages{
            {{Stage::answers, "port answers"},
             {Stage::suite, "IKE_SA_INIT"},
             {Stage::authentication, "authentication"},
             {Stage::child, "selectors"}}};
        for (const auto& [stage, name] : stages) {
            if (stage < failed) {
                step(name, Outcome::passed, "");
            } else if (stage == failed) {
                step(name, error);
            } else {
                step(name, Outcome::skipped, "");
            }
        }
    }

    void tell_success(const vici::Section& ike) {
        step("port answers", Outcome::passed,
             fmt::format("{}[{}]", ike.value_or("remote-host", "?"),
                         ike.value_or("remote-port", "?")));
        step("IKE_SA_INIT", Outcome::passed, suite_of(ike));
        const bool here = ike.value_or("nat-local", "no") == "yes";
        const bool there = ike.value_or("nat-remote", "no") == "yes";
        step("NAT", Outcome::passed,
             here && there ? "at both ends: ESP travels in UDP"
             : here        ? "on this side: ESP travels in UDP"
             : there       ? "at the peer: ESP travels in UDP"
                     : "none: ESP travels as protocol 50, unless encap is set or both are Culvert");
        step("authentication", Outcome::passed,
             fmt::format("{} and {}", ike.value_or("local-id", "?"),
                         ike.value_or("remote-id", "?")));
        const vici::Section* const child = child_of(ike);
        if (child == nullptr) {
            step("selectors", Outcome::skipped, "an IKE SA without a child");
            return;
        }
        step("selectors", Outcome::passed,
             fmt::format("{} === {}, {}", fmt::join(list_of(*child, "local-ts"), " "),
                         fmt::join(list_of(*child, "remote-ts"), " "), suite_of(*child)));
    }

    static vici::List list_of(const vici::Section& section, std::string_view key) {
        const vici::List* const list = section.list(key);
        return list == nullptr ? vici::List{} : *list;
    }

    const vici::Section* child_of(const vici::Section& ike) const {
        const vici::Section* const children = ike.section("child-sas");
        if (children == nullptr) { return nullptr; }
        for (const vici::Entry& entry : children->entries) {
            const auto* const child = std::get_if<vici::Section>(&entry.element);
            if (child != nullptr && child->value_or("name", "") == target_.child) { return child; }
        }
        return nullptr;
    }

    struct Ends {
        IpAddress from;
        IpAddress to;
    };
    // An own address inside the local selectors, and the first host of the remote ones.
    std::optional<Ends> ends_of(const vici::Section& child) {
        for (const std::string& local : list_of(child, "local-ts")) {
            const auto ours = TrafficSelector::parse(local);
            if (!ours) { continue; }
            const auto from = context_.probes->own_address_in(ours->addresses);
            for (const std::string& remote : list_of(child, "remote-ts")) {
                const auto theirs = TrafficSelector::parse(remote);
                if (!from || !theirs || theirs->addresses.family() != from->family()) { continue; }
                if (context_.ping_to) {
                    if (theirs->addresses.contains(*context_.ping_to)) {
                        return Ends{*from, *context_.ping_to};
                    }
                    continue;
                }
                IpAddress to = theirs->addresses.first;
                if (to != theirs->addresses.last) { to = to.next().value_or(to); }
                return Ends{*from, to};
            }
        }
        return std::nullopt;
    }

    void packets() {
        const auto before = standing();
        const vici::Section* const child = before ? child_of(*before) : nullptr;
        if (child == nullptr) { return; }
        const auto ends = ends_of(*child);
        if (!ends) {
            step("ESP passes", Outcome::skipped,
                 "this host has no address in the local selectors to ping from",
                 "ping from a host behind it, or name one behind the peer with --ping ADDRESS");
            return;
        }
        const std::string pair =
            fmt::format("{} to {}", ends->from.to_string(), ends->to.to_string());
        const auto answered = context_.probes->ping(ends->from, ends->to, packet_small);
        if (!answered) {
            step("ESP passes", Outcome::skipped,
                 fmt::format("no ping could be sent: {}", answered.error().received),
                 answered.error().remedy);
            return;
        }
        if (!*answered) { return no_answer(*child, pair); }
        step("ESP passes", Outcome::passed, fmt::format("a ping from {} came back", pair));
        largest_packet(*ends);
    }

    void no_answer(const vici::Section& before, const std::string& pair) {
        const auto ike = standing();
        const vici::Section* const after = ike ? child_of(*ike) : nullptr;
        if (after == nullptr) {
            step("ESP passes", Outcome::failed, "the Child SA went away meanwhile",
                 "see culvert log for who closed it");
        } else if (number(*after, "packets-out") == number(before, "packets-out")) {
            step("ESP passes", Outcome::failed,
                 fmt::format("the ping from {} did not enter the tunnel", pair),
                 "look at the routes (ip route get), and whether install_routes is off");
        } else if (number(*after, "packets-in") == number(before, "packets-in")) {
            const bool udp = after->value_or("encap", "no") == "yes";
            step("ESP passes", Outcome::failed,
                 fmt::format("the ping from {} left, and nothing came back", pair),
                 fmt::format("let {} through both ways in all firewalls between, and see whether "
                             "the host answers pings at all (--ping names another)",
                             udp ? "UDP 4500" : "IP protocol 50 (or set encap = yes)"));
        } else {
            step("ESP passes", Outcome::passed,
                 fmt::format("packets come in, but the ping from {} was not answered", pair));
        }
    }

    void largest_packet(const Ends& ends) {
        unsigned passes = packet_small;
        unsigned too_large = packet_most + 1;
        while (too_large - passes > 1) {
            const unsigned size = passes + (too_large - passes) / 2;
            const bool passed = context_.probes->ping(ends.from, ends.to, size).value_or(false);
            (passed ? passes : too_large) = size;
        }
        const bool enough = passes >= packet_least;
        step("largest packet", enough ? Outcome::passed : Outcome::failed,
             fmt::format("{} octets pass unfragmented", passes),
             enough ? ""
                    : "a link on the way takes less than usual and says nothing: lower the MTU of "
                      "the tunnel's route, or clamp the TCP MSS to fit");
    }

    const Context& context_;
    vici::Client& client_;
    Target target_;
    vici::Section connection_;
    std::chrono::steady_clock::time_point began_{};
    Messages steps_;
    bool failed_ = false;
};

Error no_such_child(const Target& target, const std::vector<std::string>& children) {
    const auto meant = config::nearest(target.child, {children.begin(), children.end()});
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the child {} of the connection {}", printable(target.child),
                                  printable(target.ike)),
            .received = "nothing of this name that could be up is loaded",
            .remedy = meant ? fmt::format("did you mean {}?", *meant)
                            : "see culvert status for what there is"};
}

}  // namespace

Exit diagnose(const Context& context, std::string_view name) {
    const std::string what = fmt::format("diagnose {}", name);
    return with_daemon(context, what, [&](vici::Client& client) {
        const auto connections = listed(client, "list-conns", "list-conn");
        if (!connections) { return fail(context, what, connections.error()); }
        const auto target = target_of(*connections, name);
        if (!target) { return fail(context, what, target.error()); }
        const auto children = children_of(*connections, target->ike);
        if (!target->child.empty() &&
            std::ranges::find(children, target->child) == children.end()) {
            return fail(context, what, no_such_child(*target, children));
        }
        return Diagnosis{context, client, *target, *connections}.run();
    });
}

}  // namespace culvert::cli
