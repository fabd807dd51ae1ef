// One configuration that is well, and what happens to it when somebody makes one mistake. Each gets
// one message, at the line of the mistake, that says what is wrong and what would be right.

#include <array>

#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

constexpr std::string_view well = R"(connections {
    home {
        version = 2
        local_addrs = 192.0.2.1
        remote_addrs = vpn.example.org
        proposals = aes256gcm16-prfsha384-ecp384
        pools = road
        dpd_delay = 30s
        unique = replace
        encap = no
        local {
            auth = psk
            id = moon.example
        }
        remote {
            auth = psk
            id = sun.example
        }
        children {
            net {
                local_ts = 10.1.0.0/16
                remote_ts = 10.2.0.0/16
                esp_proposals = aes256gcm16
                mode = tunnel
                rekey_time = 1h
                replay_window = 64
                rekey_bytes = 500M
                start_action = trap
                copy_dscp = out
            }
        }
    }
}
pools {
    road {
        addrs = 10.3.0.0/24
        dns = 10.1.0.53
    }
}
secrets {
    ike-home {
        id-1 = moon.example
        id-2 = sun.example
        secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx
    }
}
)";

struct Mistake {
    std::string_view instead_of;
    std::string_view written;
    std::string_view wrong;   // words of the message
    std::string_view remedy;  // words of what to do
};

constexpr std::array mistakes = std::to_array<Mistake>({
    // Words.
    {"dpd_delay = 30s", "dpd_dely = 30s", "is not a keyword", "did you mean dpd_delay?"},
    {"esp_proposals =", "esp_proposal =", "is not a keyword", "did you mean esp_proposals?"},
    {"local_ts = ", "leftsubnet = ", "is not a keyword", "remove it"},
    {"unique = replace", "unique = replce", "\"replce\" is not", "did you mean replace?"},
    {"mode = tunnel", "mode = tunel", "\"tunel\" is not", "did you mean tunnel?"},
    {"mode = tunnel", "mode = beet", "is not built", "use mode = tunnel"},
    {"start_action = trap", "start_action = route|go", "is not none, trap or start", ""},
    {"encap = no", "encap = maybe", "is not yes or no", ""},
    {"copy_dscp = out", "copy_dscp = both", "is not out, in, yes or no", ""},
    {"auth = psk\n            id = moon", "auth = pks\n            id = moon",
     "\"pks\" is not a way to authenticate", "write auth = psk, pubkey, eap-mschapv2 or null"},
    {"auth = psk\n            id = sun", "auth = eap-peap\n            id = sun",
     "eap-peap is not built yet", "use eap-mschapv2, eap-tls, eap-md5 or eap-gtc"},
    {"version = 2", "version = 1", "IKEv1 is not built yet", "use version = 2"},
    {"version = 2", "version = 3", "is not a number from 0 to 2", ""},
    // Numbers and times.
    {"dpd_delay = 30s", "dpd_delay = 30sec", "is not a time", "as in 30s or 4h"},
    {"rekey_time = 1h", "rekey_time = one hour", "is not a time", "as in 30s or 4h"},
    {"rekey_time = 1h", "rekey_time = 9999d", "is longer than ten years", "0 for no limit"},
    {"replay_window = 64", "replay_window = 9000", "is not a number from 0 to 8192", ""},
    {"rekey_bytes = 500M", "rekey_bytes = 5T", "is not a number of octets", "as in 500M"},
    {"encap = no", "local_port = 65536", "is not a number from 0 to 65535", ""},
    {"mode = tunnel", "reqid = -1", "is not a number from 0", ""},
    // Addresses and selectors.
    {"192.0.2.1", "192.0.2.256", "is neither an address", "192.0.2.1-192.0.2.9"},
    {"remote_addrs = vpn.example.org", "remote_addrs = vpn.example.org/24", "is neither an address",
     "vpn.example.org"},
    {"10.1.0.0/16", "10.1.0.0/33", "is not a traffic selector", "10.1.0.0/16"},
    {"10.2.0.0/16", "10.2.0.0/16[nosuch/80]", "is not a traffic selector", "10.1.0.0/16[tcp/443]"},
    {"10.2.0.0/16", "0.0.0.0/0/0", "is not a traffic selector", "dynamic"},
    {"addrs = 10.3.0.0/24", "addrs = 10.3.0/24", "is neither a subnet nor a range",
     "10.3.0.10-10.3.0.99"},
    {"dns = 10.1.0.53", "dns = ns.example.org", "is not an address", "10.0.0.53"},
    {"dns = 10.1.0.53", "dsn = 10.1.0.53", "is not a keyword", "did you mean dns?"},
    {"encap = no", "vips = 0.0.0.0/0", "is not an address", "write 0.0.0.0 or ::"},
    // Proposals.
    {"prfsha384-ecp384", "prfsha384-ecp385", "\"ecp385\"", "\"ecp384\""},
    {"esp_proposals = aes256gcm16", "esp_proposals = aes265gcm16", "\"aes265gcm16\"",
     "\"aes256gcm16\""},
    {"proposals = aes256gcm16-prfsha384-ecp384", "proposals = aes256gcm16", "wanted", ""},
    // Names that point nowhere.
    {"pools = road", "pools = raod", "there is no pool raod", "did you mean road?"},
    {"    home {", "    home : base {", "base", ""},
    {"pools {", "poools {", "poools: is none of connections", "did you mean pools?"},
    // Sections and values.
    {"local_addrs = 192.0.2.1", "local_addrs { }", "is a section here, but takes a value",
     "write local_addrs = ..."},
    {"unique = replace", "nonsense { }", "is not a section of a connection",
     "local, remote and children"},
    // Identities and secrets.
    {"id = sun.example\n        }\n        ch", "id = \"@#zz\"\n        }\n        ch", "wanted",
     ""},
    {"secret = 0s", "secrte = 0s", "secret", ""},
    {"0sFpZAZqEN6Ti9sqt4ZP5EWcqx", "0s***", "is not base64", "write it as hex"},
    {"0sFpZAZqEN6Ti9sqt4ZP5EWcqx", "0xabc", "is not hex digits", "correct it"},
    {"ike-home {", "psk-home {", "is not a kind of secret", "begin its name with ike"},
    // What Culvert cannot do, and security or connectivity hangs on.
    {"mode = tunnel", "if_id_in = 42", "is not built yet", "XFRM interfaces"},
    {"mode = tunnel", "mark_in = 42", "is not built yet", "select by local_ts"},
    {"encap = no", "mediation = yes", "mediation", ""},
    // Syntax.
    {"remote_ts = 10.2.0.0/16", "remote_ts 10.2.0.0/16", "", ""},
    {"        unique = replace\n", "        unique = \"replace\n", "", ""},
    {"connections {", "include nowhere.conf\nconnections {", "includes", ""},
});

std::string::size_type line_of(std::string_view text, std::size_t at) {
    return static_cast<std::string::size_type>(1 + std::ranges::count(text.substr(0, at), '\n'));
}

TEST(Mistakes, TheConfigurationIsWellWithoutThem) {
    EXPECT_EQ(show(load_text(well).problems), "");
    EXPECT_GE(mistakes.size(), 40U);
}

TEST(Mistakes, EachGetsOneMessageAtItsLine) {
    for (const Mistake& mistake : mistakes) {
        const std::size_t at = well.find(mistake.instead_of);
        ASSERT_NE(at, std::string_view::npos) << mistake.instead_of;
        std::string text{well};
        text.replace(at, mistake.instead_of.size(), mistake.written);
        const Problems problems = load_text(text).problems;
        SCOPED_TRACE(std::string{mistake.written} + "\n" + show(problems));
        EXPECT_EQ(problems.size(), 1U);
        if (problems.empty()) { continue; }
        const Problem& problem = problems.front();
        EXPECT_EQ(problem.severity, Problem::Severity::error);
        EXPECT_EQ(problem.place.line,
                  line_of(well, at + mistake.instead_of.find_first_not_of(' ')));
        EXPECT_NE((problem.path + ": " + problem.what).find(mistake.wrong), std::string::npos);
        EXPECT_NE(problem.remedy.find(mistake.remedy), std::string::npos);
        EXPECT_FALSE(problem.what.empty());
    }
}

}  // namespace
}  // namespace culvert::config
