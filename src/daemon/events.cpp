#include "daemon/events.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

using vici::Section;

const ike::ChildSaStatus* child_of(const ike::Event& event) {
    if (!event.ike) { return nullptr; }
    const auto found = std::ranges::find_if(
        event.ike->children, [&](const auto& c) { return c.unique_id == event.child_unique_id; });
    return found == event.ike->children.end() ? nullptr : &*found;
}

vici::Message with_up(bool up, vici::Message message) {
    if (!up) { return message; }
    vici::Message out;
    out.set("up", "yes");
    for (vici::Entry& entry : message.entries) { out.entries.push_back(std::move(entry)); }
    return out;
}

vici::Message ike_only(const ike::IkeSaStatus& ike, const Moment& moment) {
    return vici::Message{}.set(ike.connection, ike_section(ike, moment));
}

// As strongSwan has them: where it goes, and the IKE SA with the endpoints from before.
vici::Message ike_update(const ike::Event& event, const Moment& moment) {
    const ike::IkeSaStatus& ike = *event.ike;
    vici::Message out;
    out.set("local-host", ike.local.address.to_string());
    out.set("local-port", fmt::format("{}", ike.local.port));
    out.set("remote-host", ike.remote.address.to_string());
    out.set("remote-port", fmt::format("{}", ike.remote.port));
    out.set(ike.connection, ike_section(event.old_ike ? *event.old_ike : ike, moment));
    return out;
}

vici::Message ike_rekey(const ike::Event& event, const Moment& moment) {
    const ike::IkeSaStatus& ike = *event.ike;
    Section both;
    both.set("old", ike_section(event.old_ike ? *event.old_ike : ike, moment));
    both.set("new", ike_section(ike, moment));
    return vici::Message{}.set(ike.connection, std::move(both));
}

vici::Message child_rekey(const ike::IkeSaStatus& ike, const ike::ChildSaStatus& child,
                          const Moment& moment) {
    const auto old = std::ranges::find_if(ike.children, [&](const auto& other) {
        return other.name == child.name && other.unique_id != child.unique_id &&
               (other.state == ike::ChildState::rekeyed ||
                other.state == ike::ChildState::rekeying ||
                other.state == ike::ChildState::deleting);
    });
    Section both;
    both.set("old", old == ike.children.end() ? Section{}.set("name", child.name)
                                              : child_section(*old, moment));
    both.set("new", child_section(child, moment));
    Section section = ike_section(ike, moment);
    section.set("child-sas", Section{}.set(child.name, std::move(both)));
    return vici::Message{}.set(ike.connection, std::move(section));
}

vici::Message alert(const ike::Event& event, std::string_view type, const Moment& moment) {
    vici::Message out;
    out.set("type", type);
    if (!event.connection.empty()) { out.set("ike-sa-name", event.connection); }
    out.set("culvert-text", event.error ? explain(*event.error) : event.text);
    if (event.ike) { out.set("ike-sa", ike_only(*event.ike, moment)); }
    return out;
}

// The same keys as in culvert-status.
vici::Message failure_event(const ike::Event& event) {
    vici::Message out;
    out.set("connection", printable(event.connection)).set("child", printable(event.child));
    if (event.remote) { out.set("remote", event.remote->to_string()); }
    // "nobody": something else went wrong, a name without an address, a policy that was not
    // installed.
    out.set("refused-by", event.kind == ike::EventKind::refused       ? "us"
                          : event.kind == ike::EventKind::was_refused ? "peer"
                                                                      : "nobody");
    out.set("code", name(event.error->code));
    out.set("wanted", printable(event.error->wanted, log_text_max));
    out.set("received", printable(event.error->received, log_text_max));
    out.set("remedy", printable(event.error->remedy, log_text_max));
    out.set("text", printable(explain(*event.error), log_text_max));
    return out;
}

}  // namespace

LogRecord to_record(const ike::Event& event) {
    std::string text = event.text;
    if (event.error) {
        const std::string why = explain(*event.error);
        if (text.find(why) == std::string::npos) {
            text = text.empty() ? why : fmt::format("{}: {}", text, why);
        }
    }
    return {.group = LogGroup::ike,
            .severity = event.severity,
            .text = printable(text, log_text_max),
            .connection = printable(event.connection),
            .child = printable(event.child),
            .ike_unique_id = event.ike_unique_id,
            .remote = event.remote};
}

bool by_stranger(const ike::Event& event) {
    if (event.command) { return false; }
    if (event.ike_unique_id == 0 || event.connection.empty()) { return true; }
    return event.kind == ike::EventKind::refused;
}

int vici_level(Severity severity) {
    switch (severity) {
        case Severity::error:
        case Severity::warn: return 0;
        case Severity::info: return 1;
        case Severity::debug: return 2;
        case Severity::trace: return 3;
    }
    return 3;
}

namespace {

vici::Message message_of(const LogRecord& record, bool with_thread) {
    static constexpr std::array<std::string_view, log_groups> groups{"DMN", "CFG", "CFG", "IKE",
                                                                     "KNL"};
    vici::Message out;
    out.set("group", groups[static_cast<std::size_t>(record.group)]);
    out.set("level", fmt::format("{}", vici_level(record.severity)));
    if (with_thread) { out.set("thread", "0"); }
    if (!record.connection.empty()) { out.set("ikesa-name", record.connection); }
    if (record.ike_unique_id != 0) {
        out.set("ikesa-uniqueid", fmt::format("{}", record.ike_unique_id));
    }
    out.set("msg", record.text);
    if (record.remote) { out.set("culvert-remote", record.remote->to_string()); }
    out.set("culvert-severity", name(record.severity));
    return out;
}

}  // namespace

vici::Message log_message(const LogRecord& record) { return message_of(record, true); }
vici::Message control_log_message(const LogRecord& record) { return message_of(record, false); }

std::vector<ViciEvent> vici_events(const ike::Event& event, const Moment& moment) {
    std::vector<ViciEvent> out;
    const ike::ChildSaStatus* child = child_of(event);
    if (event.ike) {
        const ike::IkeSaStatus& ike = *event.ike;
        switch (event.kind) {
            case ike::EventKind::ike_up:
            case ike::EventKind::ike_down:
                out.push_back({"ike-updown", with_up(event.kind == ike::EventKind::ike_up,
                                                     ike_only(ike, moment))});
                break;
            case ike::EventKind::ike_rekeyed:
                out.push_back({"ike-rekey", ike_rekey(event, moment)});
                break;
            case ike::EventKind::ike_updated:
                out.push_back({"ike-update", ike_update(event, moment)});
                break;
            case ike::EventKind::child_up:
            case ike::EventKind::child_down:
                if (child != nullptr) {
                    out.push_back({"child-updown", with_up(event.kind == ike::EventKind::child_up,
                                                           ike_with_child(ike, *child, moment))});
                }
                break;
            case ike::EventKind::child_rekeyed:
                if (child != nullptr) {
                    out.push_back({"child-rekey", child_rekey(ike, *child, moment)});
                }
                break;
            case ike::EventKind::ike_state_changed:
            case ike::EventKind::child_state_changed:
            case ike::EventKind::exchange:
            case ike::EventKind::refused:
            case ike::EventKind::was_refused:
            case ike::EventKind::retransmit:
            case ike::EventKind::peer_dead:
            case ike::EventKind::note: break;
        }
    }
    if (event.error &&
        (event.kind == ike::EventKind::refused || event.kind == ike::EventKind::was_refused ||
         event.kind == ike::EventKind::note)) {
        out.push_back({"culvert-failure", failure_event(event)});
    }
    if (event.alert.empty()) { return out; }
    out.push_back({"alert", alert(event, event.alert, moment)});
    // strongSwan tells of the certificate, and then of the peer that showed it.
    if (event.alert.starts_with("cert-")) {
        out.push_back({"alert", alert(event, "peer-auth-failed", moment)});
    }
    return out;
}

}  // namespace culvert::daemon
