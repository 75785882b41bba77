/// @file overrides.h
/// Whether a class that is derived from one of this library has a version of a callback.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_OVERRIDES_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_OVERRIDES_H

#include <cstddef>
#include <cstring>

namespace CppServer {
namespace Nanomsg {
namespace Detail {

/// The function that a call of a virtual function through this object runs. In the constructor of TObject it is the one of TObject, in
/// a whole object that of the class farthest down: so where they differ, it was overridden. The language has no question for that, so
/// the answer is read where the C++ ABI of all compilers but Microsoft's keeps it; there it is always null.
template <class TObject>
const void* FunctionOf(const TObject* object, void (TObject::*function)()) noexcept
{
#if defined(_MSC_VER)
    static_cast<void>(object);
    static_cast<void>(function);
    return nullptr;
#else
    // The place in the table of virtual functions, which is odd or marked in the second word, as the processor prefers.
    std::ptrdiff_t words[2];
    static_assert(sizeof(words) == sizeof(function), "another ABI");
    std::memcpy(words, &function, sizeof(words));
    const std::ptrdiff_t place = words[0] & ~std::ptrdiff_t(1);
    const char* table = nullptr;
    std::memcpy(&table, static_cast<const void*>(object), sizeof(table));
    const void* found = nullptr;
    std::memcpy(&found, table + place, sizeof(found));
    return found;
#endif
}

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_OVERRIDES_H
