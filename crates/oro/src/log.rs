//! Lines of a log (`TYPE-12`): methods of the producing ends of [`Log`] messages. They do not filter
//! by level; whoever reads the log does.

use core::fmt;

use oro_sysabi::{LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_WARN, Log};

use crate::bytes::PiecewiseFormat;
use crate::{NaiveProducer, Producer, SendErrorKind};

/// Sends `text` line by line; a line that is longer than a message is cut into several.
fn send_lines<E>(
    level: u32,
    text: fmt::Arguments<'_>,
    mut send: impl FnMut(Log) -> Result<(), E>,
) -> Result<(), E> {
    PiecewiseFormat::run(text, |piece| {
        piece.lines().filter(|line| !line.is_empty()).try_for_each(|line| {
            #[expect(clippy::cast_possible_truncation, reason = "a piece has at most 248 bytes")]
            let mut message = Log { length: line.len() as u32, level, text: [0; 248] };
            message.text[..line.len()].copy_from_slice(line.as_bytes());
            send(message)
        })
    })
}

/// The methods of both kinds of ends; they differ in what sending gives.
macro_rules! log_methods {
    ($($(#[$attribute:meta])* $name:ident $level:ident),+) => {
        impl NaiveProducer<Log> {$(
            $(#[$attribute])*
            pub fn $name(&mut self, text: fmt::Arguments<'_>) {
                let _: Result<(), ()> = send_lines($level, text, |line| {
                    self.put(line);
                    Ok(())
                });
            }
        )+}

        impl Producer<Log> {$(
            $(#[$attribute])*
            ///
            /// # Errors
            ///
            /// `Closed` or `PeerMisbehaved`, as the consumer has; some lines may have been sent.
            pub fn $name(&mut self, text: fmt::Arguments<'_>) -> Result<(), SendErrorKind> {
                send_lines($level, text, |line| self.send(line).map_err(|error| error.kind))
            }
        )+}
    };
}

log_methods! {
    /// Logs that something failed: `log.error(format_args!("lost {lost} messages"))`.
    error LOG_ERROR,
    /// Logs that something is odd.
    warn LOG_WARN,
    /// Logs what a user wants to know.
    info LOG_INFO,
    /// Logs what an author wants to know.
    debug LOG_DEBUG
}

#[cfg(test)]
mod tests {
    use super::send_lines;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn type_12_a_message_is_a_line_without_its_end() {
        // TYPE-12
        let mut lines = Vec::new();
        let long = "z".repeat(300);
        let result: Result<(), ()> = send_lines(2, format_args!("a\nbc\n\n{long}"), |log| {
            assert_eq!(log.level, 2);
            let length = log.length as usize;
            assert!(log.text[length..].iter().all(|&byte| byte == 0));
            lines.push(String::from_utf8(log.text[..length].to_vec()).unwrap());
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(lines[..2], ["a", "bc"]);
        assert_eq!(lines[2..].concat(), long);
        assert_eq!(lines.iter().filter(|line| line.is_empty()).count(), 0);
    }

    #[test]
    fn a_failed_line_is_the_last() {
        let mut count = 0;
        let result = send_lines(1, format_args!("a\nb\nc"), |_| {
            count += 1;
            if count == 2 { Err("closed") } else { Ok(()) }
        });
        assert_eq!((result, count), (Err("closed"), 2));
    }
}
