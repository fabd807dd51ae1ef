// culvert-exporter: OpenMetrics over HTTP, on a loopback port or a Unix socket. Asks the daemon
// anew for each scrape; serves one client at a time, each for a bounded time.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ip.hpp"
#include "cli/connection.hpp"
#include "cli/context.hpp"
#include "cli/metrics.hpp"
#include "cli/scrape.hpp"

namespace {

using namespace culvert;

constexpr std::size_t request_size_max = 8192;
constexpr int client_patience_s = 5;
constexpr std::chrono::seconds daemon_patience{5};  // for each answer, or part of it
constexpr int backlog = 16;

Error cannot_listen(const std::string& where, int error_number) {
    Error error = system_error(fmt::format("to listen on {}", where), error_number);
    error.remedy = "choose another --listen";
    return error;
}

Error not_loopback(const std::string& where) {
    return {.code = ErrorCode::config,
            .wanted = "unix:///path, or a loopback address with a port",
            .received = where,
            .remedy = "use 127.0.0.1:9814, and a proxy with authentication in front of it"};
}

Result<int> listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) { return std::unexpected(not_loopback(path)); }
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::unlink(path.c_str());
    // The socket interface takes every address through its common head.
    if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd, backlog) != 0) {
        return std::unexpected(cannot_listen(path, errno));
    }
    return fd;
}

Result<int> listen_tcp(const Endpoint& where) {
    const int fd =
        ::socket(where.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd >= 0) { ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); }
    sockaddr_storage storage{};
    socklen_t length = 0;
    if (where.address.is_v4()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(where.port);
        std::ranges::copy(where.address.octets(),
                          reinterpret_cast<std::uint8_t*>(&address.sin_addr));
        length = sizeof address;
        std::copy_n(reinterpret_cast<const char*>(&address), length,
                    reinterpret_cast<char*>(&storage));
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(where.port);
        std::ranges::copy(where.address.octets(), address.sin6_addr.s6_addr);
        length = sizeof address;
        std::copy_n(reinterpret_cast<const char*>(&address), length,
                    reinterpret_cast<char*>(&storage));
    }
    if (fd < 0 || ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
        ::listen(fd, backlog) != 0) {
        return std::unexpected(cannot_listen(where.to_string(), errno));
    }
    return fd;
}

Result<int> listen_on(const std::string& where) {
    constexpr std::string_view scheme = "unix://";
    if (where.starts_with(scheme)) { return listen_unix(where.substr(scheme.size())); }
    const auto endpoint = Endpoint::parse(where);
    if (!endpoint || endpoint->port == 0 || !endpoint->address.is_loopback()) {
        return std::unexpected(not_loopback(where));
    }
    return listen_tcp(*endpoint);
}

class StandardError final : public cli::Output {
 public:
    void out(std::string_view text) override { err(text); }
    void err(std::string_view text) override { fmt::print(stderr, "{}", text); }
};

Result<std::string> metrics_of(const std::string& uri) {
    const auto stream = cli::open_daemon_within(uri, daemon_patience);
    if (!stream) { return std::unexpected(stream.error()); }
    vici::Client client{**stream};
    StandardError output;
    const auto parts = cli::scrape(client, output);
    if (!parts) { return std::unexpected(parts.error()); }
    return cli::render_metrics(*parts);
}

// Up to the empty line that ends the head of a request; nothing when it does not come.
std::string read_request(int client) {
    std::string out;
    std::array<char, 1024> chunk{};
    while (out.find("\r\n\r\n") == std::string::npos && out.size() < request_size_max) {
        const ssize_t count = ::recv(client, chunk.data(), chunk.size(), 0);
        if (count <= 0) { return {}; }
        out.append(chunk.data(), static_cast<std::size_t>(count));
    }
    return out;
}

void answer(int client, std::string_view status, std::string_view type, const std::string& body) {
    const std::string all = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        status, type, body.size(), body);
    std::string_view left = all;
    while (!left.empty()) {
        const ssize_t count = ::send(client, left.data(), left.size(), MSG_NOSIGNAL);
        if (count <= 0) { return; }
        left.remove_prefix(static_cast<std::size_t>(count));
    }
}

void serve(int client, const std::string& uri) {
    const timeval patience{.tv_sec = client_patience_s, .tv_usec = 0};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const std::string request = read_request(client);
    if (request.starts_with("GET /metrics ") || request.starts_with("GET /metrics?")) {
        const auto metrics = metrics_of(uri);
        if (!metrics) { fmt::print(stderr, "culvert-exporter: {}\n", explain(metrics.error())); }
        answer(client, "200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8",
               metrics ? *metrics : cli::render_no_daemon());
    } else if (!request.empty() && !request.starts_with("GET ")) {
        answer(client, "405 Method Not Allowed", "text/plain", "GET /metrics has the metrics\n");
    } else if (!request.empty()) {
        answer(client, "404 Not Found", "text/plain", "the metrics are at /metrics\n");
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Culvert's state as OpenMetrics.", "culvert-exporter"};
    std::string where = "127.0.0.1:9814";
    std::string uri;
    app.add_option("--listen", where, "loopback address and port, or unix:///path")
        ->capture_default_str();
    app.add_option("--vici", uri, "URI of the daemon's socket: unix:///path");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }
    const auto listener = listen_on(where);
    if (!listener) {
        fmt::print(stderr, "culvert-exporter: {}\n", explain(listener.error()));
        return 1;
    }
    for (;;) {
        const int client = ::accept4(*listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) {
            serve(client, uri);
            ::close(client);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            fmt::print(stderr, "culvert-exporter: {}\n",
                       explain(system_error("to accept a client", errno)));
            return 1;
        }
    }
}
