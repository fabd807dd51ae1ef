// From the tree to the typed configuration.

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "config/credentials.hpp"
#include "config/nearest.hpp"
#include "config/sections.hpp"

namespace culvert::config {
namespace {

// How many of the errors cost only the section that they stand in.
std::size_t report_syntax(const Tree& tree, Report& report) {
    std::size_t apart = 0;
    for (const SyntaxProblem& problem : tree.problems) {
        if (problem.apart) { ++apart; }
        report.add(
            {.severity = problem.warning ? Problem::Severity::warning : Problem::Severity::error,
             .place = problem.place,
             .what = problem.what,
             .remedy = problem.remedy});
    }
    return apart;
}

// Whether all of it was there to be read.
bool is_complete(const EntryPlace* place) {
    return place == nullptr ||
           (!place->incomplete &&
            std::ranges::all_of(place->section.entries,
                                [](const EntryPlace& inner) { return is_complete(&inner); }));
}

// strongswan.conf is read by all of strongSwan's programs; these are not the daemon's sections.
bool is_of_another_program(std::string_view section) {
    constexpr std::array<std::string_view, 10> programs{
        "swanctl",    "starter", "pki",    "charon-cmd", "charon-nm",
        "scepclient", "pool",    "attest", "aikgen",     "sw-collector"};
    return std::ranges::find(programs, section) != programs.end();
}

class Loader {
 public:
    Loader(const Tree& tree, const FileSource* source) : tree_(tree), source_(source) {}

    Loaded run() {
        errors_in_sections_ = report_syntax(tree_, report_);
        const Scope root{tree_.root, &tree_.places, "", report_, source_};
        root.each([&](const Field& field) { top(root, field); });
        // What was not read behind a mistake is not missing, and what was read in part proves
        // nothing.
        check_pools(tree_.ok() && !misspelt_section_);
        take_credentials();
        warn_of_readers();
        if (!report_.has_errors()) {
            check_across(out_.config, places_, !secret_missing_, out_.tokens.empty(), report_);
        }
        out_.rest_is_sound = report_.errors() == errors_in_sections_;
        out_.problems = report_.take();
        return std::move(out_);
    }

 private:
    // A section whose errors are its own alone. True if there was none.
    bool read_apart(const std::function<void()>& read) {
        const std::size_t before = report_.errors();
        read();
        errors_in_sections_ += report_.errors() - before;
        return report_.errors() == before;
    }

    // `use` for every section in `field`, which may hold nothing else.
    void each_section(const Scope& root, const Field& field,
                      const std::function<void(const Scope&)>& use) {
        const auto not_a_section = [this](const Field& wrong, std::string_view what) {
            read_apart([&] {
                wrong.error(what, fmt::format("write {} {{ ... }}", printable(wrong.key())));
            });
        };
        if (field.section() == nullptr) {
            not_a_section(field, "is a section, but is given a value");
            return;
        }
        const Scope scope{root, field};
        scope.each([&](const Field& inner) {
            if (inner.section() == nullptr) {
                not_a_section(inner, "is a value, but here stand only sections");
            } else if (is_complete(inner.at)) {
                use(Scope{scope, inner});
            }
        });
    }

    void top(const Scope& root, const Field& field) {
        const std::string& key = field.key();
        if (key == "connections") {
            each_section(root, field, [&](const Scope& scope) { connection(scope); });
        } else if (key == "secrets") {
            each_section(root, field, [&](const Scope& scope) {
                read_apart([&] { secret(scope, field.place()); });
            });
        } else if (key == "pools") {
            each_section(root, field, [&](const Scope& scope) { pool(scope); });
        } else if (key == "authorities") {
            each_section(root, field, [&](const Scope& scope) {
                read_apart([&] {
                    if (auto read = read_authority(scope)) {
                        authorities_.push_back(*std::move(read));
                    }
                });
            });
        } else if (key == "charon" && field.section() != nullptr) {
            out_.settings_are_sound = read_apart(
                [&] { read_charon(Scope{root, field}, out_.config.settings, out_.daemon); });
        } else if (!tree_.templates.contains(key)) {
            read_apart([&] { unknown(field); });
        }
    }

    // swanctl passes over what it does not know: a template that nobody uses now, say. One that is
    // misspelt would leave out what was meant.
    void unknown(const Field& field) {
        constexpr std::string_view what =
            "is none of connections, secrets, pools, authorities, charon, and no section refers to "
            "it";
        const auto meant =
            nearest(field.key(), {"connections", "secrets", "pools", "authorities", "charon"});
        if (meant) {
            misspelt_section_ = true;
            field.error(what, fmt::format("did you mean {}?", *meant));
        } else {
            field.warning(what, "remove it, or leave it for later");
        }
    }

    void pool(const Scope& scope) {
        std::optional<ike::Pool> pool;
        pool_names_.emplace_back(scope.name());
        const bool sound = read_apart([&] { pool = read_pool(scope); });
        if (sound && pool) { out_.config.pools.push_back(*std::move(pool)); }
    }

    void connection(const Scope& scope) {
        ike::Connection conn;
        if (!read_apart([&] { conn = read_connection(scope); })) { return; }
        places_[{conn.name, ""}] = scope.place();
        if (const auto pools = scope.find("pools")) { pool_places_[conn.name] = pools->place(); }
        if (const auto children = scope.find("children"); children && children->at != nullptr) {
            for (std::size_t i = 0; i < children->at->section.entries.size(); ++i) {
                const auto& entry = children->section()->entries[i];
                places_[{conn.name, entry.key}] = children->at->section.entries[i].place;
            }
        }
        out_.config.connections.push_back(std::move(conn));
    }

    void secret(const Scope& scope, const Place& section) {
        secret_files_.insert(scope.place().file.get());
        secret_files_.insert(section.file.get());
        if (const auto field = scope.find("secret")) {
            secret_files_.insert(field->place().file.get());
        }
        if (const auto pin = scope.find("pin")) { secret_files_.insert(pin->place().file.get()); }
        const std::size_t before = passphrases_.size() + out_.tokens.size();
        auto secret = read_secret_section(scope, passphrases_, out_.tokens);
        if (!secret) {
            secret_missing_ = secret_missing_ || passphrases_.size() + out_.tokens.size() == before;
            return;
        }
        places_[{"", secret->name}] = scope.place();
        ike::list_of(out_.config, secret->kind).push_back(*std::move(secret));
    }

    // A peer that wants an address would get none.
    void check_pools(bool told) {
        for (const ike::Connection& conn : out_.config.connections) {
            for (const std::string& name : conn.pools) {
                if (std::ranges::find(pool_names_, name) != pool_names_.end()) { continue; }
                const auto meant = nearest(name, {pool_names_.begin(), pool_names_.end()});
                const auto place = pool_places_.find(conn.name);
                lacks_pool_.insert(conn.name);
                if (!told) { continue; }
                report_.add({.severity = Problem::Severity::error,
                             .place = place == pool_places_.end() ? Place{} : place->second,
                             .path = fmt::format("connections.{}.pools", conn.name),
                             .what = fmt::format("there is no pool {}", printable(name, 80)),
                             .remedy = meant ? fmt::format("did you mean {}?", *meant)
                                             : fmt::format("add pools {{ {} {{ addrs = ... }} }}",
                                                           printable(name, 80))});
                ++errors_in_sections_;
            }
        }
        std::erase_if(out_.config.connections, [this](const ike::Connection& conn) {
            return lacks_pool_.contains(conn.name);
        });
    }

    void take_credentials() {
        ike::CredentialSet set;
        if (source_ != nullptr) {
            set = read_folders(*source_, passphrases_, report_, out_.usable);
        }
        for (AuthoritySection& authority : authorities_) {
            set.authorities.push_back(authority.info.certificate);
            set.infos.push_back(std::move(authority.info));
            std::ranges::move(authority.lists, std::back_inserter(set.crls));
        }
        out_.config.credentials = std::make_shared<const ike::CredentialSet>(std::move(set));
    }

    // everybody on the machine can read the secrets.
    void warn_of_readers() {
        for (const SourceFile& file : tree_.files) {
            if (!file.others_may_read || !secret_files_.contains(file.name.get())) { continue; }
            report_.add({.severity = Problem::Severity::warning,
                         .place = {.file = file.name},
                         .what = "holds secrets, and every user of this machine may read it",
                         .remedy = fmt::format("chmod 600 {}", printable(*file.name))});
        }
    }

    const Tree& tree_;
    Report report_;
    Loaded out_;
    Places places_;
    const FileSource* source_;
    std::vector<KeyPassphrase> passphrases_;
    std::vector<AuthoritySection> authorities_;
    std::vector<std::string> pool_names_;
    std::map<std::string, Place> pool_places_;  // where connections name theirs
    std::set<std::string> lacks_pool_;
    std::size_t errors_in_sections_ = 0;
    bool misspelt_section_ = false;  // which may have been meant for any
    std::set<const std::string*> secret_files_;
    bool secret_missing_ = false;  // one could not be read: who lacks one is not known
};

}  // namespace

Loaded load(const Tree& tree) { return Loader{tree, nullptr}.run(); }

Loaded load_file(const std::string& path, const FileSystem& files) {
    const auto slash = path.rfind('/');
    const FileSource source{.files = files,
                            .folder = slash == std::string::npos ? "." : path.substr(0, slash)};
    const Tree tree = parse_file(path, files);
    return Loader{tree, &source}.run();
}

void load_settings(const Tree& tree, Loaded& into) {
    Report report;
    report_syntax(tree, report);
    const Scope root{tree.root, &tree.places, "", report};
    std::vector<std::string> ignored;
    // The one of the service that runs charon without its starter stands above the common one.
    for (const std::string_view name : {"charon", "charon-systemd"}) {
        const auto field = root.find(name);
        if (!field) { continue; }
        if (field->section() != nullptr) {
            read_charon(Scope{root, *field}, into.config.settings, into.daemon);
        } else {
            ignored.emplace_back(name);
        }
    }
    root.each([&](const Field& field) {
        if (field.key() != "charon" && field.key() != "charon-systemd" &&
            !is_of_another_program(field.key())) {
            ignored.push_back(printable(field.key(), 40));
        }
    });
    if (!ignored.empty()) {
        report.add({.severity = Problem::Severity::warning,
                    .place = {.file = tree.files.empty() ? nullptr : tree.files.front().name},
                    .what = fmt::format("only the section charon has a meaning here; ignored: {}",
                                        fmt::join(ignored, ", "))});
    }
    // What is wrong here has its default; connections do not depend on it.
    into.settings_are_sound = into.settings_are_sound && !report.has_errors();
    for (Problem& problem : report.take()) { into.problems.push_back(std::move(problem)); }
}

}  // namespace culvert::config
