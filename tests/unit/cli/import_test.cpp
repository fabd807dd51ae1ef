#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/commands.hpp"
#include "config/config.hpp"
#include "fake_daemon.hpp"
#include "support/scratch.hpp"

namespace culvert::cli {
namespace {

constexpr std::string_view conf = R"(version 2.0
config setup
    uniqueids = yes   # a comment
conn %default
    keyexchange=ikev2
    authby=secret
    ike=aes256-sha256-modp2048!
conn base
    left=192.0.2.1
    leftid=@moon.example.org
conn home
    also=base
    right=192.0.2.2
    rightid="sun.example.org"
    leftsubnet=10.1.0.0/16,10.3.0.0/16
    rightsubnet=10.2.0.0/16
    esp=aes256gcm16-modp2048!
    auto=route
    dpdaction=restart
    dpddelay=30s
    keyingtries=%forever
    nonsense=7
conn road
    also=base
    right=%any
    rightsourceip=10.9.0.0/24
)";
constexpr std::string_view secrets = R"(
# who : what
moon.example.org @sun.example.org : PSK "a # in quotes, 32 octets of it.."
: RSA moon.pem
include /nowhere/*.secrets
)";

class Import : public testing::Test {
 protected:
    static std::string file(const std::string& name, std::string_view text) {
        const std::string path = test::scratch(name);
        std::ofstream{path} << text;
        return path;
    }
    FakeDaemon daemon;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener()};
};

TEST_F(Import, WhatComesOutIsTheSameConfiguration) {
    ASSERT_EQ(import_ipsec(context, file("ipsec.conf", conf), file("ipsec.secrets", secrets)),
              Exit::ok)
        << paper.errors;
    const config::Loaded loaded = config::load(config::parse_text(paper.printed, "t.conf"));
    std::string problems;
    for (const auto& problem : loaded.problems) { problems += problem.to_string() + "\n"; }
    EXPECT_TRUE(loaded.ok()) << problems << paper.printed;
    ASSERT_EQ(loaded.config.connections.size(), 2U) << paper.printed;
    const ike::Connection& home = loaded.config.connections[0];
    EXPECT_EQ(home.name, "home");
    EXPECT_EQ(home.version, 2);
    EXPECT_EQ(home.local.id.to_string(), "moon.example.org");
    EXPECT_EQ(home.remote.id.to_string(), "sun.example.org");
    EXPECT_EQ(home.dpd_delay.count(), 30);
    EXPECT_EQ(home.keyingtries, 0U);
    ASSERT_EQ(home.children.size(), 1U);
    EXPECT_EQ(home.children[0].local_ts.size(), 2U);
    EXPECT_EQ(home.children[0].start_action, ike::StartAction::trap);
    EXPECT_EQ(home.children[0].dpd_action, ike::StartAction::start);
    EXPECT_EQ(loaded.config.connections[1].pools, std::vector<std::string>{"road"});
    ASSERT_EQ(loaded.config.pools.size(), 1U);
    ASSERT_EQ(loaded.config.secrets.size(), 1U);
    EXPECT_EQ(loaded.config.secrets[0].owners.size(), 2U);
    EXPECT_EQ(as_text(loaded.config.secrets[0].secret.reveal()),
              "a # in quotes, 32 octets of it..");
}

TEST_F(Import, WhatHasNoCounterpartIsNamed) {
    import_ipsec(context, file("ipsec.conf", conf), file("ipsec.secrets", secrets));
    for (const std::string_view part :
         {"# not carried over: conn home: nonsense = 7",
          "# not carried over: config setup: uniqueids = yes", "file = moon.pem"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part << "\n" << paper.printed;
    }
}

TEST_F(Import, TheReportCountsAndNamesWhatIsToBeDone) {
    import_ipsec(context, file("ipsec.conf", conf), file("ipsec.secrets", secrets));
    for (const std::string_view part : {"carried over: 2 connections, 1 pools, 2 secrets\n",
                                        "not carried over: conn home: nonsense = 7\n",
                                        "not carried over: config setup: uniqueids = yes\n"}) {
        EXPECT_NE(paper.errors.find(part), std::string::npos) << part << "\n" << paper.errors;
    }
}

// As Libreswan's manual pages have them: its spelling of algorithms, several subnets, pools, keys
// in NSS, secrets with IPv6 owners.
constexpr std::string_view libreswan = R"(# /etc/ipsec.conf - Libreswan
config setup
	logfile=/var/log/pluto.log
	virtual-private=%v4:10.0.0.0/8,%v4:192.168.0.0/16

conn %default
	ikev2=insist
	fragmentation=yes

conn branch
	left=%defaultroute
	leftid=@hq
	leftsubnets={10.0.1.0/24 10.0.2.0/24}
	leftsourceip=10.0.1.254
	right=198.51.100.7
	rightid=@branch
	rightsubnet=10.20.0.0/16
	authby=secret
	ike=aes_gcm256-sha2_512;dh20,aes256-sha2_256+sha2_512;modp2048
	phase2alg=aes_gcm256-null,aes128-sha2_256
	pfs=yes
	ikelifetime=8h
	salifetime=1h
	dpddelay=30
	dpdtimeout=120
	dpdaction=hold
	encapsulation=auto
	auto=ondemand

conn roadwarriors
	left=203.0.113.1
	leftid=@vpn.example.org
	leftcert=vpn.example.org
	leftrsasigkey=%cert
	leftsendcert=always
	leftsubnet=0.0.0.0/0
	right=%any
	rightid=%fromcert
	rightrsasigkey=%cert
	rightca=%same
	rightaddresspool=10.9.0.10-10.9.0.200
	modecfgdns="10.0.1.53, 10.0.2.53"
	authby=rsasig
	narrowing=yes
	auto=add

conn no-encryption-here
	type=passthrough
	left=10.0.1.1
	right=0.0.0.0
	leftsubnet=10.0.1.0/24
	rightsubnet=10.0.1.0/24
	authby=never
	auto=route

conn old
	also=branch
	auto=ignore
)";
constexpr std::string_view libreswan_secrets = R"(
@hq @branch : PSK "libreswan's own example"
2001:db8::1 2001:db8::2: PSK 0sMDEyMzQ1Njc4OWFiY2RlZg==
: RSA {
	# a key written out
	Modulus: 0x00
	}
%any 192.0.2.9: psk 'in single quotes'
alice : XAUTH "alices password"
)";

TEST_F(Import, ALibreswanThatPeopleRun) {
    ASSERT_EQ(import_ipsec(context, file("libreswan.conf", libreswan),
                           file("libreswan.secrets", libreswan_secrets)),
              Exit::ok)
        << paper.errors;
    const config::Loaded loaded = config::load(config::parse_text(paper.printed, "t.conf"));
    std::string problems;
    for (const auto& problem : loaded.problems) {
        // The certificate is not beside this text.
        if (problem.severity == config::Problem::Severity::error) {
            problems += problem.to_string() + "\n";
        }
    }
    // One thing is left for a person: the certificate in NSS is no file.
    EXPECT_EQ(problems.find("proposals"), std::string::npos) << problems;
    EXPECT_EQ(problems.find("_ts"), std::string::npos) << problems;
    for (const std::string_view part :
         {"proposals = aes256gcm16-prfsha512-ecp384, aes256-sha256-sha512-modp2048\n",
          "esp_proposals = aes256gcm16, aes128-sha256\n",
          "local_ts = 10.0.1.0/24, 10.0.2.0/24\n",
          "local_addrs = %any\n",
          "id = branch\n",
          "life_time = 1h\n",
          "rekey_time = 8h\n",
          "dpd_action = trap\n",
          "start_action = trap\n",
          "addrs = 10.9.0.10-10.9.0.200\n",
          "dns = 10.0.1.53, 10.0.2.53\n",
          "mode = pass\n",
          "# conn old is loaded by nobody",
          "auth = pubkey\n",
          "certs = vpn.example.org\n",
          "id-1 = 2001:db8::1\n",
          "id-2 = 2001:db8::2\n",
          "secret = 0sMDEyMzQ1Njc4OWFiY2RlZg==\n",
          "secret = libreswan's own example\n",
          "id-1 = 192.0.2.9\n",
          "secret = in single quotes\n",
          "secret = alices password\n"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part << "\n" << paper.printed;
    }
    for (const std::string_view part :
         {"name in an NSS database", "leftsourceip = 10.0.1.254", "pfs = yes: add the group",
          "a key in the file itself", "not carried over: conn roadwarriors: narrowing = yes",
          "carried over: 3 connections, 1 pools, 4 secrets"}) {
        EXPECT_NE(paper.errors.find(part), std::string::npos) << part << "\n" << paper.errors;
    }
    EXPECT_EQ(paper.printed.find("Modulus"), std::string::npos) << "the inside of a key leaked";
}

// As for strongSwan's starter: certificates, a ca section, an include, EAP, ports, passwords of
// keys.
constexpr std::string_view strongswan = R"(config setup
    charondebug="ike 1, knl 1"
    strictcrlpolicy=no

ca example
    cacert=exampleCert.pem
    crluri=http://crl.example.org/example.crl
    ocspuri=http://ocsp.example.org:8880
    auto=add

conn %default
    ikelifetime=60m
    keylife=20m
    rekeymargin=3m
    keyingtries=1
    keyexchange=ikev2
    mobike=no

conn net-net
    left=192.0.2.1
    leftcert=moonCert.pem
    leftid="C=CH, O=Example, CN=moon.example.org"
    leftsubnet=10.1.0.0/16,fec1::/16
    leftfirewall=yes
    right=sun.example.org
    rightid="C=CH, O=Example, CN=*"
    rightca="C=CH, O=Example, CN=Example Root CA"
    rightsubnet=10.2.0.0/16
    ike=aes256gcm16-prfsha384-ecp384,aes128-sha256-modp3072!
    esp=aes256gcm16-ecp384!
    dpdaction=restart
    dpddelay=30s
    closeaction=none
    auto=start

conn l2tp
    keyexchange=ikev2
    type=transport
    left=192.0.2.1
    leftprotoport=udp/1701
    right=%any
    rightprotoport=udp/%any
    authby=psk
    auto=add

include more/*.conf
)";
constexpr std::string_view strongswan_more = R"(conn host-host
    left=192.0.2.1
    right=192.0.2.3
    leftauth=psk
    rightauth=psk
    rightid=@#6d796b6579
    leftsourceip=%config
    auto=route
)";
constexpr std::string_view strongswan_secrets = R"(: RSA moonKey.pem "the key's password"
: ECDSA otherKey.pem
: P12 bundle.p12 %prompt
carol@example.org : EAP "carols password # not a comment"
192.0.2.1 %any : PSK "for l2tp"
: PIN %smartcard:50 1234
)";

// eap_identity is of the side that proves itself by EAP.
TEST_F(Import, EapGoesToWhomItBelongs) {
    constexpr std::string_view conns = R"(conn client
    left=%defaultroute
    leftauth=eap-mschapv2
    eap_identity=carol
    leftsourceip=%config
    right=vpn.example.org
    rightauth=pubkey
conn gateway
    leftauth=pubkey
    rightauth=eap-mschapv2
    right=%any
    eap_identity=%identity
)";
    ASSERT_EQ(import_ipsec(context, file("eap.conf", conns), file("none.secrets", "")), Exit::ok)
        << paper.errors;
    const auto gateway = paper.printed.find("gateway {");
    ASSERT_NE(gateway, std::string::npos) << paper.printed;
    const std::string client = paper.printed.substr(0, gateway);
    EXPECT_LT(client.find("eap_id = carol"), client.find("remote {")) << paper.printed;
    const std::string second = paper.printed.substr(gateway);
    const auto any = second.find("eap_id = %any");
    ASSERT_NE(any, std::string::npos) << paper.printed;
    EXPECT_GT(any, second.find("remote {"));
}

TEST_F(Import, AStrongswanThatPeopleRun) {
    ::mkdir(test::scratch("more").c_str(), 0755);
    file("more/one.conf", strongswan_more);
    ASSERT_EQ(import_ipsec(context, file("strongswan.conf", strongswan),
                           file("strongswan.secrets", strongswan_secrets)),
              Exit::ok)
        << paper.errors;
    for (const std::string_view part :
         {"proposals = aes256gcm16-prfsha384-ecp384, aes128-sha256-modp3072\n",
          "esp_proposals = aes256gcm16-ecp384\n",
          "certs = moonCert.pem\n",
          "ca_id = C=CH, O=Example, CN=Example Root CA\n",
          "mode = transport\n",
          "local_ts = dynamic[udp/1701]\n",
          "remote_ts = dynamic[udp]\n",
          "host-host {\n",
          "vips = 0.0.0.0\n",
          "id = \"@#6d796b6579\"\n",
          "crl_uris = http://crl.example.org/example.crl\n",
          "ocsp_uris = http://ocsp.example.org:8880\n",
          "cacert = exampleCert.pem\n",
          "start_action = start\n",
          "dpd_action = start\n",
          "life_time = 20m\n",
          "rekey_time = 60m\n",
          "mobike = no\n",
          "file = moonKey.pem\n",
          "secret = the key's password\n",
          "file = bundle.p12\n",
          "secret = \"carols password # not a comment\"\n",
          "remote_addrs = sun.example.org\n"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part << "\n" << paper.printed;
    }
    for (const std::string_view part :
         {"conn net-net: rekeymargin = 3m", "config setup: strictcrlpolicy = no",
          "a secret of kind PIN", "bundle.p12 is asked for its password",
          "carried over: 3 connections, 0 pools, 5 secrets"}) {
        EXPECT_NE(paper.errors.find(part), std::string::npos) << part << "\n" << paper.errors;
    }
    const config::Loaded loaded = config::load(config::parse_text(paper.printed, "t.conf"));
    for (const ike::Connection& one : loaded.config.connections) {
        if (one.name == "net-net") { EXPECT_EQ(one.children.at(0).local_ts.size(), 2U); }
    }
}

TEST_F(Import, ALineThatIsNothingIsNamedWithItsNumber) {
    EXPECT_EQ(import_ipsec(context, file("bad.conf", "conn a\n    left=1\nnonsense\n"), ""),
              Exit::failed);
    EXPECT_NE(paper.errors.find("bad.conf:3: nonsense"), std::string::npos) << paper.errors;
    EXPECT_EQ(import_ipsec(context, "/nowhere/ipsec.conf", ""), Exit::failed);
}

}  // namespace
}  // namespace culvert::cli
