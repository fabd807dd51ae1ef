#pragma once
// What every command of `culvert` gets: where the daemon is, how to print, and the ways out. Tests
// put a daemon of their own behind it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "cli/probes.hpp"
#include "vici/client.hpp"

namespace culvert::cli {

// 2 is for wrong usage.
enum class Exit : std::uint8_t { ok = 0, failed = 1, no_daemon = 3 };

// Standard output and standard error, each taking whole lines.
class Output {
 public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    Output(Output&&) = delete;
    Output& operator=(Output&&) = delete;
    virtual ~Output() = default;

    virtual void out(std::string_view text) = 0;
    virtual void err(std::string_view text) = 0;
};

// A connection to the daemon; the error says why there is none, and what to do.
using OpenDaemon = std::function<Result<std::unique_ptr<vici::ByteStream>>(std::string_view uri)>;

struct Context {
    Output& output;
    OpenDaemon open;
    std::string vici{};  // URI; empty: where the daemon usually is
    bool json = false;
    bool verbose = false;
    bool terminal = false;       // a person watches: colours, and progress on standard error
    std::int64_t timeout_s = 0;  // of up, down, rekey; 0: as long as it takes
    Probes* probes = nullptr;    // diagnose only
    std::optional<IpAddress> ping_to{};
};

// Prints a failure in the form that was asked for; gives back `status`.
Exit fail(const Context& context, std::string_view what, const Error& error,
          Exit status = Exit::failed);

// Prints a message as JSON.
void print_json(const Context& context, const vici::Message& message);

// Opens the way to the daemon and hands it on.
Exit with_daemon(const Context& context, std::string_view what,
                 const std::function<Exit(vici::Client&)>& use);

// The events of a listing command.
using Messages = std::vector<vici::Message>;
Result<Messages> listed(vici::Client& client, std::string_view command, std::string_view event,
                        const vici::Message& message = {});

// Asks one question; an answer {success = no} is an error here, with the daemon's words.
Result<vici::Message> ask(vici::Client& client, std::string_view command,
                          const vici::Message& message = {});

// Numbered sections of one: how listings look in JSON.
vici::Section numbered(Messages messages);
// The named sections of all messages in one section; of two with one name the later wins.
vici::Section merged(Messages messages);

}  // namespace culvert::cli
