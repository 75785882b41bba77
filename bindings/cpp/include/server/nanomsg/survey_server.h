/// @file survey_server.h
/// CppServer::Nanomsg::SurveyServer: asks all its clients.

#ifndef CPPSERVER_SERVER_NANOMSG_SURVEY_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_SURVEY_SERVER_H

#include "server/nanomsg/server.h"

#include <tuple>

namespace CppServer {
namespace Nanomsg {

/// Send() begins a survey, and gives the one before up; then answers are received until its deadline.
class SurveyServer : public Server
{
public:
    /// The deadline is in milliseconds.
    explicit SurveyServer(const std::string& address, int deadline = 1000) : Server(Domain::Std, Protocol::Surveyor, address, false)
    {
        SetDeadline_(deadline);
    }
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back: onReceived() for each answer, then onSurveyFinished().
    template <class TService>
    explicit SurveyServer(const std::shared_ptr<TService>& service, const std::string& address, int deadline = 1000)
        : Server(service, Domain::Std, Protocol::Surveyor, address)
    {
        SetDeadline_(deadline);
    }
    SurveyServer(SurveyServer&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~SurveyServer() override { Quit_(); }

    SurveyServer& operator=(SurveyServer&&) = default;

    /// Waits for an answer: its size and false. 0 and true when the deadline is over, the server is not started, also meanwhile, and
    /// after onError(), such as when there is no survey. Does not call onReceived().
    std::tuple<size_t, bool> ReceiveSurvey(Message& message) { return Answered_(message, &Socket::ReceiveSurvey); }
    /// The same, but 0 and false when there is no answer yet.
    std::tuple<size_t, bool> TryReceiveSurvey(Message& message) { return Answered_(message, &Socket::TryReceiveSurvey); }

private:
    // Answers are received by the two above.
    using Server::Receive;
    using Server::TryReceive;
    using Server::onThreadInitialize;
    using Server::onThreadCleanup;
    using Server::onIdle;
    using Server::onReceived;

    void SetDeadline_(int deadline)
    {
        socket().SetSocketOption(static_cast<int>(Protocol::Surveyor), 1, &deadline, sizeof(deadline));
    }

    std::tuple<size_t, bool> Answered_(Message& message, std::tuple<size_t, bool> (Socket::*receive)(Message&))
    {
        std::tuple<size_t, bool> answer(0, true);
        if (IsStarted())
            Tried_([&]() { answer = (socket().*receive)(message); });
        return answer;
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SURVEY_SERVER_H
