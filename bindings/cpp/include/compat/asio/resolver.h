/// @file resolver.h
/// asio::ip::tcp::resolver: names to endpoints, in the calling thread.

#ifndef CPPSERVER_COMPAT_ASIO_RESOLVER_H
#define CPPSERVER_COMPAT_ASIO_RESOLVER_H

#include "compat/asio/io_service.h"
#include "compat/asio/protocol.h"

#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ip {

/// One answer of a resolver. Converts to its endpoint.
template <typename InternetProtocol>
class basic_resolver_entry
{
public:
    typedef typename InternetProtocol::endpoint endpoint_type;

    basic_resolver_entry(const endpoint_type& endpoint, const std::string& host, const std::string& service)
        : _endpoint(endpoint), _host(host), _service(service)
    {
    }

    endpoint_type endpoint() const { return _endpoint; }
    operator endpoint_type() const { return _endpoint; }
    std::string host_name() const { return _host; }
    std::string service_name() const { return _service; }

private:
    endpoint_type _endpoint;
    std::string _host;
    std::string _service;
};

/// What to resolve: a host name or numeric address and a service name or port number.
template <typename InternetProtocol>
class basic_resolver_query
{
public:
    basic_resolver_query(const std::string& host, const std::string& service) : _host(host), _service(service), _family(AF_UNSPEC) {}
    explicit basic_resolver_query(const std::string& service) : _service(service), _family(AF_UNSPEC) {}
    basic_resolver_query(const InternetProtocol& protocol, const std::string& host, const std::string& service)
        : _host(host), _service(service), _family(protocol.family())
    {
    }

    const std::string& host_name() const noexcept { return _host; }
    const std::string& service_name() const noexcept { return _service; }
    int family() const noexcept { return _family; }

private:
    std::string _host;
    std::string _service;
    int _family;
};

/// The answers in the system's order: a range, and the iterator to its first entry. A default one is the end.
template <typename InternetProtocol>
class basic_resolver_iterator
{
public:
    typedef basic_resolver_entry<InternetProtocol> value_type;
    typedef const value_type& reference;
    typedef const value_type* pointer;
    typedef std::ptrdiff_t difference_type;
    typedef std::forward_iterator_tag iterator_category;

    basic_resolver_iterator() noexcept : _index(0) {}
    explicit basic_resolver_iterator(std::vector<value_type> entries)
        : _entries(entries.empty() ? nullptr : std::make_shared<const std::vector<value_type>>(std::move(entries))), _index(0)
    {
    }

    reference operator*() const { return (*_entries)[_index]; }
    pointer operator->() const { return &(*_entries)[_index]; }
    basic_resolver_iterator& operator++()
    {
        if (++_index == _entries->size())
            *this = basic_resolver_iterator();
        return *this;
    }
    basic_resolver_iterator operator++(int)
    {
        basic_resolver_iterator before(*this);
        ++*this;
        return before;
    }

    basic_resolver_iterator begin() const { return *this; }
    basic_resolver_iterator end() const { return basic_resolver_iterator(); }
    bool empty() const noexcept { return !_entries; }
    std::size_t size() const noexcept { return _entries ? (_entries->size() - _index) : 0; }

    friend bool operator==(const basic_resolver_iterator& a, const basic_resolver_iterator& b) noexcept
    {
        return (a._entries == b._entries) && (a._index == b._index);
    }
    friend bool operator!=(const basic_resolver_iterator& a, const basic_resolver_iterator& b) noexcept { return !(a == b); }

private:
    std::shared_ptr<const std::vector<value_type>> _entries;
    std::size_t _index;
};

/// Asks the system and blocks meanwhile, so call it on a thread of your own. Throwing functions throw system_error.
template <typename InternetProtocol>
class basic_resolver
{
public:
    typedef typename InternetProtocol::endpoint endpoint_type;
    typedef basic_resolver_query<InternetProtocol> query;
    typedef basic_resolver_iterator<InternetProtocol> iterator;
    typedef basic_resolver_iterator<InternetProtocol> results_type;

    explicit basic_resolver(io_service&) noexcept {}
    basic_resolver(const basic_resolver&) = delete;
    basic_resolver& operator=(const basic_resolver&) = delete;

    void cancel() noexcept {}

    results_type resolve(const query& q)
    {
        error_code ec;
        results_type results = resolve(q, ec);
        asio::detail::throw_error(ec, "resolve");
        return results;
    }
    results_type resolve(const std::string& host, const std::string& service) { return resolve(query(host, service)); }
    results_type resolve(const std::string& host, const std::string& service, error_code& ec) { return resolve(query(host, service), ec); }
    results_type resolve(const query& q, error_code& ec)
    {
        struct addrinfo hints = addrinfo();
        hints.ai_family = q.family();
        hints.ai_socktype = InternetProtocol::v4().type();
        hints.ai_protocol = InternetProtocol::v4().protocol();
        hints.ai_flags = q.host_name().empty() ? AI_PASSIVE : 0;
        struct addrinfo* list = nullptr;
        const int result = ::getaddrinfo(q.host_name().empty() ? nullptr : q.host_name().c_str(),
            q.service_name().empty() ? nullptr : q.service_name().c_str(), &hints, &list);
        ec = translate(result);
        if (ec)
            return results_type();
        std::vector<basic_resolver_entry<InternetProtocol>> entries;
        for (const struct addrinfo* item = list; item != nullptr; item = item->ai_next)
        {
            endpoint_type endpoint;
            if (((item->ai_family != AF_INET) && (item->ai_family != AF_INET6)) || (item->ai_addrlen > endpoint.capacity()))
                continue;
            std::memcpy(endpoint.data(), item->ai_addr, item->ai_addrlen);
            entries.emplace_back(endpoint, q.host_name(), q.service_name());
        }
        ::freeaddrinfo(list);
        return results_type(std::move(entries));
    }

private:
    static error_code translate(int result) noexcept
    {
        switch (result)
        {
            case 0: return error_code();
            case EAI_AGAIN: return error::host_not_found_try_again;
            case EAI_FAIL: return error::no_recovery;
            case EAI_FAMILY: return error::address_family_not_supported;
            case EAI_MEMORY: return error::no_memory;
            case EAI_NONAME: return error::host_not_found;
            case EAI_SERVICE: return error::service_not_found;
            case EAI_SOCKTYPE: return error::socket_type_not_supported;
            case EAI_BADFLAGS: return error::invalid_argument;
#if defined(EAI_SYSTEM)
            case EAI_SYSTEM: return asio::detail::last_socket_error_code();
#endif
            default: return error::host_not_found;
        }
    }
};

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_RESOLVER_H
