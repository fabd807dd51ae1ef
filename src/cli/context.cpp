#include "cli/context.hpp"

#include <utility>

#include <fmt/format.h>

#include "cli/json.hpp"
#include "cli/render.hpp"

namespace culvert::cli {

Exit fail(const Context& context, std::string_view what, const Error& error, Exit status) {
    if (context.json) {
        vici::Message out;
        out.set("success", "no").set("command", what).set("code", name(error.code));
        out.set("wanted", error.wanted).set("received", error.received).set("remedy", error.remedy);
        print_json(context, out);
    } else {
        context.output.err(render_error(what, error));
    }
    return status;
}

void print_json(const Context& context, const vici::Message& message) {
    context.output.out(to_json(message) + "\n");
}

Exit with_daemon(const Context& context, std::string_view what,
                 const std::function<Exit(vici::Client&)>& use) {
    const auto stream = context.open(context.vici);
    if (!stream) { return fail(context, what, stream.error(), Exit::no_daemon); }
    vici::Client client{**stream};
    return use(client);
}

Result<Messages> listed(vici::Client& client, std::string_view command, std::string_view event,
                        const vici::Message& message) {
    Messages out;
    const auto answer = client.request(command, message, event,
                                       [&](const vici::Message& one) { out.push_back(one); });
    if (!answer) { return std::unexpected(answer.error()); }
    if (!vici::check(command, *answer)) { return std::unexpected(error_of(*answer)); }
    return out;
}

Result<vici::Message> ask(vici::Client& client, std::string_view command,
                          const vici::Message& message) {
    auto answer = client.request(command, message);
    if (!answer) { return answer; }
    if (!vici::check(command, *answer)) { return std::unexpected(error_of(*answer)); }
    return answer;
}

vici::Section numbered(Messages messages) {
    vici::Section out;
    std::size_t count = 0;
    for (vici::Message& one : messages) { out.set(fmt::format("{}", ++count), std::move(one)); }
    return out;
}

vici::Section merged(Messages messages) {
    vici::Section out;
    for (vici::Message& message : messages) {
        for (vici::Entry& entry : message.entries) {
            if (auto* section = std::get_if<vici::Section>(&entry.element)) {
                out.set(entry.key, std::move(*section));
            }
        }
    }
    return out;
}

}  // namespace culvert::cli
