#include "cli/commands.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "fake_daemon.hpp"
#include "support/scratch.hpp"
#include "vici/client.hpp"

namespace culvert::cli {
namespace {

// A context on a fake daemon that knows one connection with one tunnel.
class Commands : public testing::Test {
 protected:
    Commands() {
        daemon.streams("list-conns",
                       {"list-conn", {a_connection("home", {"net", "lan", "second"})}});
        daemon.streams("list-sas", {"list-sa", {an_sa()}});
        daemon.answers("culvert-status",
                       vici::Message{}
                           .set("daemon", vici::Section{}.set("version", "1.2").set("uptime", "60"))
                           .set("failures", vici::Section{}));
    }

    void refuse(const std::string& command) {
        daemon.answers(command, vici::failure(Error{.code = ErrorCode::no_proposal_chosen,
                                                    .wanted = "aes256gcm16",
                                                    .received = "aes128-sha1",
                                                    .remedy = "add aes128-sha1 to net"}));
    }

    std::vector<std::string> asked() const {
        std::vector<std::string> out;
        for (const vici::Request& request : daemon.requests) { out.push_back(request.command); }
        return out;
    }

    FakeDaemon daemon;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener()};
};

TEST_F(Commands, UpOfAChildAsksForItAndShowsWhatStands) {
    daemon.answers("initiate", vici::success());
    context.timeout_s = 7;
    EXPECT_EQ(up(context, "net"), Exit::ok);
    ASSERT_EQ(asked(), (std::vector<std::string>{"list-conns", "initiate", "list-sas"}));
    const vici::Message& message = daemon.requests[1].message;
    EXPECT_EQ(message.value_or("ike", ""), "home");
    EXPECT_EQ(message.value_or("child", ""), "net");
    EXPECT_EQ(message.value_or("timeout", ""), "7000");
    EXPECT_NE(paper.printed.find("net is up, handshake 12.3 ms"), std::string::npos)
        << paper.printed;
    EXPECT_TRUE(paper.errors.empty());
}

TEST_F(Commands, UpOfAConnectionBringsUpAllItsTunnelsAndNoShunt) {
    daemon.answers("initiate", vici::success());
    EXPECT_EQ(up(context, "home"), Exit::ok);
    std::vector<std::string> children;
    for (const vici::Request& request : daemon.requests) {
        if (request.command == "initiate") {
            children.push_back(request.message.value_or("child", ""));
        }
    }
    EXPECT_EQ(children, (std::vector<std::string>{"net", "second"}));
}

// One that fails does not keep those behind it down.
TEST_F(Commands, UpOfAConnectionGoesOnBehindAFailure) {
    daemon.answers("initiate", [](const vici::Message& message) {
        return message.value_or("child", "") == "net" ? vici::failure("no") : vici::success();
    });
    EXPECT_EQ(up(context, "home"), Exit::failed);
    EXPECT_EQ(std::ranges::count(asked(), "initiate"), 2);
    EXPECT_TRUE(paper.errors.contains("up home/net")) << paper.errors;
    EXPECT_TRUE(paper.printed.contains("up home/second: done")) << paper.printed;
}

TEST_F(Commands, UpThatIsRefusedSaysWantedCameAndRemedyAndFails) {
    refuse("initiate");
    EXPECT_EQ(up(context, "net"), Exit::failed);
    EXPECT_EQ(paper.errors,
              "culvert: up net: no_proposal_chosen\n"
              "  wanted:    aes256gcm16\n"
              "  got:       aes128-sha1\n"
              "  to fix it: add aes128-sha1 to net\n");
    EXPECT_TRUE(paper.printed.empty());
}

TEST_F(Commands, ARefusalInJsonHasTheSameParts) {
    refuse("initiate");
    context.json = true;
    EXPECT_EQ(up(context, "net"), Exit::failed);
    for (const std::string_view part :
         {R"("success": "no")", R"("command": "up net")", R"("code": "no_proposal_chosen")",
          R"("wanted": "aes256gcm16")", R"("received": "aes128-sha1")",
          R"("remedy": "add aes128-sha1 to net")"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part << " in " << paper.printed;
    }
    EXPECT_TRUE(paper.errors.empty());
}

TEST_F(Commands, ProgressIsShownToWhoeverWatchesOnly) {
    daemon.streams("initiate",
                   {"control-log", {vici::Message{}.set("msg", "sending IKE_SA_INIT request 0")}});
    daemon.answers("initiate", vici::success());
    EXPECT_EQ(up(context, "net"), Exit::ok);
    EXPECT_TRUE(paper.errors.empty());
    context.verbose = true;
    EXPECT_EQ(up(context, "net"), Exit::ok);
    EXPECT_EQ(paper.errors, "  sending IKE_SA_INIT request 0\n");
}

TEST_F(Commands, AFailureOfADaemonThatIsNotOursKeepsItsWords) {
    daemon.answers("initiate", vici::failure("establishing CHILD_SA 'net' failed"));
    EXPECT_EQ(up(context, "net"), Exit::failed);
    EXPECT_EQ(paper.errors,
              "culvert: up net: peer_refused\n"
              "  got:       establishing CHILD_SA 'net' failed\n");
}

TEST_F(Commands, DownAndRekeyPassTheirFlagsOn) {
    const vici::Message found = vici::success().set("matches", "1");
    daemon.answers("terminate", found);
    daemon.answers("rekey", found);
    EXPECT_EQ(down(context, "home/net", true), Exit::ok);
    EXPECT_EQ(daemon.requests.back().message.value_or("force", ""), "yes");
    EXPECT_EQ(rekey(context, "home", true), Exit::ok);
    EXPECT_EQ(daemon.requests.back().message.value_or("reauth", ""), "yes");
    EXPECT_EQ(daemon.requests.back().message.find("child"), nullptr);
    EXPECT_EQ(paper.printed, "down home/net: done, 1 SA\nrekey home: done, 1 SA\n");
}

TEST_F(Commands, RedirectSendsWholeConnectionsAway) {
    daemon.answers("redirect", vici::success().set("matches", "2"));
    EXPECT_EQ(redirect(context, "home", {.gateway = "192.0.2.9", .peer_ip = "198.51.100.0/24"}),
              Exit::ok);
    const vici::Message& sent = daemon.requests.back().message;
    EXPECT_EQ(sent.value_or("ike", ""), "home");
    EXPECT_EQ(sent.value_or("gateway", ""), "192.0.2.9");
    EXPECT_EQ(sent.value_or("peer-ip", ""), "198.51.100.0/24");
    EXPECT_EQ(sent.find("peer-id"), nullptr);
    EXPECT_EQ(paper.printed, "redirect home: done, 2 SAs\n");
    EXPECT_EQ(redirect(context, "home/net", {.gateway = "192.0.2.9"}), Exit::failed);
    EXPECT_NE(paper.errors.find("a connection"), std::string::npos);
}

TEST_F(Commands, WithoutADaemonTheExitStatusIsThree) {
    context.open = [](std::string_view) -> Result<std::unique_ptr<vici::ByteStream>> {
        return std::unexpected(Error{.code = ErrorCode::not_found,
                                     .wanted = "culvertd",
                                     .received = "none",
                                     .remedy = "start it"});
    };
    EXPECT_EQ(status(context, {}), Exit::no_daemon);
    EXPECT_EQ(up(context, "net"), Exit::no_daemon);
    EXPECT_EQ(log(context, {}), Exit::no_daemon);
    EXPECT_EQ(version(context), Exit::ok);  // its own is known anyway
    EXPECT_NE(paper.printed.find("no daemon answers"), std::string::npos);
}

TEST_F(Commands, StatusInJsonHoldsDaemonConnectionsAndSas) {
    context.json = true;
    EXPECT_EQ(status(context, {}), Exit::ok);
    for (const std::string_view part :
         {R"("daemon": {)", R"("connections": {)", R"("sas": {)", R"("state": "ESTABLISHED")"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part;
    }
}

TEST_F(Commands, ReloadTellsWhatChanged) {
    daemon.answers(
        "culvert-reload",
        vici::success()
            .set("added", vici::List{"office"})
            .set("children-changed", vici::List{"home/net"})
            .set("keywords", vici::Section{}.set("home/net", vici::List{"updown", "mode"}))
            .set("secrets", "yes"));
    EXPECT_EQ(reload(context), Exit::ok);
    EXPECT_EQ(paper.printed,
              "+ connection office\n~ child      home/net: updown, mode\n~ secrets\n");
    paper.printed.clear();
    daemon.answers("culvert-diff", vici::success());
    EXPECT_EQ(diff(context), Exit::ok);
    EXPECT_EQ(paper.printed, "a reload would change nothing\n");
    refuse("culvert-diff");
    EXPECT_EQ(diff(context), Exit::failed);
}

TEST_F(Commands, LogShowsLinesOfOnePeerOnly) {
    daemon.streams("culvert-log", {"log",
                                   {vici::Message{}.set("msg", "one").set("ikesa-name", "home"),
                                    vici::Message{}.set("msg", "two").set("ikesa-name", "office"),
                                    vici::Message{}.set("msg", "from 192.0.2.9: three")}});
    EXPECT_EQ(log(context, {}), Exit::ok);
    EXPECT_EQ(paper.printed, "one\ntwo\nfrom 192.0.2.9: three\n");
    paper.printed.clear();
    EXPECT_EQ(log(context, {.peer = "home"}), Exit::ok);
    EXPECT_EQ(log(context, {.peer = "192.0.2.9"}), Exit::ok);
    EXPECT_EQ(paper.printed, "one\nfrom 192.0.2.9: three\n");
}

TEST_F(Commands, LogFollowsUntilTheDaemonEnds) {
    daemon.streams("culvert-log", {"log", {vici::Message{}.set("msg", "kept")}});
    daemon.will_raise("log", vici::Message{}.set("msg", "new"));
    EXPECT_EQ(log(context, {.follow = true}), Exit::failed);
    EXPECT_EQ(paper.printed, "kept\nnew\n");
    EXPECT_NE(paper.errors.find("peer_gone"), std::string::npos) << paper.errors;
}

TEST_F(Commands, MonitorTellsOfUpDownAndFailures) {
    vici::Message came_up = an_sa();
    came_up.set("up", "yes");
    daemon.will_raise("child-updown", came_up);
    daemon.will_raise("ike-updown", an_sa());
    daemon.will_raise("culvert-failure", vici::Message{}
                                             .set("connection", "home")
                                             .set("remote", "192.0.2.2[500]")
                                             .set("refused-by", "peer")
                                             .set("text", "authentication_failed"));
    EXPECT_EQ(monitor(context), Exit::failed);
    EXPECT_EQ(paper.printed,
              "home/net up: 10.1.0.0/16 === 10.2.0.0/16\n"
              "home down: 192.0.2.2[4500] (sun)\n"
              "home failure with 192.0.2.2[500], refused by peer: authentication_failed\n");
}

TEST_F(Commands, LeasesAndCertificatesAreListed) {
    daemon.answers(
        "get-pools",
        vici::Message{}.set(
            "road", vici::Section{}
                        .set("base", "10.9.0.1")
                        .set("size", "254")
                        .set("online", "1")
                        .set("offline", "0")
                        .set("leases", vici::Section{}.set("0", vici::Section{}
                                                                    .set("address", "10.9.0.1")
                                                                    .set("identity", "carol")
                                                                    .set("status", "online")))));
    EXPECT_EQ(leases(context), Exit::ok);
    EXPECT_NE(paper.printed.find("road: from 10.9.0.1, 254 addresses, 1 in use"),
              std::string::npos);
    EXPECT_NE(paper.printed.find("carol"), std::string::npos);
    daemon.streams("list-certs", {"list-cert",
                                  {vici::Message{}
                                       .set("type", "X509")
                                       .set("has_privkey", "yes")
                                       .set("data", "\x30\x82")
                                       .set("culvert-subject", "CN=moon")}});
    context.json = true;
    paper.printed.clear();
    EXPECT_EQ(certs(context), Exit::ok);
    EXPECT_NE(paper.printed.find("CN=moon"), std::string::npos);
    EXPECT_EQ(paper.printed.find("data"), std::string::npos);
}

// A packet of VICI holds some thousands.
TEST_F(Commands, LeasesThatDidNotFitAreCounted) {
    daemon.answers("get-pools",
                   vici::Message{}.set("road", vici::Section{}
                                                   .set("base", "10.0.0.0")
                                                   .set("size", "65534")
                                                   .set("online", "9000")
                                                   .set("culvert-leases-left-out", "4000")
                                                   .set("leases", vici::Section{})));
    EXPECT_EQ(leases(context), Exit::ok);
    EXPECT_TRUE(paper.printed.contains("and 4000 more, which do not fit")) << paper.printed;
}

TEST_F(Commands, CheckCountsSecretsOfAllKinds) {
    const std::string path = test::scratch("secrets.conf");
    std::ofstream{path} << "secrets { ike { secret = 0123456789abcdef }\n"
                           "eap-a { id = a\n secret = b }\n ppk-a { id = a\n secret = "
                           "0123456789abcdef0123456789abcdef } }\n";
    EXPECT_EQ(check(context, path), Exit::ok) << paper.printed;
    EXPECT_TRUE(paper.printed.contains("3 secrets")) << paper.printed;
}

TEST_F(Commands, CheckNamesFileLineAndRemedy) {
    const std::string file = test::scratch("check.conf");
    std::ofstream{file} << "connections {\n  a {\n    versoin = 2\n  }\n}\n";
    EXPECT_EQ(check(context, file), Exit::failed);
    EXPECT_NE(paper.printed.find("check.conf:3"), std::string::npos) << paper.printed;
    EXPECT_NE(paper.printed.find("version"), std::string::npos);
    paper.printed.clear();
    context.json = true;
    EXPECT_EQ(check(context, file), Exit::failed);
    EXPECT_NE(paper.printed.find(R"("line": "3")"), std::string::npos) << paper.printed;
    EXPECT_EQ(check(context, file + ".none"), Exit::failed);
}

}  // namespace
}  // namespace culvert::cli
