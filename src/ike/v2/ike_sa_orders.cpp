// What an IKE SA is told to do: by commands, by the plane, and by what befell its Child SAs.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "ike/v2/errors.hpp"
#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

void IkeSa::close(std::vector<CommandId> commands, const Environment& env) {
    const auto done = [&] {
        for (const CommandId command : commands) { env.command_done(command, {}); }
    };
    if (std::holds_alternative<Deleting>(state_) && active_) {
        auto& waiting = active_->task.commands;
        waiting.insert(waiting.end(), commands.begin(), commands.end());
        return;
    }
    if (std::holds_alternative<Established>(state_) || std::holds_alternative<AuthSent>(state_)) {
        // Before it is established the peer may have it already: the Delete goes out then.
        close_wanted_ = close_wanted_ || std::holds_alternative<AuthSent>(state_);
        queue_.push_front({.what = DeleteIkeTask{}, .commands = std::move(commands)});
        env.touch(core_.local_spi);
        return pump(env);
    }
    fail_all(cancelled("the command to close the IKE SA"), env);
    forget(env);
    done();
}

void IkeSa::rekey_child(ChildSaId id, std::vector<CommandId> commands, const Environment& env) {
    Child* const child = core_.find_child(id);
    if (child == nullptr || !established()) {
        for (const CommandId command : commands) {
            env.command_done(command, std::unexpected(child_not_found("the Child SA to rekey")));
        }
        return;
    }
    Task task{.what = RekeyChildTask{.id = id}, .commands = commands};
    if (!add(std::move(task), env)) {
        child->rekey_at = env.at_about(rekey_retry, seconds{10});
        for (const CommandId command : commands) {
            env.command_done(command, std::unexpected(too_many_tasks(core_.name())));
        }
    }
}

void IkeSa::delete_child(ChildSaId id, std::string why, std::vector<CommandId> commands,
                         const Environment& env) {
    // In front: what is to end must not wait behind a rekey of itself.
    queue_.push_front({.what = DeleteChildTask{.id = id, .why = std::move(why)},
                       .commands = std::move(commands)});
    env.touch(core_.local_spi);
    pump(env);
}

void IkeSa::child_expired(ChildSaId id, const Environment& env) {
    const Child* const child = core_.find_child(id);
    if (child == nullptr) { return; }
    if (child->live() && established()) { queue_.push_back(made_again(*child, env)); }
    delete_child(id, "its lifetime is over", {}, env);
}

void IkeSa::install_failed(ChildSaId id, const Error& why, const Environment& env) {
    env.failure(core_, {}, "installation", true, why, "install-child-sa-failed");
    const Child* const child = core_.find_child(id);
    // What it was to replace is on its way out, or gone; one that was new is not tried again.
    if (child != nullptr && child->live() && child->successor && established()) {
        queue_.push_back(made_again(*child, env));
    }
    delete_child(id, "it could not be installed", {}, env);
}

void IkeSa::child_unused(ChildSaId id, const Environment& env) {
    const Child* const child = core_.find_child(id);
    if (child == nullptr || child->state != ChildState::installed || !established()) { return; }
    const bool asked = std::ranges::any_of(queue_, [id](const Task& task) {
        const auto* end = std::get_if<DeleteChildTask>(&task.what);
        return end != nullptr && end->id == id;
    });
    if (asked) { return; }
    delete_child(id,
                 fmt::format("nothing went through for {} s (inactivity)",
                             child->config->inactivity.count()),
                 {}, env);
}

void IkeSa::drop_child(ChildSaId id, std::string_view why, const Environment& env) {
    remove_child(core_, id, why, env);
    env.touch(core_.local_spi);
}

bool IkeSa::creating_child(std::string_view child) const {
    if (connecting() && begin_ && begin_->child && begin_->child->name == child) { return true; }
    if (active_) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && !create->rekeyed() && create->child_name() == child) {
            return true;
        }
    }
    return std::ranges::any_of(queue_, [&](const Task& task) {
        const auto* create = std::get_if<CreateChildTask>(&task.what);
        return create != nullptr && create->wanted.child->name == child;
    });
}

void IkeSa::wait_for_child(std::string_view child, CommandId command) {
    if (connecting() && begin_ &&
        (child.empty() || (begin_->child && begin_->child->name == child))) {
        begin_->commands.push_back(command);
        return;
    }
    if (active_) {
        const auto* create = std::get_if<CreateChild>(&active_->what);
        if (create != nullptr && !create->rekeyed() && create->child_name() == child) {
            active_->task.commands.push_back(command);
            return;
        }
    }
    for (Task& task : queue_) {
        const auto* create = std::get_if<CreateChildTask>(&task.what);
        if (create != nullptr && create->wanted.child->name == child) {
            task.commands.push_back(command);
            return;
        }
    }
    ASSERT(false);  // creating_child() said that there is one
}

}  // namespace culvert::ike::v2
