#include "daemon/mailbox.hpp"

#include <exception>
#include <utility>

#include "daemon/limits.hpp"

namespace culvert::daemon {

void Mailbox::put(ike::Input input, bool datagram) {
    bool first = false;
    {
        const std::scoped_lock lock{mutex_};
        const std::size_t others = mail_.inputs.size() - datagrams_;
        if (datagram ? datagrams_ == mailbox_datagrams_max : others >= mailbox_others_max) {
            ++dropped_;
            return;
        }
        mail_.inputs.push_back(std::move(input));
        if (datagram) { ++datagrams_; }
        first = !std::exchange(woken_, true);
    }
    if (first) { wake(); }
}

// What could not be told for want of memory is found when the next one is.
void Mailbox::wake() {
    try {
        wake_();
    } catch (const std::exception&) {
        const std::scoped_lock lock{mutex_};
        woken_ = false;
    }
}

void Mailbox::ike_datagram(plane::IkeDatagram datagram) {
    put(ike::Datagram{.local = datagram.local,
                      .remote = datagram.remote,
                      .non_esp_marker = datagram.non_esp_marker,
                      .bytes = std::move(datagram.bytes),
                      .stream = datagram.stream},
        true);
}

void Mailbox::acquire(ReqId reqid, TrafficSelector local, TrafficSelector remote) {
    put(ike::Acquire{.reqid = reqid, .local = local, .remote = remote}, false);
}

void Mailbox::expire(ChildSaId id, plane::ExpireKind kind) {
    put(ike::Expire{.id = id, .hard = kind == plane::ExpireKind::hard}, false);
}

void Mailbox::mapping_changed(ChildSaId id, Endpoint remote) {
    put(ike::MappingChanged{.id = id, .remote = remote}, false);
}

void Mailbox::addresses_changed() {
    bool first = false;
    {
        const std::scoped_lock lock{mutex_};
        mail_.addresses_changed = true;
        first = !std::exchange(woken_, true);
    }
    if (first) { wake(); }
}

void Mailbox::send_failed(Endpoint remote, Error why) {
    put(ike::SendFailed{.remote = remote, .why = std::move(why)}, false);
}

void Mailbox::warning(Error what) {
    bool first = false;
    {
        const std::scoped_lock lock{mutex_};
        if (mail_.warnings.size() == mailbox_warnings_max) {
            ++dropped_;
            return;
        }
        mail_.warnings.push_back(std::move(what));
        first = !std::exchange(woken_, true);
    }
    if (first) { wake(); }
}

void Mailbox::lost(Error what) {
    bool first = false;
    {
        const std::scoped_lock lock{mutex_};
        mail_.lost = std::move(what);
        first = !std::exchange(woken_, true);
    }
    if (first) { wake(); }
}

void Mailbox::stream_opened(StreamId id, Endpoint local) {
    put(ike::StreamOpened{.id = id, .local = local}, false);
}

void Mailbox::stream_broken(StreamId id, Endpoint remote, Error why, bool refused) {
    put(ike::StreamBroken{.id = id, .remote = remote, .why = std::move(why), .refused = refused},
        false);
}

Mailbox::Mail Mailbox::take() {
    const std::scoped_lock lock{mutex_};
    woken_ = false;
    datagrams_ = 0;
    return std::exchange(mail_, {});
}

std::uint64_t Mailbox::dropped() const {
    const std::scoped_lock lock{mutex_};
    return dropped_;
}

}  // namespace culvert::daemon
