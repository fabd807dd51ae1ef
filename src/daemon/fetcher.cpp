#include "daemon/fetcher.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/ip.hpp"
#include "daemon/kept_lists.hpp"
#include "daemon/limits.hpp"
#include "daemon/version.hpp"
#include "x509/limits.hpp"

namespace culvert::daemon {
namespace {

using Kind = ike::FetchRevocation::Kind;

Error not_fetched(const std::string& url, std::string why) {
    return {.code = ErrorCode::not_found,
            .wanted = "to fetch " + printable(url, 300),
            .received = std::move(why),
            .remedy = "let this host reach it, or load the list by hand (x509crl)"};
}

struct Body {
    Bytes octets;
    std::size_t most = 0;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
    auto& body = *static_cast<Body*>(into);
    const std::size_t octets = size * count;
    if (body.octets.size() + octets > body.most) { return 0; }  // ends the transfer
    append(body.octets, as_bytes({data, octets}));
    return octets;
}

bool is_private(const IpAddress& address) {
    static const std::vector<IpSubnet> nets = [] {
        std::vector<IpSubnet> out;
        for (const std::string_view text :
             {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"}) {
            out.push_back(IpSubnet::parse(text).value());
        }
        return out;
    }();
    return address.is_loopback() || address.is_link_local() || address.is_any() ||
           std::ranges::any_of(nets, [&](const IpSubnet& net) { return net.contains(address); });
}

// C-05: where a list lies is the word of an authority that is trusted, be it in a network of our
// own; but who is outside must not send us on to what is inside.
struct Way {
    bool begun = false;
    bool inside = false;
};
int look_at_server(void* into, char* server, char* /*local*/, int /*port*/, int /*local_port*/) {
    auto& way = *static_cast<Way*>(into);
    const auto address = IpAddress::parse(server);
    const bool inside = !address || is_private(*address);
    if (!std::exchange(way.begun, true)) { way.inside = inside; }
    return inside && !way.inside ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

std::size_t most_octets(Kind kind) {
    switch (kind) {
        case Kind::crl: return x509::crl_octets_max;
        case Kind::ocsp: return x509::ocsp_octets_max;
        case Kind::certificate: return x509::certificate_octets_max;
    }
    return 0;
}

Result<Bytes> get(const ike::FetchRevocation& what) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle{curl_easy_init(),
                                                                     curl_easy_cleanup};
    if (handle == nullptr) { return std::unexpected(not_fetched(what.url, "no memory")); }
    CURL* const curl = handle.get();
    Body body{.octets = {}, .most = most_octets(what.kind)};
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{
        curl_slist_append(nullptr, "Content-Type: application/ocsp-request"), curl_slist_free_all};
    curl_easy_setopt(curl, CURLOPT_URL, what.url.c_str());
    // Whatever the server says: nothing but HTTP, and not for long.
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, fetch_redirects_max);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(fetch_time_max.count()));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(fetch_connect_time_max.count()));
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const std::string agent = fmt::format("culvert/{}", version);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
    if (what.kind == Kind::ocsp) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(what.request.size()));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, what.request.data());
    }
    Way way;
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, look_at_server);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, &way);
    const CURLcode done = curl_easy_perform(curl);
    if (done == CURLE_ABORTED_BY_CALLBACK) {
        return std::unexpected(
            not_fetched(what.url, "a server that sends us on to a private address"));
    }
    if (done == CURLE_WRITE_ERROR) {
        return std::unexpected(
            not_fetched(what.url, fmt::format("more than {} octets", body.most)));
    }
    if (done != CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        std::string why = curl_easy_strerror(done);
        if (status >= 400) { why = fmt::format("HTTP status {}", status); }
        return std::unexpected(not_fetched(what.url, std::move(why)));
    }
    return std::move(body.octets);
}

x509::Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Result<Bytes> answer(const ike::FetchRevocation& what, const KeptLists& lists) {
    const bool list = what.kind == Kind::crl;
    if (list) {
        if (auto octets = lists.find(what, today())) { return *std::move(octets); }
    }
    auto body = get(what);
    if (list && body) { lists.keep(what, *body); }
    return body;
}

}  // namespace

// Shared with the threads, which may be waiting for a server when the daemon ends.
struct Fetcher::Shared {
    explicit Shared(std::string folder) : lists(std::move(folder)) {}

    std::mutex mutex;
    Loop* loop = nullptr;  // none: the fetcher is gone
    const KeptLists lists;
    OnAnswer on_answer;
    std::deque<ike::FetchRevocation> jobs;
    std::size_t threads = 0;

    // A thread. Without memory for a job it ends; who waits for the answer gives up by itself.
    void work_safely() {
        try {
            work();
        } catch (const std::exception&) {
            const std::scoped_lock lock{mutex};
            --threads;
        }
    }

    // Works until nothing is left.
    void work() {
        while (true) {
            ike::FetchRevocation job;
            {
                const std::scoped_lock lock{mutex};
                if (jobs.empty() || loop == nullptr) {
                    --threads;
                    return;
                }
                job = std::move(jobs.front());
                jobs.pop_front();
            }
            const std::uint64_t id = job.id;
            deliver({.id = id, .body = answer(job, lists)});
        }
    }

    void deliver(ike::RevocationFetched fetched) {
        const std::scoped_lock lock{mutex};
        if (loop == nullptr) { return; }
        loop->post([done = on_answer, fetched = std::move(fetched)]() mutable {
            done(std::move(fetched));
        });
    }
};

Fetcher::Fetcher(Loop& loop, std::string folder, OnAnswer on_answer)
    : shared_(std::make_shared<Shared>(std::move(folder))) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    shared_->loop = &loop;
    shared_->on_answer = std::move(on_answer);
}

Fetcher::~Fetcher() {
    const std::scoped_lock lock{shared_->mutex};
    shared_->loop = nullptr;
}

void Fetcher::fetch(ike::FetchRevocation what) {
    std::unique_lock lock{shared_->mutex};
    const std::uint64_t id = what.id;
    if (shared_->jobs.size() >= fetches_waiting_max) {
        lock.unlock();
        return shared_->deliver(
            {.id = id, .body = std::unexpected(not_fetched(what.url, "too many wait for others"))});
    }
    shared_->jobs.push_back(std::move(what));
    if (shared_->threads >= fetch_threads_max) { return; }
    try {
        std::thread{[shared = shared_] { shared->work_safely(); }}.detach();
        ++shared_->threads;
    } catch (const std::system_error&) {
        if (shared_->threads > 0) { return; }  // another one gets to it
        const std::string url = shared_->jobs.back().url;
        shared_->jobs.pop_back();
        lock.unlock();
        shared_->deliver({.id = id, .body = std::unexpected(not_fetched(url, "no thread"))});
    }
}

void Fetcher::flush() { shared_->lists.forget(); }

}  // namespace culvert::daemon
