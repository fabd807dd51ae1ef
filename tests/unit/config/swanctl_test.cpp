// strongSwan's own swanctl as the oracle: it reads a file and sends what it has understood over
// VICI. Our reading of the same file must come to the same, and it must get on with our VICI.

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load_text.hpp"
#include "vici/server_session.hpp"

namespace culvert::config {
namespace {

constexpr const char* swanctl = "/usr/sbin/swanctl";
constexpr int patience_ms = 20'000;

// Serves one swanctl, and keeps what it asked for.
class Daemon {
 public:
    Daemon() {
        std::string pattern = testing::TempDir() + "culvert-XXXXXX";
        folder_ = mkdtemp(pattern.data()) == nullptr ? "" : pattern;
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        socket_path().copy(address.sun_path, sizeof(address.sun_path) - 1);
        ok_ = bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              listen(listener_, 1) == 0;
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    Daemon(Daemon&&) = delete;
    Daemon& operator=(Daemon&&) = delete;
    ~Daemon() {
        close(listener_);
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    // The exit status of `swanctl ARGUMENTS --file (text)`, or -1.
    int run(const std::vector<std::string>& arguments, std::string_view text) {
        if (!ok_) { return -1; }
        const std::string file = folder_ + "/swanctl.conf";
        std::ofstream{file} << text;
        const pid_t child = fork();
        if (child == 0) {
            std::vector<std::string> words{swanctl};
            words.insert(words.end(), arguments.begin(), arguments.end());
            for (const std::string& word :
                 {std::string{"--file"}, file, std::string{"--uri"}, "unix://" + socket_path()}) {
                words.push_back(word);
            }
            std::vector<char*> raw;
            for (std::string& word : words) { raw.push_back(word.data()); }
            raw.push_back(nullptr);
            const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
            dup2(null, STDOUT_FILENO);
            dup2(null, STDERR_FILENO);
            execv(swanctl, raw.data());
            _exit(127);
        }
        if (child < 0) { return -1; }
        serve();
        int status = 0;
        waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    std::vector<vici::Request> requests;

 private:
    std::string socket_path() const { return folder_ + "/vici"; }

    static bool wait_for(int fd) {
        pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
        return poll(&one, 1, patience_ms) == 1;
    }

    void serve() {
        if (!wait_for(listener_)) { return; }
        const int peer = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        vici::ServerSession session{
            {{"get-conns", "load-conn", "unload-conn", "get-shared", "get-keys", "load-shared",
              "unload-shared", "clear-creds", "load-cert", "load-key", "flush-certs", "version"},
             vici::protocol_events()}};
        std::array<std::uint8_t, 4096> chunk{};
        while (wait_for(peer)) {
            const ssize_t count = read(peer, chunk.data(), chunk.size());
            if (count <= 0) { break; }
            auto request = session.receive(ByteView{chunk}.first(static_cast<std::size_t>(count)));
            while (request && *request) {
                requests.push_back(**request);
                session.respond(answer((*request)->command));
                request = session.receive({});
            }
            if (!request) { break; }
            while (!session.output().empty()) {
                const ByteView out = session.output();
                const ssize_t sent = send(peer, out.data(), out.size(), MSG_NOSIGNAL);
                if (sent <= 0) { break; }
                session.written(static_cast<std::size_t>(sent));
            }
        }
        close(peer);
    }

    static vici::Message answer(const std::string& command) {
        if (command == "get-conns") { return vici::Message{}.set("conns", vici::List{"old"}); }
        if (command == "get-shared" || command == "get-keys") {
            return vici::Message{}.set("keys", vici::List{});
        }
        return vici::success();
    }

    std::string folder_;
    int listener_ = -1;
    bool ok_ = false;
};

// Everything that the two could understand differently: inheritance, order, quotes, comments.
constexpr std::string_view text = R"(
# a comment
connections {
    one : base {
        remote_addrs = 10.0.0.2, moon.example.org   # behind a value
        proposals = aes256gcm16-prfsha384-ecp384 , aes128-sha256-modp2048
        dpd_delay =
        local-2 { id = "C=CH, O=strongSwan, CN=moon" }
        children {
            net : base.children.template {
                local_ts = 10.1.0.0/16[tcp/80],   10.3.0.0/16
                life_time = 2h
                rekey_time =
            }
            other { remote_ts = dynamic[udp] }
        }
    }
    two : base { version=2
                 children { a { start_action = trap|start } } }
    two { dpd_delay = 7s }
    three { local { auth = psk
        id = "x # } \"y\"" } remote { auth = psk } encap = yes
    }
}
base {
    version = 2
    dpd_delay = 30s
    unique = replace
    local_addrs = 10.0.0.1
    local-2 { auth = psk }
    remote-2 { auth = psk
               id = *@example.org }
    children {
        template { remote_ts = 10.2.0.0/16
                   rekey_time = 30m
                   rand_bytes = 5M
                   esp_proposals = aes128gcm16 }
    }
}
secrets {
    ike-1 { id-1 = moon.example.org
            id-2 = 10.0.0.2
            secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx }
    ike-2 { secret = "with } and # and \"" }
    ike-3 { id = x@example.org
            secret = 0xdeadbeef01020304 }
    ike-4 { secret = 0XDEADBEEF01020304 }
    ike-5 { secret = 0SFpZAZqEN6Ti9sqt4ZP5EWcqx }
    ike-6 { secret = 0sFpZAZqEN6Ti9sqt4ZP5EWc }
    ike-7 { secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcq= }
    ike-8 { secret = "abc\bdef \fghi\n \r\t\q \\ \" 12345678" }
    ike-9 { secret = "one line \
of two" }
    ike-10 { secret = 0sFpZAZqEN6Ti9sqt4ZP5EW= }
}
)";

// What swanctl makes of the secrets in a file.
std::vector<ike::SharedSecret> secrets_of_swanctl(Daemon& daemon, std::string_view file) {
    std::vector<ike::SharedSecret> out;
    daemon.requests.clear();
    EXPECT_EQ(daemon.run({"--load-creds", "--noprompt"}, file), 0);
    for (const vici::Request& request : daemon.requests) {
        if (request.command != "load-shared") { continue; }
        LoadedSecret loaded = load_shared(request.message);
        EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
        if (loaded.secret) { out.push_back(*std::move(loaded.secret)); }
    }
    return out;
}

// The file of an editor that ends lines as Windows does.
TEST(Swanctl, TakesLineEndsInSecretsAsWeDo) {
    if (access(swanctl, X_OK) != 0) { GTEST_SKIP() << "strongSwan's swanctl is not installed"; }
    constexpr std::string_view file =
        "secrets {\r\n ike-1 { secret = \"over two\r\nlines\" }\r\n"
        " ike-2 { secret = \"with a \\\r\nbackslash\" }\r\n"
        " ike-3 { secret = \"a\rb \\\rc in the middle\" }\r\n"
        " ike-4 { secret = plain text \r\n }\r\n}\r\n";
    Daemon daemon;
    const auto theirs = secrets_of_swanctl(daemon, file);
    const Loaded ours = load_text(file);
    EXPECT_TRUE(ours.ok()) << show(ours.problems);
    ASSERT_EQ(ours.config.secrets.size(), 4U);
    ASSERT_EQ(theirs.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(as_text(ours.config.secrets[i].secret.reveal()),
                  as_text(theirs[i].secret.reveal()));
    }
}

TEST(Swanctl, UnderstandsAFileAsWeDo) {
    if (access(swanctl, X_OK) != 0) { GTEST_SKIP() << "strongSwan's swanctl is not installed"; }
    const Tree tree = parse_text(text, "t.conf");
    ASSERT_TRUE(tree.ok()) << tree.problems.front().to_string();
    const Loaded ours = load(tree);
    EXPECT_TRUE(ours.ok()) << show(ours.problems);

    ike::Config theirs;
    Daemon daemon;
    ASSERT_EQ(daemon.run({"--load-conns"}, text), 0);
    bool unloaded = false;
    for (const vici::Request& request : daemon.requests) {
        unloaded = unloaded || request.command == "unload-conn";
        if (request.command != "load-conn") { continue; }
        const vici::Entry& entry = request.message.entries.at(0);
        LoadedConnection loaded =
            load_connection(entry.key, std::get<vici::Section>(entry.element));
        EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
        theirs.connections.push_back(std::move(loaded.connection));
    }
    EXPECT_TRUE(unloaded);  // it understood our answer to get-conns

    theirs.secrets = secrets_of_swanctl(daemon, text);

    ASSERT_EQ(theirs.connections.size(), ours.config.connections.size());
    ASSERT_EQ(theirs.secrets.size(), ours.config.secrets.size());
    for (std::size_t i = 0; i < theirs.connections.size(); ++i) {
        EXPECT_EQ(theirs.connections[i].name, ours.config.connections[i].name);
    }
    const Changes changes = compare(ours.config, theirs);
    for (const auto& name : changes.changed) { ADD_FAILURE() << "not the same: " << name; }
    for (const auto& c : changes.children_changed) {
        ADD_FAILURE() << "not the same: " << c.connection << " " << c.child;
    }
    EXPECT_FALSE(changes.secrets);
    EXPECT_TRUE(changes.empty());
}

}  // namespace
}  // namespace culvert::config
