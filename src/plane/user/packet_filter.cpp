#include "plane/user/packet_filter.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/user/nft_program.hpp"

namespace culvert::plane {
namespace {

// "packets 12" in what nft lists of one counter.
std::uint64_t packets_in(std::string_view listing) {
    constexpr std::string_view word = "packets ";
    const auto at = listing.find(word);
    std::uint64_t out = 0;
    if (at != std::string_view::npos) {
        const std::string_view digits = listing.substr(at + word.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), out);
    }
    return out;
}

}  // namespace

PacketFilter::~PacketFilter() {
    if (!thread_.joinable()) { return; }
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    wake();
    thread_.join();
    static_cast<void>(run_nft({"-f", "-"}, filter_removal(settings_)));
}

Status PacketFilter::start() {
    wake_ = FileDescriptor{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!wake_) { return std::unexpected(system_error("to wake a thread", errno)); }
    auto done = run_nft({"-f", "-"}, filter_table(settings_));
    if (!done && settings_.sockets) {  // a kernel that was built without nft_socket
        settings_.sockets = false;
        done = run_nft({"-f", "-"}, filter_table(settings_));
    }
    if (!done) { return std::unexpected(std::move(done).error()); }
    applied_ = plan_filter(settings_, {});
    watch();
    thread_ = std::thread{[this] { run(); }};
    return {};
}

void PacketFilter::update(std::vector<ipsec::SpdEntry> entries) {
    if (!running()) { return; }
    {
        const std::scoped_lock lock{mutex_};
        wanted_ = std::move(entries);
    }
    wake();
}

void PacketFilter::wake() const {
    constexpr std::uint64_t once = 1;
    // It can only fail when it is awake anyway.
    static_cast<void>(::write(wake_.get(), &once, sizeof once));
}

void PacketFilter::run() {
    for (;;) {
        wait();
        std::optional<std::vector<ipsec::SpdEntry>> wanted;
        {
            const std::scoped_lock lock{mutex_};
            if (stopping_) { return; }
            wanted = std::exchange(wanted_, std::nullopt);
        }
        // First, so that a change finds what it changes.
        look_when_due();
        if (wanted) {
            follow(*std::move(wanted));
        } else if (refused_ && Clock::now() >= again_at_) {
            follow(*std::exchange(refused_, std::nullopt));
        }
    }
}

// For policies, the end, or what is due.
void PacketFilter::wait() {
    std::array<pollfd, 2> on{
        pollfd{wake_.get(), POLLIN, 0},
        // A look that is due already need not be heard of again.
        pollfd{watch_ && !look_at_ ? watch_->fd() : -1, POLLIN, 0},
    };
    auto until = look_at_;
    if (refused_) { until = std::min(until.value_or(again_at_), again_at_); }
    int timeout = -1;
    if (until) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now());
        timeout = std::max(0, static_cast<int>(left.count()));
    }
    if (::poll(on.data(), on.size(), timeout) <= 0) { return; }
    if (on[0].revents != 0) {
        std::uint64_t times = 0;
        static_cast<void>(::read(wake_.get(), &times, sizeof times));
    }
    if (on[1].revents != 0) { look_at_ = std::max(Clock::now(), looked_ + filter_look_every); }
}

void PacketFilter::follow(std::vector<ipsec::SpdEntry> entries) {
    Status done = apply(entries);
    if (done) {
        refused_.reset();
        told_refusal_ = false;
        return;
    }
    refused_ = std::move(entries);
    again_at_ = Clock::now() + filter_again_after;
    failed(std::move(done).error());
}

// The operator hears of the first of them in a row.
void PacketFilter::failed(Error why) {
    {
        const std::scoped_lock lock{mutex_};
        ++failures_;
    }
    if (!std::exchange(told_refusal_, true)) { warn_(std::move(why)); }
}

Status PacketFilter::apply(const std::vector<ipsec::SpdEntry>& entries) {
    FilterPlan plan = plan_filter(settings_, entries, sets_);
    const std::string change = filter_change(settings_, applied_, plan);
    if (change.empty()) { return {}; }
    auto done = run_nft({"-f", "-"}, change);
    // The table may not be what the change is made for: taken away just now, or an nft that we gave
    // up has come to its end after all.
    if (!done) { done = run_nft({"-f", "-"}, filter_whole(settings_, plan)); }
    if (!done && sets_) {  // Linux before 5.6 has no sets of pairs
        FilterPlan plain = plan_filter(settings_, entries, false);
        if (run_nft({"-f", "-"}, filter_whole(settings_, plain))) {
            sets_ = false;
            plan = std::move(plain);
            done = {};
        }
    }
    if (!done) { return std::unexpected(std::move(done).error()); }
    applied_ = std::move(plan);
    remember();
    return {};
}

void PacketFilter::watch() {
    auto opened = TableWatch::open(settings_.table);
    if (!opened) { return warn_(std::move(opened).error()); }
    watch_.emplace(std::move(*opened));
    remember();
}

// What is there now is what we wrote.
void PacketFilter::remember() {
    if (!watch_) { return; }
    watch_->quiet();
    auto now = watch_->fingerprint();
    if (!now) {
        watch_.reset();
        return warn_(std::move(now).error());
    }
    written_ = *now;
    if (!written_) { look_at_ = Clock::now(); }  // already gone
}

bool PacketFilter::is_as_written() {
    watch_->quiet();
    auto now = watch_->fingerprint();
    if (now) { return written_ && *now == written_; }
    watch_.reset();
    warn_(std::move(now).error());
    return true;
}

void PacketFilter::look_when_due() {
    if (!watch_ || !look_at_ || Clock::now() < *look_at_) { return; }
    look_at_.reset();
    looked_ = Clock::now();
    if (is_as_written()) { return; }
    if (auto done = run_nft({"-f", "-"}, filter_whole(settings_, applied_)); !done) {
        look_at_ = looked_ + filter_again_after;
        return failed(std::move(done).error());
    }
    told_refusal_ = false;
    remember();
    {
        const std::scoped_lock lock{mutex_};
        ++restored_;
    }
    warn_(packet_filter_changed(settings_.table));
}

std::optional<PacketFilter::Dropped> PacketFilter::dropped() const {
    if (!running()) { return std::nullopt; }
    Dropped out;
    const auto ask = [this](std::string_view counter) {
        return run_nft({"list", "counter", "inet", settings_.table, std::string{counter}}, {});
    };
    const auto clear = ask(clear_counter);
    const auto discard = ask(discard_counter);
    if (!clear || !discard) { return std::nullopt; }
    out.clear = packets_in(*clear);
    out.discard = packets_in(*discard);
    return out;
}

std::uint64_t PacketFilter::failures() const {
    const std::scoped_lock lock{mutex_};
    return failures_;
}

std::uint64_t PacketFilter::restored() const {
    const std::scoped_lock lock{mutex_};
    return restored_;
}

}  // namespace culvert::plane
