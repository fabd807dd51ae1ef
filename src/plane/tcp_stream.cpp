#include "plane/tcp_stream.hpp"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "plane/limits.hpp"
#include "plane/tcp_socket.hpp"

namespace culvert::plane {

TcpStream::TcpStream(StreamId id, FileDescriptor fd, int epoll, bool ours, const Endpoint& remote)
    : reader(!ours),
      id_(id),
      fd_(std::move(fd)),
      epoll_(epoll),
      ours_(ours),
      connecting_(ours),
      local_(ours ? Endpoint{} : local_end_of(fd_.get())),
      remote_(remote),
      open_(!ours),
      waits_to_write_(ours) {
    epoll_event event{};
    event.events = EPOLLIN | (ours ? EPOLLOUT : 0U);
    event.data.u64 = id_.value();
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_.get(), &event) != 0) { error_ = errno; }
}

TcpStream::Sent TcpStream::send(ByteView framed, std::size_t queue_max) {
    const std::scoped_lock lock{mutex_};
    if (!open_ || finishing_ || error_ != 0) { return Sent::gone; }
    if (queue_.size() - queue_begin_ + framed.size() > queue_max) { return Sent::no_room; }
    return put(framed) ? Sent::all : Sent::gone;
}

// What the kernel does not take now waits: a message that has begun must go on.
bool TcpStream::put(ByteView octets) {
    if (queue_.empty()) {
        const ssize_t sent =
            ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            error_ = errno;
            return false;
        }
        if (sent > 0) { octets = octets.subspan(static_cast<std::size_t>(sent)); }
    }
    if (octets.empty()) { return true; }
    append(queue_, octets);
    want_to_write(true);
    return true;
}

void TcpStream::finish() {
    const std::scoped_lock lock{mutex_};
    finishing_ = true;
    if (open_ && queue_.empty()) { ::shutdown(fd_.get(), SHUT_WR); }
}

void TcpStream::connected() {
    local_ = local_end_of(fd_.get());
    connecting_ = false;
    const std::scoped_lock lock{mutex_};
    open_ = true;
    want_to_write(false);
    put(stream_prefix);
}

int TcpStream::write_on() {
    const std::scoped_lock lock{mutex_};
    while (error_ == 0 && queue_begin_ < queue_.size()) {
        const ssize_t sent = ::send(fd_.get(), queue_.data() + queue_begin_,
                                    queue_.size() - queue_begin_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) { continue; }
        if (sent < 0 && errno == EAGAIN) { return 0; }
        if (sent < 0) { return error_ = errno; }
        queue_begin_ += static_cast<std::size_t>(sent);
    }
    queue_.clear();
    queue_begin_ = 0;
    want_to_write(false);
    if (finishing_ && error_ == 0) { ::shutdown(fd_.get(), SHUT_WR); }
    return error_;
}

void TcpStream::want_to_write(bool wanted) {
    if (waits_to_write_ == wanted) { return; }
    waits_to_write_ = wanted;
    epoll_event event{};
    event.events = EPOLLIN | (wanted ? EPOLLOUT : 0U);
    event.data.u64 = id_.value();
    // It is there already, so that nothing can be missing.
    static_cast<void>(::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_.get(), &event));
}

}  // namespace culvert::plane
