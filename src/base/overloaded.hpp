#pragma once

namespace culvert {

// Arms of a visit in one place: std::visit(Overloaded{[](A) {...}, [](B) {...}}, variant).
template <class... Arms>
struct Overloaded : Arms... {
    using Arms::operator()...;
};

}  // namespace culvert
