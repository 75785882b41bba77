//! Options of sockets, all as numbers, so that every language sets them alike.

use std::time::Duration;

use super::pipes::Rules;
use crate::error::{Error, Result};

/// An option of a socket. Times are in milliseconds.
///
/// Options about connections count for those that are made after the change, the others at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SpOption {
    /// How long a close delivers what was sent before. 1000.
    Linger = 1,
    /// Bytes that may wait in one connection to be sent; a message that passes the limit is the
    /// last one. 128 KiB.
    SendBuffer = 2,
    /// Bytes that may wait in one connection to be received; then its peer has to wait. Of all
    /// connections that are gone together 64 times as much is kept, the rest is dropped. 128 KiB.
    ReceiveBuffer = 3,
    /// The same limit for sending in messages; 0, the default, for none.
    SendMessages = 4,
    /// The same limit for receiving in messages; 0, the default, for none.
    ReceiveMessages = 5,
    /// How long a send blocks; -1, the default, for as long as it takes.
    SendTimeout = 6,
    /// How long a receive blocks; -1, the default, for as long as it takes.
    ReceiveTimeout = 7,
    /// After how long a connection that failed or was lost is dialed again. 100.
    ReconnectInterval = 8,
    /// The interval doubles with each failure up to this one; 0, the default, lets it be the same
    /// each time.
    ReconnectIntervalMax = 9,
    /// 1 to 16 for the connections made from now on: who sends to one of many takes those with the
    /// lowest number as long as they accept messages. 8.
    SendPriority = 10,
    /// 1 to 16, the same for receiving. 8.
    ReceivePriority = 11,
    /// Bytes of the largest message that is received, with its header; one byte more, and the
    /// connection is closed. 0 for no limit. 1 MiB.
    MaxMessageSize = 12,
    /// Hops that a question may take, 1 to 255; with more it is dropped. 8.
    MaxHops = 13,
    /// After how long a request without an answer is sent again; 0 for never. 60000.
    ResendInterval = 14,
    /// How long answers to a survey are taken, at least 1. 1000.
    SurveyDeadline = 15,
    /// How long a new connection may take until its peer has said what it speaks; 0 for as long as
    /// it likes. 10000.
    HandshakeTimeout = 16,
    /// Whether small messages leave over TCP at once (`TCP_NODELAY`). 1.
    NoDelay = 17,
}

const ALL: [SpOption; 17] = [
    SpOption::Linger,
    SpOption::SendBuffer,
    SpOption::ReceiveBuffer,
    SpOption::SendMessages,
    SpOption::ReceiveMessages,
    SpOption::SendTimeout,
    SpOption::ReceiveTimeout,
    SpOption::ReconnectInterval,
    SpOption::ReconnectIntervalMax,
    SpOption::SendPriority,
    SpOption::ReceivePriority,
    SpOption::MaxMessageSize,
    SpOption::MaxHops,
    SpOption::ResendInterval,
    SpOption::SurveyDeadline,
    SpOption::HandshakeTimeout,
    SpOption::NoDelay,
];

/// The largest number of milliseconds or bytes, which fits into an `int` of every language.
const LONGEST: i64 = i32::MAX as i64;

impl SpOption {
    /// The default and what is allowed.
    fn range(self) -> (i64, std::ops::RangeInclusive<i64>) {
        match self {
            SpOption::Linger => (1000, 0..=LONGEST),
            SpOption::SendBuffer | SpOption::ReceiveBuffer => (128 * 1024, 1..=LONGEST),
            SpOption::SendMessages | SpOption::ReceiveMessages => (0, 0..=LONGEST),
            SpOption::SendTimeout | SpOption::ReceiveTimeout => (-1, -1..=LONGEST),
            SpOption::ReconnectInterval => (100, 1..=LONGEST),
            SpOption::ReconnectIntervalMax => (0, 0..=LONGEST),
            SpOption::SendPriority | SpOption::ReceivePriority => (8, 1..=16),
            SpOption::MaxMessageSize => (1024 * 1024, 0..=i64::MAX),
            SpOption::MaxHops => (8, 1..=255),
            SpOption::ResendInterval => (60_000, 0..=LONGEST),
            SpOption::SurveyDeadline => (1000, 1..=LONGEST),
            SpOption::HandshakeTimeout => (10_000, 0..=LONGEST),
            SpOption::NoDelay => (1, 0..=1),
        }
    }
}

impl TryFrom<i32> for SpOption {
    type Error = Error;

    fn try_from(number: i32) -> Result<SpOption> {
        ALL.into_iter().find(|option| *option as i32 == number).ok_or_else(|| {
            Error::argument(format!("{number} is no option of sockets of scalability protocols"))
        })
    }
}

/// The options of one socket.
pub(crate) struct Options([i64; ALL.len()]);

impl Options {
    pub(crate) fn new() -> Options {
        Options(ALL.map(|option| option.range().0))
    }

    pub(crate) fn get(&self, option: SpOption) -> i64 {
        self.0[option as usize - 1]
    }

    pub(crate) fn set(&mut self, option: SpOption, value: i64) -> Result<()> {
        let (_, range) = option.range();
        if !range.contains(&value) {
            return Err(Error::argument(format!(
                "{option:?} is {} to {}, not {value}",
                range.start(),
                range.end()
            )));
        }
        self.0[option as usize - 1] = value;
        Ok(())
    }

    /// A limit, `usize::MAX` for none.
    pub(crate) fn limit(&self, option: SpOption) -> usize {
        match self.get(option) {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    pub(crate) fn time(&self, option: SpOption) -> Duration {
        Duration::from_millis(self.get(option).max(0) as u64)
    }

    /// How long a call may block, `None` for as long as it takes.
    pub(crate) fn timeout(&self, option: SpOption) -> Option<Duration> {
        (self.get(option) >= 0).then(|| self.time(option))
    }

    pub(crate) fn rules(&self) -> Rules {
        let resend = self.time(SpOption::ResendInterval);
        Rules {
            resend: (!resend.is_zero()).then_some(resend),
            survey: self.time(SpOption::SurveyDeadline),
            receive_bytes: self.limit(SpOption::ReceiveBuffer),
            receive_messages: self.limit(SpOption::ReceiveMessages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_options_agree() {
        let options = Options::new();
        for (index, option) in ALL.into_iter().enumerate() {
            assert_eq!(option as usize, index + 1);
            assert_eq!(SpOption::try_from(option as i32).unwrap(), option);
            let (default, range) = option.range();
            assert!(range.contains(&default));
            assert_eq!(options.get(option), default);
        }
        for number in [i32::MIN, 0, 18] {
            assert!(SpOption::try_from(number).is_err());
        }
    }

    #[test]
    fn values_out_of_range_are_refused_and_change_nothing() {
        let mut options = Options::new();
        for (option, value) in [
            (SpOption::SendPriority, 17),
            (SpOption::SendPriority, 0),
            (SpOption::ReceiveTimeout, -2),
            (SpOption::SurveyDeadline, 0),
            (SpOption::SendBuffer, i64::MAX),
        ] {
            let before = options.get(option);
            assert!(options.set(option, value).is_err(), "{option:?} = {value}");
            assert_eq!(options.get(option), before);
        }
    }

    #[test]
    fn nothing_limits_what_is_zero() {
        let mut options = Options::new();
        assert_eq!(options.rules().receive_messages, usize::MAX);
        options.set(SpOption::ResendInterval, 0).unwrap();
        options.set(SpOption::ReceiveMessages, 5).unwrap();
        assert_eq!((options.rules().resend, options.rules().receive_messages), (None, 5));
        assert_eq!(options.timeout(SpOption::SendTimeout), None);
        options.set(SpOption::SendTimeout, 0).unwrap();
        assert_eq!(options.timeout(SpOption::SendTimeout), Some(Duration::ZERO));
    }
}
