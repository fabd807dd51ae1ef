// culvert: the operator's command line.

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "cli/commands.hpp"
#include "cli/connection.hpp"
#include "cli/terminal.hpp"
#include "config/nearest.hpp"

namespace {

using namespace culvert::cli;

// Each line is out at once: `culvert log --follow | grep` must not wait for a full buffer.
class Standard final : public Output {
 public:
    void out(std::string_view text) override {
        const int failed = write(
            stdout, ::isatty(STDOUT_FILENO) == 1 ? fit_for_terminal(text) : std::string{text});
        if (failed_ == 0) { failed_ = failed; }
    }
    void err(std::string_view text) override { write(stderr, fit_for_terminal(text)); }

    // Why not all of it could be written; 0: it could.
    int failed() const { return failed_; }

 private:
    static int write(std::FILE* file, const std::string& text) {
        errno = 0;
        const bool done =
            std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0;
        return done ? 0 : (errno != 0 ? errno : EIO);
    }
    int failed_ = 0;
};

constexpr long long timeout_s_max = 10LL * 365 * 86400;  // ten years

// Everything that the command line can set; one of a run.
struct Words {
    std::string name;
    std::string file = "/etc/swanctl/swanctl.conf";
    std::string ping;
    std::string conf;
    std::string secrets;
    StatusWishes status;
    LogWishes log;
    RedirectWishes redirect;
    PkiWishes pki;
    bool flag = false;
};

class CommandLine {
 public:
    CommandLine() {
        app_.require_subcommand(1);
        app_.set_version_flag("--version", "culvert " CULVERT_VERSION);
        app_.add_flag("--json", context_.json, "print JSON; also behind the command");
    }

    int run(int argc, char** argv) {
        add_tunnels();
        add_diagnose();
        add_views();
        add_configuration();
        add_pki();
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            if (argc > 1 && !chosen_ && no_such_command(argv[1])) { return 2; }
            return app_.exit(error) == 0 ? 0 : 2;
        }
        const Exit status = chosen_();
        if (output_.failed() == 0) { return static_cast<int>(status); }
        // Half of a file is worse than none: whoever redirects it must know.
        output_.err(fmt::format("culvert: cannot write to standard output: {}\n",
                                std::generic_category().message(output_.failed())));
        return static_cast<int>(status == Exit::ok ? Exit::failed : status);
    }

 private:
    // True, and told of: a word that is no command.
    bool no_such_command(const std::string& word) {
        std::vector<std::string> names;
        for (const CLI::App* const sub : app_.get_subcommands({})) {
            names.push_back(sub->get_name());
        }
        if (word.starts_with('-') || std::ranges::find(names, word) != names.end()) {
            return false;
        }
        const std::vector<std::string_view> known{names.begin(), names.end()};
        const auto near = culvert::config::nearest(word, known);
        output_.err(fmt::format(
            "culvert: there is no command {}{}\nRun with --help for all of "
            "them.\n",
            culvert::printable(word, 80), near ? fmt::format("; did you mean {}?", *near) : ""));
        return true;
    }

    CLI::App* command(const char* word, const char* about, std::function<Exit()> run) {
        CLI::App* const sub = app_.add_subcommand(word, about);
        sub->add_option("--vici", context_.vici, "URI of the daemon's socket: unix:///path");
        sub->add_flag("--json", context_.json, "print JSON");
        sub->callback([this, run = std::move(run)] { chosen_ = run; });
        return sub;
    }

    CLI::App* named(const char* word, const char* about, std::function<Exit()> run) {
        CLI::App* const sub = command(word, about, std::move(run));
        sub->add_option("name", words_.name, "a connection, a child, or connection/child")
            ->required();
        sub->add_option("--timeout", context_.timeout_s, "give up waiting after so many seconds")
            ->check(CLI::Range(0LL, timeout_s_max));
        sub->add_flag("-v,--verbose", context_.verbose, "show the progress");
        return sub;
    }

    void add_tunnels() {
        named("up", "bring a tunnel up", [this] { return up(context_, words_.name); });
        named("down", "take a tunnel down", [this] {
            return down(context_, words_.name, words_.flag);
        })->add_flag("--force", words_.flag, "do not wait for the peer");
        named("rekey", "give a tunnel fresh keys", [this] {
            return rekey(context_, words_.name, words_.flag);
        })->add_flag("--reauth", words_.flag, "make a new IKE SA, with authentication");
        CLI::App* const away =
            named("redirect", "send the peers of a connection to another gateway",
                  [this] { return redirect(context_, words_.name, words_.redirect); });
        away->get_option("name")->description("a connection");
        away->add_option("gateway", words_.redirect.gateway, "its address or domain name")
            ->required();
        away->add_option("--peer-ip", words_.redirect.peer_ip, "only peers in this range");
        away->add_option("--peer-id", words_.redirect.peer_id, "only peers with this identity");
    }

    void add_diagnose() {
        CLI::App* const sub = named("diagnose", "find out why a tunnel does not come up", [this] {
            if (!words_.ping.empty()) { context_.ping_to = culvert::IpAddress::parse(words_.ping); }
            return diagnose(context_, words_.name);
        });
        sub->add_option("--ping", words_.ping, "a host behind the peer that answers pings")
            ->check([](const std::string& text) {
                return culvert::IpAddress::parse(text) ? std::string{}
                                                       : text + " is not an IP address";
            });
    }

    void add_views() {
        CLI::App* const screen =
            command("status", "connections, SAs, traffic, drops, the last failures",
                    [this] { return status(context_, words_.status); });
        screen->add_option("name", words_.status.name, "only this connection, in full");
        screen->add_flag("--all", words_.status.all, "all in full, and every failure that is kept");
        CLI::App* const lines =
            command("log", "the last log lines", [this] { return log(context_, words_.log); });
        lines->add_flag("-f,--follow", words_.log.follow, "and those to come");
        lines->add_option("--peer", words_.log.peer,
                          "only lines about this connection, address or identity");
        command("monitor", "what happens to tunnels, as it happens",
                [this] { return monitor(context_); });
        command("stats", "counters of the daemon", [this] { return stats(context_); });
        command("leases", "pools, and who has which virtual address",
                [this] { return leases(context_); });
        command("certs", "certificates that are loaded", [this] { return certs(context_); });
        command("version", "of this program and of the daemon",
                [this] { return version(context_); });
    }

    void add_configuration() {
        command("check", "look a configuration over, without a daemon",
                [this] { return check(context_, words_.file); })
            ->add_option("file", words_.file, "a swanctl.conf")
            ->capture_default_str();
        CLI::App* const import =
            command("import", "an ipsec.conf as a swanctl.conf, on standard output",
                    [this] { return import_ipsec(context_, words_.conf, words_.secrets); });
        import->add_option("conf", words_.conf, "an ipsec.conf")->required();
        import->add_option("secrets", words_.secrets, "an ipsec.secrets");
        command("diff", "what a reload would change", [this] { return diff(context_); });
        command("reload", "read the configuration again, all or nothing",
                [this] { return reload(context_); });
    }

    // A command of `pki`.
    CLI::App* made(CLI::App* parent, const char* word, const char* about,
                   std::function<Exit()> run) {
        CLI::App* const sub = parent->add_subcommand(word, about);
        sub->add_flag("--json", context_.json, "print JSON");
        sub->callback([this, run = std::move(run)] { chosen_ = run; });
        return sub;
    }
    void add_key_type(CLI::App* sub) {
        sub->add_option("--type", words_.pki.key, "kind of the key")
            ->check(CLI::IsMember({"ecdsa", "rsa", "ed25519", "ed448"}))
            ->capture_default_str();
    }

    void add_pki() {
        constexpr long long authority_days = 3650;
        constexpr long long certificate_days = 397;
        CLI::App* const pki = app_.add_subcommand("pki", "make and show certificates");
        pki->require_subcommand(1);
        const auto days = [this](long long standard) {
            if (words_.pki.days == 0) { words_.pki.days = standard; }
        };
        CLI::App* const authority =
            made(pki, "authority", "make an authority of your own", [this, days] {
                days(authority_days);
                return pki_authority(context_, words_.pki);
            });
        CLI::App* const issue =
            made(pki, "issue", "make a key and a certificate for it", [this, days] {
                days(certificate_days);
                return pki_issue(context_, words_.pki);
            });
        for (CLI::App* const sub : {authority, issue}) {
            sub->add_option("--dir", words_.pki.folder, "the folder of swanctl.conf")
                ->capture_default_str();
            sub->add_option("--organization", words_.pki.organization, "O= of its name");
            sub->add_option("--days", words_.pki.days, "how long it is valid")
                ->check(CLI::Range(1LL, 36500LL));
            add_key_type(sub);
        }
        authority->add_option("name", words_.pki.names, "its name")->required()->expected(1);
        issue
            ->add_option("names", words_.pki.names,
                         "host name, address or user@host; more may follow")
            ->required();
        issue->add_option("--out", words_.pki.out, "write to this folder, to be copied to a peer");
        made(pki, "show", "what is in a certificate",
             [this] { return pki_show(context_, words_.file); })
            ->add_option("file", words_.file, "PEM or DER")
            ->required();
        CLI::App* const key =
            made(&app_, "keygen", "make a private key, and its public key",
                 [this] { return keygen(context_, words_.name, words_.pki.key); });
        key->add_option("file", words_.name, "where to write it; FILE.pub is the public key")
            ->required();
        add_key_type(key);
    }

    CLI::App app_{"Brings IPsec tunnels up and down, and tells how they are.", "culvert"};
    Standard output_;
    HostProbes probes_;
    Context context_{.output = output_,
                     .open = open_daemon,
                     .terminal = ::isatty(STDOUT_FILENO) == 1,
                     .probes = &probes_};
    Words words_;
    std::function<Exit()> chosen_;
};

}  // namespace

int main(int argc, char** argv) { return CommandLine{}.run(argc, argv); }
