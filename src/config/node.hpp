#pragma once
// Sections as they are written, before references are followed. Between the parser and the
// resolver only.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "config/tree.hpp"

namespace culvert::config {

struct Node;

// "connections.base": an absolute name behind a section's colon.
struct Reference {
    std::vector<std::string> path;
    Place place;

    std::string to_string() const;
};

struct Item {
    std::string name;
    Place place;
    unsigned block = 0;  // the pair of braces that it stands in, to tell repetition from extension
    std::variant<std::string, std::unique_ptr<Node>> content;
};

struct Node {
    std::vector<Item> items;  // names are unique
    std::vector<Reference> references;
    bool incomplete = false;  // a file that it includes is not there
    bool secrets = false;     // it holds secrets

    Item* find(std::string_view name);
    const Item* find(std::string_view name) const;
    // The item of this name; made, with an empty value, if there is none.
    Item& get(std::string_view name);

 private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

// Reads `text` into `root`, with all that it includes. Problems, files: into `tree`.
void parse_into(Node& root, Tree& tree, std::string_view text, const std::string& name,
                bool others_may_read, const FileSystem* files);

// Follows the references, drops what is empty, fills tree.root and tree.places.
void resolve_into(Tree& tree, const Node& root);

}  // namespace culvert::config
