/// @file survey_client.h
/// CppServer::Nanomsg::SurveyClient: answers surveys.

#ifndef CPPSERVER_SERVER_NANOMSG_SURVEY_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_SURVEY_CLIENT_H

#include "server/nanomsg/client.h"

namespace CppServer {
namespace Nanomsg {

/// A Send() in onReceived(), or after a Receive(), is the answer to that survey. Without a survey it is an error (EFSM).
class SurveyClient : public Client
{
public:
    explicit SurveyClient(const std::string& address, bool threading = true) : Client(Domain::Std, Protocol::Respondent, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit SurveyClient(const std::shared_ptr<TService>& service, const std::string& address) : Client(service, Domain::Std, Protocol::Respondent, address)
    {
    }
    SurveyClient(SurveyClient&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~SurveyClient() override { Quit_(); }

    SurveyClient& operator=(SurveyClient&&) = default;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SURVEY_CLIENT_H
