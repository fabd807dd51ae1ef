// What is told, in which words, at which line. Each text stands in line 3 (a connection's keyword)
// or 5 (a child's).

#include <array>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

struct Case {
    std::string text;
    std::string want;
};

TEST(Refusals, OfAConnectionsKeywords) {
    const std::string at = "t.conf:3: error: connections.c.";
    for (const Case& c : std::initializer_list<Case>{
             {"version = 1",
              "version: IKEv1 is not built yet. To fix it: use version = 2, if the peer can"},
             {"version = 3", "version: \"3\" is not a number from 0 to 2"},
             {"version = 99999999999999999999999",
              "version: so large a number is not a number from 0 to 2"},
             {"version = two", "version: \"two\" is not a number from 0 to 2"},
             {"version { }",
              "version: is a section here, but takes a value. To fix it: write version = ..."},
             {"local_port = 65536", "local_port: \"65536\" is not a number from 0 to 65535"},
             {"local_port = -1", "local_port: \"-1\" is not a number from 0 to 65535"},
             {"encap = maybe", "encap: \"maybe\" is not yes or no"},
             {"mobike = flase",
              "mobike: \"flase\" is not yes or no. To fix it: did you mean false?"},
             {"dpd_delay = 30sec",
              "dpd_delay: \"30sec\" is not a time. To fix it: write a number "
              "and s, m, h or d, as in 30s or 4h"},
             {"dpd_delay = 4000d",
              "dpd_delay: \"4000d\" is longer than ten years. To fix it: "
              "write 0 for no limit, or a shorter time"},
             {"rekey_time = 18446744073709551616",
              "rekey_time: \"18446744073709551616\" is longer than ten years. To fix it: write 0 "
              "for no limit, or a shorter time"},
             {"unique = replce",
              "unique: \"replce\" is not no, never, keep or replace. To fix it: "
              "did you mean replace?"},
             {"local_addrs = 10.0.0.256",
              "local_addrs: \"10.0.0.256\" is neither an address, a subnet, a range nor a name. To "
              "fix it: write for instance 192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, "
              "vpn.example.org or %any"},
             {"remote_addrs = , ,",
              "remote_addrs: names no address. To fix it: remove the line, or write %any"},
             {"proposals = aes256-sha256-modp2047",
              "proposals: wanted proposal words that exist, found \"modp2047\". To fix it: the "
              "nearest word is \"modp2048\""},
             {"dpd_dely = 30s",
              "dpd_dely: is not a keyword of this section. To fix it: did you mean dpd_delay?"},
             {"zzzzzzzz = 1", "zzzzzzzz: is not a keyword of this section. To fix it: remove it"},
             {"nonsense { }",
              "nonsense: is not a section of a connection. To fix it: a connection "
              "holds local, remote and children"},
             {"children = net",
              "children: is a section, but is given a value. To fix it: write children { ... }"},
             {"vips = 0.0.0.0/0",
              "vips: \"0.0.0.0/0\" is not an address. To fix it: write 0.0.0.0 or :: for any, or "
              "the address that is wanted"},
         }) {
        EXPECT_EQ(show(load_text(connection_with(c.text)).problems), at + c.want + "\n");
    }
}

TEST(Refusals, OfAChildsKeywords) {
    const std::string at = "t.conf:5: error: connections.c.children.n.";
    const std::string selector =
        " is not a traffic selector. To fix it: write for instance "
        "10.1.0.0/16, 10.1.0.0/16[tcp/443], 10.1.0.1-10.1.0.9 or dynamic";
    for (const Case& c : std::initializer_list<Case>{
             {"local_ts = 10.1.0.0/33", "local_ts: \"10.1.0.0/33\"" + selector},
             {"remote_ts = dynamic[nosuch/x]", "remote_ts: \"dynamic[nosuch/x]\"" + selector},
             {"remote_ts = dynamics", "remote_ts: \"dynamics\"" + selector},
             {"mode = beet", "mode: mode = beet is not built. To fix it: use mode = tunnel"},
             {"mode = tunel",
              "mode: \"tunel\" is not tunnel, transport, pass or drop. To fix it: did you mean "
              "tunnel?"},
             {"start_action = trap|go", "start_action: \"trap|go\" is not none, trap or start"},
             {"start_action = |", "start_action: \"|\" is not none, trap or start"},
             {"life_bytes = 5000000000G",
              "life_bytes: \"5000000000G\" is more than 2^62 octets. "
              "To fix it: write 0 for no limit, or less"},
             {"rekey_bytes = 5T",
              "rekey_bytes: \"5T\" is not a number of octets. To fix it: write "
              "a number, perhaps with k, M or G, as in 500M"},
             {"replay_window = 8193", "replay_window: \"8193\" is not a number from 0 to 8192"},
             {"reqid = 0x1ffffffff", "reqid: \"0x1ffffffff\" is not a number from 0 to 4294967295"},
             {"copy_dscp = maybe", "copy_dscp: \"maybe\" is not out, in, yes or no"},
             {"culvert_outer_df = maybe", "culvert_outer_df: \"maybe\" is not copy, set or clear"},
             {"culvert_outer_dscp = 46",
              "culvert_outer_dscp: \"46\" is not six binary digits. To fix it: write the code "
              "point so, as "
              "101110 for EF"},
             {"culvert_outer_dscp = 101112",
              "culvert_outer_dscp: \"101112\" is not six binary digits. To fix it: write the code "
              "point "
              "so, "
              "as 101110 for EF"},
             {"esp_proposal = aes128",
              "esp_proposal: is not a keyword of this section. To fix it: did you mean "
              "esp_proposals?"},
             {"esp_proposals = aes129", "esp_proposals: wanted "},
         }) {
        const std::string got = show(load_text(child_with(c.text)).problems);
        if (c.text.starts_with("esp_proposals")) {
            // The words are the proposal room's; that they arrive, with their place, is ours.
            EXPECT_TRUE(got.starts_with(at + "esp_proposals: wanted ")) << got;
            continue;
        }
        EXPECT_EQ(got, at + c.want + "\n");
    }
}

TEST(Refusals, OfAuthentication) {
    const auto with = [](std::string_view local, std::string_view remote) {
        return show(load_text(fmt::format("connections {{ c {{\n{}\n{}\n}} }}\n"
                                          "secrets {{ ike {{ secret = 0123456789abcdef }} }}",
                                          local, remote))
                        .problems);
    };
    // strongSwan's default, auth = pubkey.
    for (const char* const local : {"local { }", ""}) {
        EXPECT_EQ(with(local, "remote { auth = psk }"),
                  "t.conf:1: warning: connections.c: local.auth is pubkey, and there is no "
                  "certificate with its key for %any. To fix it: put the certificate into x509, "
                  "its key into private, and name the certificate in local.certs\n");
    }
    EXPECT_EQ(with("local { auth = psk }", "remote { auth = eap-radius }"),
              "t.conf:3: error: connections.c.remote.auth: auth = eap-radius is not built yet. To "
              "fix it: use auth = eap-mschapv2, with the users in secrets { eap-... }\n");
    EXPECT_EQ(with("local { auth = eap-mschapv2 }", "remote { auth = eap-mschapv2 }"),
              "t.conf:1: error: connections.c: has EAP on both sides, with methods that leave the "
              "responder unproved (RFC 5998). To fix it: let the responder have auth = pubkey, "
              "which clients see as remote.auth\n");
    EXPECT_EQ(with("local { auth = xauth }", "remote { auth = psk }"),
              "t.conf:2: error: connections.c.local.auth: auth = xauth is not built yet. To fix "
              "it: use auth = pubkey, or auth = psk and a secret for both ids in secrets\n");
    EXPECT_EQ(with("local { auth = pks }", "remote { auth = psk }"),
              "t.conf:2: error: connections.c.local.auth: \"pks\" is not a way to authenticate. "
              "To fix it: write auth = psk, pubkey, eap-mschapv2 or null; of a key its kind, least "
              "size and hashes may follow, as in rsa-3072-sha256\n");
    EXPECT_EQ(with("local-1 { auth = psk } local-2 { auth = psk }\n ppk_id = q.example",
                   "remote { auth = psk }"),
              "t.conf:1: error: connections.c: has a ppk_id, and several local or remote sections: "
              "not built together. To fix it: leave one section local and one section remote\n");
    EXPECT_EQ(with("local-1 { auth = psk } local-2 { auth = eap-tls }",
                   "remote-1 { auth = psk } remote-2 { auth = eap-tls }"),
              "t.conf:1: error: connections.c: has EAP on both sides, and several local or remote "
              "sections: not built together. To fix it: let the responder have auth = pubkey or "
              "psk in each of its rounds\n");
    EXPECT_NE(with("local-1 { auth = psk } local-2 { auth = eap-gtc }", "remote { auth = null }")
                  .find("would show a password's proof to anybody: remote.auth is null"),
              std::string::npos);
    EXPECT_EQ(with("local-1 { auth = psk } local-2 { auth = psk } local-3 { auth = psk }\n"
                   "local-4 { auth = psk } local-5 { auth = psk }",
                   "remote { auth = psk }"),
              "t.conf:1: error: connections.c: has 5 local sections (local-1, local-2...). To fix "
              "it: leave at most 4\n");
    EXPECT_EQ(with("local { auth = psk }", "remote { auth = psk\n cert_policy = 1.2.x }"),
              "t.conf:4: error: connections.c.remote.cert_policy: \"1.2.x\" is not an OID. To fix "
              "it: write digits and dots, as in 1.3.6.1.4.1.99\n");
    EXPECT_EQ(
        with("local { auth = psk }", "remote { auth = psk\n cacert { handle = 01 } }"),
        "t.conf:4: error: connections.c.remote.cacert.handle: names an object on a token, which "
        "is built only for our own certificates. To fix it: put the certificate into a file\n");
    EXPECT_EQ(with("local { auth = psk\n cert { handle = 0g } }", "remote { auth = psk }"),
              "t.conf:3: error: connections.c.local.cert.handle: is not the id of an object in "
              "hex. To fix it: write it as in handle = 0a01\n");
    const std::string bad_id =
        with("local { auth = psk }", "remote { auth = psk\n id = \"@#zz\" }");
    EXPECT_TRUE(bad_id.starts_with("t.conf:4: error: connections.c.remote.id: wanted ")) << bad_id;
}

TEST(Rounds, StandInTheOrderOfTheirNumbersThenOfTheFile) {
    const Loaded loaded = load_text(
        "connections { c {\n"
        "local-b { round = 2\n auth = psk\n id = second.example }\n"
        "local-c { round = 2\n auth = psk\n id = third.example }\n"
        "local-a { round = 1\n auth = psk\n id = first.example }\n"
        "remote { auth = psk } } }\n"
        "secrets { ike { secret = 0123456789abcdef } }");
    ASSERT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& c = loaded.config.connections.front();
    EXPECT_EQ(c.local.id.to_string(), "first.example");
    ASSERT_EQ(c.local_more.size(), 2U);
    EXPECT_EQ(c.local_more[0].id.to_string(), "second.example");
    EXPECT_EQ(c.local_more[1].id.to_string(), "third.example");
    EXPECT_TRUE(c.remote_more.empty());
}

TEST(Tokens, AreNamedByTheirHandle) {
    const Loaded loaded =
        load_text("secrets { token-card { handle = 0A01\n slot = 3\n module = m\n pin = 12 } }");
    ASSERT_EQ(loaded.tokens.size(), 1U) << show(loaded.problems);
    EXPECT_EQ(loaded.tokens.front().handle, "0a01");
    EXPECT_EQ(loaded.tokens.front().slot, 3U);
    for (const std::string_view bad : {"pin = 12", "handle = 0", "handle = xy", "handle ="}) {
        const Loaded refused = load_text(fmt::format("secrets {{ token {{ {}\n }} }}", bad));
        EXPECT_FALSE(refused.ok()) << bad;
        EXPECT_TRUE(refused.tokens.empty());
    }
}

TEST(Refusals, OfSecrets) {
    const auto with = [](std::string_view secrets) {
        return show(load_text(fmt::format("secrets {{\n{}\n}}", secrets)).problems);
    };
    EXPECT_EQ(with("ike-1 { }"),
              "t.conf:2: error: secrets.ike-1: has no secret. To fix it: add secret = ...\n");
    EXPECT_EQ(with("ike-1 { secret = 0xabc }"),
              "t.conf:2: error: secrets.ike-1.secret: begins with 0x but is not hex digits, two an "
              "octet. To fix it: correct it; a plain text that begins with 0x cannot be written as "
              "such, write it as hex\n");
    EXPECT_EQ(with("ike-1 { secret = 0s*** }"),
              "t.conf:2: error: secrets.ike-1.secret: begins with 0s but is not base64. To fix it: "
              "correct it; a plain text that begins with 0s cannot be written as such, write it as "
              "hex behind 0x\n");
    EXPECT_EQ(with("ike-1 { secret = 0s }"),
              "t.conf:2: error: secrets.ike-1.secret: is empty. To fix it: give the secret as "
              "text, as hex behind 0x or as base64 behind 0s\n");
    EXPECT_EQ(with("ike-1 { secret = short }"),
              "t.conf:2: warning: secrets.ike-1.secret: is shorter than 8 octets: whoever records "
              "a handshake as the peer can guess it (RFC 7296 2.15). To fix it: use 32 random "
              "octets, as from `openssl rand -base64 32`, behind 0s\n");
    EXPECT_EQ(with("ike-1 { secret = 0123456789\n key = 1 }"),
              "t.conf:3: error: secrets.ike-1.key: is not a keyword of this section. To fix it: a "
              "secret has secret and id<suffix>\n");
    EXPECT_EQ(with("moon { secret = 0123456789 }"),
              "t.conf:2: error: secrets.moon: is not a kind of secret. To fix it: begin its name "
              "with ike, as in ike-moon, for a pre-shared key\n");
    EXPECT_EQ(with("eap-carol { secret = x\n id = carol }"), "");
    EXPECT_EQ(with("ntlm-carol { secret = x\n id = carol }"),
              "t.conf:2: error: secrets.ntlm-carol.secret: is no NT hash, which has 16 octets. To "
              "fix it: give MD4(UTF-16LE(password)) as 0x hex or 0s base64, or the password itself "
              "in secrets.eap\n");
    EXPECT_EQ(with("ike-1 = x"),
              "t.conf:2: error: secrets.ike-1: is a value, but here stand only sections. To fix "
              "it: write ike-1 { ... }\n");
}

// Nothing that stands in a secret's line is repeated, whatever goes wrong there.
TEST(Refusals, NeverQuoteASecret) {
    for (const char* text :
         {"secrets { ike { secret = ab}TOPSECRET } }", "secrets { ike { secret = 0xTOPSECRET } }",
          "secrets { ike { secret = 0s!TOPSECRET } }", "secrets { ike { secret = \"TOPSECRET",
          "secrets { ike { secret = x#TOPSECRET\n } }", "secrets { ike { secret = } TOPSECRET } }",
          "secrets { ike { secret { TOPSECRET = x } } }",
          "secrets { ike { secret = \"ab\"TOPSECRET } = \"TOPSECRET\" } }"}) {
        const std::string got = show(load_text(text).problems);
        EXPECT_FALSE(got.empty()) << text;
        EXPECT_EQ(got.find("TOPSECRET"), std::string::npos) << got;
    }
}

TEST(Refusals, OfTheTopLevel) {
    EXPECT_EQ(show(load_text("conections { }").problems),
              "t.conf:1: error: conections: is none of connections, secrets, pools, authorities, "
              "charon, and no section refers to it. To fix it: did you mean connections?\n");
    EXPECT_EQ(show(load_text("connections = x").problems),
              "t.conf:1: error: connections: is a section, but is given a value. To fix it: write "
              "connections { ... }\n");
    EXPECT_EQ(
        show(load_text("authorities { a { } }").problems),
        "t.conf:1: error: authorities.a: has no certificate. To fix it: add cacert = FILE (in "
        "x509ca)\n");
    EXPECT_EQ(show(load_text("authorities { a { crl_uri = x } }").problems),
              "t.conf:1: error: authorities.a.crl_uri: is not a keyword of this section. To fix "
              "it: did you mean crl_uris?\n");
}

TEST(Refusals, AMistakeInATemplateIsToldOnce) {
    EXPECT_EQ(
        show(load_text("base {\n version = 7\n local { auth = psk }\n remote { auth = psk }\n}\n"
                       "connections { a : base { }\n b : base { }\n}\n"
                       "secrets { ike { secret = 0123456789abcdef } }")
                 .problems),
        "t.conf:2: error: connections.a.version: \"7\" is not a number from 0 to 2\n");
}

TEST(Refusals, AreBoundedInNumber) {
    std::string text = "connections {\n";
    for (int i = 0; i < 3000; ++i) { text += fmt::format("c{} = 1\n", i); }
    const Loaded loaded = load_text(text + "}\n");
    ASSERT_EQ(loaded.problems.size(), 1001U);
    EXPECT_EQ(loaded.problems.back().to_string(), "error: 2000 more problems are not shown");
    EXPECT_FALSE(loaded.ok());
}

TEST(Warnings, OfWhatIsNotBuiltAndHarmless) {
    for (const Case& c : std::initializer_list<Case>{
             {"ipcomp = yes", "ipcomp: is ignored, it is not built: packets travel uncompressed"},
             {"hw_offload = crypto",
              "hw_offload: is ignored, it is not built: the user-space plane computes by itself"},
             {"policies_fwd_out = yes",
              "policies_fwd_out: has no effect here: the user-space plane has no such policies, "
              "and forwards without them"},
             {"dpd_action = trap|start",
              "dpd_action: trap|start is treated as start here. To fix it: use start_action = "
              "trap|start to have the trap in any case"},
         }) {
        EXPECT_EQ(show(load_text(child_with(c.text)).problems),
                  "t.conf:5: warning: connections.c.children.n." + c.want + "\n");
    }
    // What they would do anyway is not worth a word.
    for (const char* text :
         {"ipcomp = no", "hw_offload = auto", "hw_offload = No", "mark_in = 0", "if_id_in = 0",
          "label_mode = system", "tfc_padding = 0", "sha256_96 = disabled", "hostaccess = false"}) {
        EXPECT_EQ(show(load_text(child_with(text)).problems), "") << text;
    }
    for (const char* text : {"aggressive = no", "pull = yes", "fragmentation = yes",
                             "childless = never", "send_certreq = yes", "dpd_timeout = 0s",
                             "if_id_out = 0", "mediation = no", "dscp = 000000"}) {
        EXPECT_EQ(show(load_text(connection_with(text)).problems), "") << text;
    }
}

TEST(Warnings, OfTimesThatCannotWork) {
    EXPECT_EQ(show(load_text(child_with("rekey_time = 1h\nlife_time = 30m")).problems),
              "t.conf:4: warning: connections.c.children.n: life_time (1800) ends the SA before "
              "rekey_time (3600) can replace it. To fix it: make life_time larger\n");
    EXPECT_EQ(show(load_text(child_with("rekey_time = 1h\nrand_time = 2h")).problems),
              "t.conf:4: warning: connections.c.children.n: rand_time (7200) takes off all of "
              "rekey_time (3600). To fix it: make rand_time smaller\n");
}

TEST(Warnings, OfWeakAlgorithms) {
    EXPECT_EQ(show(load_text(child_with("esp_proposals = 3des-sha1-modp1024")).problems),
              "t.conf:5: warning: connections.c.children.n.esp_proposals: weak, kept for old peers "
              "only: 3des, modp1024. To fix it: use aes256gcm16-prfsha384-ecp384, or "
              "aes128-sha256-modp2048, if the peer can\n");
    EXPECT_EQ(show(load_text(connection_with("proposals = aes128-sha1-modp2048")).problems),
              "t.conf:3: info: connections.c.proposals: old, though not broken in this use: sha1, "
              "prfsha1. To fix it: use sha256 or better, if the peer can\n");
    EXPECT_EQ(show(load_text(connection_with("proposals = default")).problems), "");
}

// secrets that everybody may read.
TEST(Warnings, X04OfReadersOfSecrets) {
    const auto loaded = [](const char* text) {
        Tree tree = parse_text(text, "t.conf");
        tree.files[0].others_may_read = true;
        return show(load(tree).problems);
    };
    EXPECT_EQ(loaded("secrets { ike { secret = 0123456789abcdef } }"),
              "t.conf: warning: holds secrets, and every user of this machine may read it. To fix "
              "it: chmod 600 t.conf\n");
    EXPECT_EQ(loaded("connections { }"), "");
}

}  // namespace
}  // namespace culvert::config
