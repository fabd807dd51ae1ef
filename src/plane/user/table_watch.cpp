#include "plane/user/table_watch.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

struct MessageFree {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageFree>;

struct SocketFree {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, SocketFree>;

struct CallbackFree {
    void operator()(nl_cb* callbacks) const { nl_cb_put(callbacks); }
};

// NFPROTO_INET, whose header and that of the C library exclude each other.
constexpr std::uint8_t family_inet = 1;

Message make_question(nf_tables_msg_types type, int flags) {
    constexpr int subsystem = NFNL_SUBSYS_NFTABLES << 8;
    Message out{nlmsg_alloc_simple(subsystem | type, NLM_F_REQUEST | flags)};
    if (!out) { throw std::bad_alloc{}; }
    nfgenmsg body{};
    body.nfgen_family = family_inet;
    body.version = NFNETLINK_V0;
    nlmsg_append(out.get(), &body, sizeof body, NLMSG_ALIGNTO);
    return out;
}

void put(const Message& message, int attribute, const std::string& text) {
    nla_put_string(message.get(), attribute, text.c_str());
}

// FNV-1a: it has to tell apart, not to withstand anybody.
class Print {
 public:
    void add(ByteView octets) {
        for (const std::uint8_t octet : octets) { value_ = (value_ ^ octet) * 0x100000001b3; }
    }
    std::uint64_t value() const { return value_; }

 private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

Error cannot_look(std::string_view why) {
    return {.code = ErrorCode::system,
            .wanted = "to see whether our packet filter is still there (netlink)",
            .received = std::string{why},
            .remedy = "after another program has flushed the packet filter, restart culvertd"};
}

}  // namespace

struct TableWatch::Impl {
    std::string table;
    Socket alarm;
    Socket questions;

    // What is being answered.
    Print print;
    bool is_there = false;
    std::vector<std::string> sets;

    int ask(const Message& question);
    static int take(nl_msg* message, void* self);
    int look();
};

namespace {

bool is_of(const nlmsghdr* header, nf_tables_msg_types type) {
    return (header->nlmsg_type & 0xffU) == static_cast<unsigned>(type);
}

}  // namespace

int TableWatch::Impl::take(nl_msg* message, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    nlmsghdr* header = nlmsg_hdr(message);
    // Behind the body alone: that counts the changes of all tables.
    constexpr int body = sizeof(nfgenmsg);
    const auto length = static_cast<std::size_t>(nlmsg_attrlen(header, body));
    const auto* octets = reinterpret_cast<const std::uint8_t*>(nlmsg_attrdata(header, body));
    impl.print.add({octets, length});
    impl.is_there |= is_of(header, NFT_MSG_NEWTABLE);
    const nlattr* name = nlmsg_find_attr(header, body, NFTA_SET_NAME);
    if (is_of(header, NFT_MSG_NEWSET) && name != nullptr) {
        impl.sets.emplace_back(nla_get_string(name));
    }
    return NL_OK;
}

// 0, or libnl's number. What is not there has no answer.
int TableWatch::Impl::ask(const Message& question) {
    if (const int sent = nl_send_auto(questions.get(), question.get()); sent < 0) { return sent; }
    const int error = nl_recvmsgs_default(questions.get());
    return error == -NLE_OBJ_NOTFOUND ? 0 : error;
}

int TableWatch::Impl::look() {
    print = {};
    is_there = false;
    sets.clear();
    const Message of_table = make_question(NFT_MSG_GETTABLE, 0);
    put(of_table, NFTA_TABLE_NAME, table);
    if (const int error = ask(of_table); error < 0 || !is_there) { return error; }
    const Message chain = make_question(NFT_MSG_GETCHAIN, 0);
    put(chain, NFTA_CHAIN_TABLE, table);
    put(chain, NFTA_CHAIN_NAME, std::string{"inbound"});
    if (const int error = ask(chain); error < 0) { return error; }
    const Message rules = make_question(NFT_MSG_GETRULE, NLM_F_DUMP);
    put(rules, NFTA_RULE_TABLE, table);
    if (const int error = ask(rules); error < 0) { return error; }
    const Message of_sets = make_question(NFT_MSG_GETSET, NLM_F_DUMP);
    put(of_sets, NFTA_SET_TABLE, table);
    if (const int error = ask(of_sets); error < 0) { return error; }
    for (const std::string& set : sets) {
        const Message elements = make_question(NFT_MSG_GETSETELEM, NLM_F_DUMP);
        put(elements, NFTA_SET_ELEM_LIST_TABLE, table);
        put(elements, NFTA_SET_ELEM_LIST_SET, set);
        if (const int error = ask(elements); error < 0) { return error; }
    }
    return 0;
}

TableWatch::TableWatch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableWatch::TableWatch(TableWatch&&) noexcept = default;
TableWatch& TableWatch::operator=(TableWatch&&) noexcept = default;
TableWatch::~TableWatch() = default;

Result<TableWatch> TableWatch::open(std::string table) {
    auto impl = std::make_unique<Impl>();
    impl->table = std::move(table);
    impl->alarm.reset(nl_socket_alloc());
    impl->questions.reset(nl_socket_alloc());
    if (!impl->alarm || !impl->questions) {
        return std::unexpected(system_error("a netlink socket", ENOMEM));
    }
    // Each answer is read before the next question; but only acknowledged ones would be counted.
    nl_socket_disable_auto_ack(impl->questions.get());
    nl_socket_disable_seq_check(impl->questions.get());
    nl_socket_modify_cb(impl->questions.get(), NL_CB_VALID, NL_CB_CUSTOM, &Impl::take, impl.get());
    int error = nl_connect(impl->questions.get(), NETLINK_NETFILTER);
    if (error == 0) { error = nl_connect(impl->alarm.get(), NETLINK_NETFILTER); }
    if (error == 0) { error = nl_socket_add_memberships(impl->alarm.get(), NFNLGRP_NFTABLES, 0); }
    if (error != 0) { return std::unexpected(cannot_look(nl_geterror(error))); }
    return TableWatch{std::move(impl)};
}

int TableWatch::fd() const { return nl_socket_get_fd(impl_->alarm.get()); }

void TableWatch::quiet() {
    // What happened is not asked here: a buffer that ran over says as much as one that did not.
    std::array<std::uint8_t, 64> buffer{};
    while (::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
           errno == EINTR) {}
}

Result<std::optional<std::uint64_t>> TableWatch::fingerprint() {
    for (int tries = 0;; ++tries) {
        const int error = impl_->look();
        if (error == 0) {
            return impl_->is_there ? std::optional{impl_->print.value()} : std::nullopt;
        }
        // Somebody changed something meanwhile.
        if (error != -NLE_DUMP_INTR || tries == table_look_tries_max) {
            return std::unexpected(cannot_look(nl_geterror(error)));
        }
    }
}

}  // namespace culvert::plane
