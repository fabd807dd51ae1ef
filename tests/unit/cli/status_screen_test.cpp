#include "cli/status_screen.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/drop_words.hpp"
#include "fake_daemon.hpp"
#include "ipsec/drop_reason.hpp"

namespace culvert::cli {
namespace {

const Style plain{false};

vici::Section a_failure(std::string_view connection, std::string_view ago) {
    return vici::Section{}
        .set("ago", ago)
        .set("exchange", "IKE_AUTH")
        .set("remote", "192.0.2.3[500]")
        .set("connection", connection)
        .set("refused-by", "peer")
        .set("code", "authentication_failed")
        .set("wanted", "the peer to take our AUTH")
        .set("received", "AUTHENTICATION_FAILED")
        .set("remedy", "compare the secrets");
}

vici::Message with_failures(const std::vector<vici::Section>& all) {
    vici::Section failures;
    for (const vici::Section& one : all) {
        failures.set(fmt::format("{}", failures.entries.size() + 1), one);
    }
    return vici::Message{}.set("failures", std::move(failures));
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST(StatusScreen, NamesWhatIsDownAndTheLastFailureWithItsRemedy) {
    auto daemon = with_failures({a_failure("office", "5")});
    daemon.set("unresolved-names", vici::Section{}.set("gw.example.org", "no such name"));
    const std::string out = render_status(
        {.daemon = std::move(daemon),
         .connections = {a_connection("home", {"net"}), a_connection("office", {"desk"})},
         .sas = {an_sa()}},
        plain);
    EXPECT_FALSE(has(out, "home: down"));
    EXPECT_TRUE(has(out, "office: down\n    desk: down, ")) << out;
    EXPECT_TRUE(has(out, "gw.example.org does not resolve: no such name\n"));
    EXPECT_TRUE(has(out,
                    "last failures\n"
                    "  5 s ago, IKE_AUTH with 192.0.2.3[500] (office), refused by peer: "
                    "authentication_failed\n"
                    "    wanted:    the peer to take our AUTH\n"
                    "    got:       AUTHENTICATION_FAILED\n"
                    "    to fix it: compare the secrets\n"))
        << out;
    EXPECT_TRUE(has(render_status({}, plain), "no connections are loaded"));
}

vici::Message with_child(const std::string& key, const std::string& value,
                         const std::vector<std::pair<std::string, std::string>>& more = {}) {
    vici::Section child = vici::Section{}.set("mode", "TUNNEL").set(key, value);
    for (const auto& [name, text] : more) { child.set(name, text); }
    return vici::Message{}.set(
        "office", vici::Section{}.set("children", vici::Section{}.set("desk", std::move(child))));
}

TEST(StatusScreen, SaysWhatKeepsAChildDown) {
    const auto shown = [](vici::Message connection) {
        return render_status({.daemon = {}, .connections = {std::move(connection)}, .sas = {}},
                             plain);
    };
    EXPECT_TRUE(has(
        shown(with_child("culvert-policy-problem", "no route", {{"culvert-start-action", "trap"}})),
        "desk: down, and what would bring it up is not installed: no route\n"));
    EXPECT_TRUE(has(shown(with_child("culvert-keep-up", "held")),
                    "desk: down, held there until culvert up desk\n"));
    EXPECT_TRUE(has(shown(with_child("culvert-keep-up", "yes",
                                     {{"culvert-tries-failed", "3"},
                                      {"culvert-next-try", "12"},
                                      {"culvert-last-failure", "timed_out: nobody there"}})),
                    "desk: down, is to be kept up; 3 tries failed, the next is in 12 s: timed_out: "
                    "nobody there\n"));
}

TEST(StatusScreen, SaysWhatIsWrongWithTheConfigurationUntilItIsRight) {
    StatusParts parts{.daemon = {}, .connections = {}, .sas = {}};
    parts.daemon.set("daemon", vici::Section{}
                                   .set("config-problem", "not reloaded: line 3")
                                   .set("config-problem-ago", "90"));
    EXPECT_TRUE(has(render_status(parts, plain), "not reloaded: line 3 (90 s ago)\n"));
}

// In each state of an IKE SA, on the one line that it has among many.
TEST(StatusScreen, WhatIsRekeyedIsUpAndWhatEndsIsNotComing) {
    std::vector<std::string> children{"net"};
    for (int i = 0; i < 100; ++i) { children.push_back("c" + std::to_string(i)); }
    const auto line = [&](std::string_view state) {
        vici::Message sa = an_sa();
        auto& ike = std::get<vici::Section>(sa.entries[0].element);
        ike.set("state", state);
        std::erase_if(ike.entries, [](const auto& entry) { return entry.key == "established"; });
        ike.set("culvert-established", "300");
        return render_status(
            {.daemon = {}, .connections = {a_connection("home", children)}, .sas = {sa}}, plain);
    };
    EXPECT_TRUE(has(line("REKEYING"), "up         5 min")) << line("REKEYING");
    EXPECT_TRUE(has(line("DELETING"), "closing    5 min")) << line("DELETING");
    EXPECT_TRUE(has(line("CONNECTING"), "connecting "));
}

// 2,500 children are no screen.
TEST(StatusScreen, OfManyChildrenAConnectionIsOneLine) {
    std::vector<std::string> children;
    for (int i = 0; i < 2500; ++i) { children.push_back("c" + std::to_string(i)); }
    StatusParts parts{
        .daemon = {}, .connections = {a_connection("home", children)}, .sas = {an_sa()}};
    const std::string out = render_status(parts, plain);
    EXPECT_LT(std::ranges::count(out, '\n'), 10) << out;
    EXPECT_TRUE(has(out, "2500 down")) << out;
    parts.all = true;
    EXPECT_GT(std::ranges::count(render_status(parts, plain), '\n'), 2500);
}

TEST(StatusScreen, WithoutConnectionsNamesTheFileToLookAt) {
    StatusParts parts{.daemon = {}, .connections = {}, .sas = {}};
    parts.daemon.set("daemon", vici::Section{}.set("config", "/etc/swanctl/swanctl.conf"));
    const std::string out = render_status(parts, plain);
    EXPECT_TRUE(has(out, "culvert check /etc/swanctl/swanctl.conf says")) << out;
}

TEST(StatusScreen, WhoDidNotAnswerHasRefusedNothing) {
    auto failure = a_failure("office", "5");
    failure.entries[5].element = std::string{name(ErrorCode::peer_unreachable)};
    ASSERT_EQ(failure.entries[5].key, "code");
    const std::string out =
        render_status({.daemon = with_failures({failure}), .connections = {}, .sas = {}}, plain);
    EXPECT_TRUE(has(out, "IKE_AUTH with 192.0.2.3[500] (office): peer_unreachable\n")) << out;
}

TEST(StatusScreen, OfOnePeerTheNewestFailureIsShownAndTheOthersAreCounted) {
    StatusParts parts{
        .daemon = with_failures({a_failure("home", "80"), a_failure("home", "90"),
                                 a_failure("office", "91"), a_failure("home", "95")}),
        .connections = {a_connection("home", {"net"}), a_connection("office", {"desk"})},
        .sas = {an_sa()}};
    const std::string out = render_status(parts, plain);
    EXPECT_TRUE(has(out, "80 s ago")) << out;
    EXPECT_TRUE(has(out, "authentication_failed; it came up since\n")) << "it is up for 75 s only";
    EXPECT_TRUE(has(out, "91 s ago"));
    EXPECT_FALSE(has(out, "90 s ago"));
    EXPECT_TRUE(has(out, "and 2 earlier: culvert status --all\n"));
    parts.all = true;
    EXPECT_TRUE(has(render_status(parts, plain), "90 s ago"));
}

TEST(StatusScreen, AllShowsTheMessagesThatLedToAFailure) {
    auto failure = a_failure("office", "5");
    failure.set("exchanges", vici::List{"IKE_SA_INIT request 0 sent", "response 0 received"});
    StatusParts parts{.daemon = with_failures({failure}), .connections = {}, .sas = {}};
    EXPECT_FALSE(has(render_status(parts, plain), "IKE_SA_INIT request"));
    parts.all = true;
    EXPECT_TRUE(has(render_status(parts, plain),
                    "      IKE_SA_INIT request 0 sent\n      response 0 received\n"));
}

TEST(StatusScreen, AChildThatIsNotUpIsNamedBesideOneThatIs) {
    auto connection = a_connection("home", {"net", "lan"});  // lan is a shunt: never an SA
    auto* const section = std::get_if<vici::Section>(&connection.entries.front().element);
    auto* const children = std::get_if<vici::Section>(&section->entries.back().element);
    ASSERT_NE(children, nullptr);
    children->set("desk", vici::Section{}.set("culvert-start-action", "trap"));
    const std::string out =
        render_status({.daemon = {}, .connections = {connection}, .sas = {an_sa()}}, plain);
    EXPECT_TRUE(has(out, "    desk: down, comes up with the first packet\n")) << out;
    EXPECT_FALSE(has(out, "lan: down"));
    EXPECT_FALSE(has(out, "    net: down"));
}

TEST(StatusScreen, StaysOneScreenHoweverManyThereAre) {
    StatusParts parts;
    for (int i = 0; i < 500; ++i) {
        const std::string name = fmt::format("c{}", i);
        parts.connections.push_back(a_connection(name, {"net"}));
        if (i == 7 || i > 450) { continue; }
        vici::Message sa = an_sa();
        sa.entries.front().key = name;
        parts.sas.push_back(std::move(sa));
    }
    std::string out = render_status(parts, plain);
    EXPECT_LT(std::ranges::count(out, '\n'), 30) << out;
    EXPECT_TRUE(has(out, "500 connections, 450 up, 50 not"));
    EXPECT_TRUE(has(out, "c7 ")) << out;
    EXPECT_FALSE(has(out, "c8 "));
    EXPECT_TRUE(has(out, "and 26 more that are not up\n"));

    // A dozen: a line each.
    parts.connections.resize(12);
    parts.sas.resize(11);
    out = render_status(parts, plain);
    EXPECT_LT(std::ranges::count(out, '\n'), 16) << out;
    EXPECT_TRUE(has(out, "c8 ")) << out;
    EXPECT_TRUE(has(out, "1 tunnel, 1.5 kB in, 2.5 MB out\n")) << out;
    parts.all = true;
    EXPECT_TRUE(has(render_status(parts, plain), "10.1.0.0/16 === 10.2.0.0/16"));
}

TEST(StatusScreen, DropsByReasonInWordsLargestFirst) {
    const auto daemon = vici::Message{}.set("plane", vici::Section{}
                                                         .set("inbound_replay", "2")
                                                         .set("inbound_no_sa", "0")
                                                         .set("outbound_no_sa", "31")
                                                         .set("tun_reads", "7"));
    const std::string out = render_status({.daemon = daemon, .connections = {}, .sas = {}}, plain);
    const auto first = out.find("      31  out: its tunnel is not up: culvert up NAME");
    const auto second = out.find("       2  in: a duplicate");
    EXPECT_NE(first, std::string::npos) << out;
    EXPECT_NE(second, std::string::npos) << out;
    EXPECT_LT(first, second);
    EXPECT_FALSE(has(out, "tun_reads"));
    EXPECT_FALSE(has(out, "not ours"));
}

// A reason that the packet engine gets and that nobody has words for would not be shown.
TEST(DropWords, EveryReasonHasThem) {
    for (std::size_t i = 1; i < ipsec::drop_reasons; ++i) {
        const std::string_view counter = ipsec::name(static_cast<ipsec::DropReason>(i));
        EXPECT_FALSE(drop_words(counter).empty()) << counter;
    }
    EXPECT_TRUE(drop_words("esp_sends").empty());
    EXPECT_TRUE(drop_remedy("esp_sends").empty());
}

}  // namespace
}  // namespace culvert::cli
