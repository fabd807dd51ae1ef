#include <gtest/gtest.h>

#include "cli/commands.hpp"
#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

// A host that answers as it is told.
class FakeProbes final : public Probes {
 public:
    Result<std::vector<IpAddress>> resolve(const std::string& name) override {
        if (name != "gw.example.org") {
            return std::unexpected(Error{.code = ErrorCode::peer_unreachable,
                                         .wanted = "an address for " + name,
                                         .received = "no such name",
                                         .remedy = "check the name"});
        }
        return std::vector{*IpAddress::parse("192.0.2.2")};
    }
    std::optional<IpAddress> own_address_in(const IpRange&) override { return own; }
    Result<bool> ping(const IpAddress&, const IpAddress& to, unsigned packet_size) override {
        if (!can_ping) {
            return std::unexpected(Error{.code = ErrorCode::not_found,
                                         .wanted = "to run the program ping",
                                         .received = "No such file or directory",
                                         .remedy = "install it"});
        }
        pinged = to;
        if (on_ping) { on_ping(); }
        return packet_size <= passes;
    }

    std::optional<IpAddress> own = IpAddress::parse("10.1.0.1");
    IpAddress pinged;
    unsigned passes = 1500;
    bool can_ping = true;
    std::function<void()> on_ping;
};

class Diagnose : public testing::Test {
 protected:
    Diagnose() {
        daemon.streams("list-conns", {"list-conn", {a_connection("home", {"net"})}});
        daemon.streams("list-sas", {"list-sa", {an_sa()}});
    }
    // The SA of an_sa() with other counters.
    static vici::Message counted(const std::string& in, const std::string& out) {
        vici::Message sa = an_sa();
        auto& ike = std::get<vici::Section>(sa.entries[0].element);
        vici::Section child = *ike.section("child-sas")->section("net-3");
        child.set("packets-in", in).set("packets-out", out);
        ike.set("child-sas", vici::Section{}.set("net-3", child));
        return sa;
    }
    void refuse(ErrorCode code, const std::string& exchange) {
        daemon.streams("list-sas", {"list-sa", {}});
        daemon.answers(
            "initiate",
            vici::failure(
                Error{.code = code, .wanted = "this", .received = "that", .remedy = "change it"}));
        daemon.answers(
            "culvert-status",
            vici::Message{}.set(
                "failures",
                vici::Section{}.set(
                    "1", vici::Section{}.set("connection", "home").set("exchange", exchange))));
    }
    Exit run() { return diagnose(context, "net"); }
    bool says(std::string_view text) const { return paper.printed.find(text) != std::string::npos; }

    FakeDaemon daemon;
    FakeProbes probes;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener(), .probes = &probes};
};

TEST_F(Diagnose, WalksFromTheNameToTheLargestPacket) {
    EXPECT_EQ(run(), Exit::ok);
    EXPECT_EQ(paper.printed,
              "ok       port answers    192.0.2.2[4500]\n"
              "ok       IKE_SA_INIT     AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384\n"
              "ok       NAT             at the peer: ESP travels in UDP\n"
              "ok       authentication  moon and sun\n"
              "ok       selectors       10.1.0.0/16 === 10.2.0.0/16, AES_GCM_16-256\n"
              "ok       ESP passes      a ping from 10.1.0.1 to 10.2.0.1 came back\n"
              "ok       largest packet  1500 octets pass unfragmented\n");
}

TEST_F(Diagnose, ANameThatDoesNotResolveEndsIt) {
    vici::Message connection = a_connection("home", {"net"});
    std::get<vici::Section>(connection.entries[0].element)
        .set("remote_addrs", vici::List{"nowhere.example.org"});
    daemon.streams("list-conns", {"list-conn", {connection}});
    EXPECT_EQ(run(), Exit::failed);
    EXPECT_TRUE(says("FAILED   name ")) << paper.printed;
    EXPECT_TRUE(says("to fix it: check the name"));
    EXPECT_FALSE(says("port answers"));
}

TEST_F(Diagnose, EachRefusalFailsItsStep) {
    struct Case {
        ErrorCode code;
        std::string exchange;
        std::string_view passed;
        std::string_view failed;
        std::string_view skipped;
    };
    for (const Case& c : std::initializer_list<Case>{
             {ErrorCode::peer_unreachable, "IKE_SA_INIT", "", "port answers", "IKE_SA_INIT"},
             {ErrorCode::timed_out, "IKE_SA_INIT", "", "port answers", "authentication"},
             {ErrorCode::no_proposal_chosen, "IKE_SA_INIT", "port answers", "IKE_SA_INIT",
              "authentication"},
             {ErrorCode::authentication_failed, "IKE_AUTH", "IKE_SA_INIT", "authentication",
              "selectors"},
             {ErrorCode::timed_out, "IKE_AUTH", "IKE_SA_INIT", "authentication", "selectors"},
             {ErrorCode::no_proposal_chosen, "IKE_AUTH", "authentication", "selectors", ""},
             {ErrorCode::ts_unacceptable, "IKE_AUTH", "authentication", "selectors", ""},
         }) {
        SCOPED_TRACE(std::string{name(c.code)} + " in " + c.exchange);
        paper.printed.clear();
        refuse(c.code, c.exchange);
        EXPECT_EQ(run(), Exit::failed);
        EXPECT_TRUE(says(std::string{"FAILED   "}.append(c.failed))) << paper.printed;
        EXPECT_TRUE(says("to fix it: change it"));
        if (!c.passed.empty()) { EXPECT_TRUE(says(std::string{"ok       "}.append(c.passed))); }
        if (!c.skipped.empty()) { EXPECT_TRUE(says(std::string{"skipped  "}.append(c.skipped))); }
    }
}

TEST_F(Diagnose, TellsEspThatIsLostFromTrafficThatStaysOut) {
    probes.passes = 0;
    EXPECT_EQ(run(), Exit::failed);
    EXPECT_TRUE(says("did not enter the tunnel")) << paper.printed;
    paper.printed.clear();
    probes.on_ping = [&] { daemon.streams("list-sas", {"list-sa", {counted("3", "1701")}}); };
    EXPECT_EQ(run(), Exit::failed);
    EXPECT_TRUE(says("nothing came back")) << paper.printed;
    EXPECT_TRUE(says("UDP 4500"));
}

TEST_F(Diagnose, WithoutThePingProgramNothingIsBlamedOnTheTunnel) {
    probes.can_ping = false;
    EXPECT_EQ(run(), Exit::ok);
    EXPECT_TRUE(says("skipped  ESP passes      no ping could be sent: No such file or directory"))
        << paper.printed;
    EXPECT_TRUE(says("to fix it: install it"));
}

// The daemon goes on asking longer than we wait.
TEST_F(Diagnose, APeerThatIsStillBeingAskedHasNotAnswered) {
    refuse(ErrorCode::timed_out, "");
    // What failed yesterday tells nothing of today.
    daemon.answers("culvert-status",
                   vici::Message{}.set("failures",
                                       vici::Section{}.set("1", vici::Section{}
                                                                    .set("ago", "90000")
                                                                    .set("connection", "home")
                                                                    .set("exchange", "IKE_AUTH"))));
    vici::Section ike;
    ike.set("state", "CONNECTING").set("remote-host", "192.0.2.2").set("remote-port", "500");
    daemon.streams("list-sas", {"list-sa", {vici::Message{}.set("home", ike)}});
    EXPECT_EQ(diagnose(context, "net"), Exit::failed);
    EXPECT_TRUE(
        says("FAILED   port answers    timed_out: wanted an answer to IKE_SA_INIT from "
             "192.0.2.2[500]; got none in "))
        << paper.printed;
    EXPECT_TRUE(says("UDP port 500"));
    paper.printed.clear();
    ike.set("encr-alg", "AES_GCM_16");
    daemon.streams("list-sas", {"list-sa", {vici::Message{}.set("home", ike)}});
    EXPECT_EQ(diagnose(context, "net"), Exit::failed);
    EXPECT_TRUE(says("FAILED   authentication  timed_out: wanted an answer to IKE_AUTH"))
        << paper.printed;
    EXPECT_TRUE(says("UDP port 4500"));
}

TEST_F(Diagnose, FindsABlackHole) {
    probes.passes = 1200;
    EXPECT_EQ(run(), Exit::failed);
    EXPECT_TRUE(says("FAILED   largest packet  1200 octets pass")) << paper.printed;
    EXPECT_TRUE(says("MTU"));
}

TEST_F(Diagnose, PingsWhomItIsTold) {
    context.ping_to = IpAddress::parse("10.2.9.9");
    EXPECT_EQ(run(), Exit::ok);
    EXPECT_EQ(probes.pinged, *context.ping_to);
    paper.printed.clear();
    context.ping_to = IpAddress::parse("10.3.0.1");  // not behind the peer
    EXPECT_EQ(run(), Exit::ok);
    EXPECT_TRUE(says("skipped  ESP passes"));
}

TEST_F(Diagnose, InJsonEachStepIsAnObject) {
    context.json = true;
    EXPECT_EQ(run(), Exit::ok);
    EXPECT_TRUE(says(R"("step": "largest packet")"));
    EXPECT_TRUE(says(R"("outcome": "ok")"));
    EXPECT_TRUE(says(R"("success": "yes")"));
}

TEST_F(Diagnose, AChildThatIsNotThereEndsIt) {
    EXPECT_EQ(diagnose(context, "home/nett"), Exit::failed);
    EXPECT_TRUE(paper.errors.contains("did you mean net?")) << paper.errors;
    EXPECT_TRUE(paper.printed.empty()) << paper.printed;
}

}  // namespace
}  // namespace culvert::cli
