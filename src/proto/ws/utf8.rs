//! UTF-8 (RFC 3629) of text messages, checked while they arrive.

/// Below this size the standard library is as fast.
const SIMD: usize = 64;

/// Whether the bytes are a whole text.
#[inline(always)]
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    if bytes.len() < SIMD {
        std::str::from_utf8(bytes).is_ok()
    } else {
        simdutf8::basic::from_utf8(bytes).is_ok()
    }
}

/// A text of which not all is there yet.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The bytes of a character that was cut.
    cut: [u8; 4],
    count: u8,
}

impl Text {
    /// Takes more bytes in. `false` as soon as no continuation could make it a text.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> bool {
        while self.count > 0 {
            let Some((&first, rest)) = bytes.split_first() else { return true };
            self.cut[usize::from(self.count)] = first;
            self.count += 1;
            bytes = rest;
            match std::str::from_utf8(&self.cut[..usize::from(self.count)]) {
                Ok(_) => self.count = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let valid = match simdutf8::compat::from_utf8(bytes) {
            Ok(_) => return true,
            Err(error) if error.error_len().is_some() => return false,
            Err(error) => error.valid_up_to(),
        };
        let cut = &bytes[valid..];
        self.cut[..cut.len()].copy_from_slice(cut);
        self.count = cut.len() as u8;
        true
    }

    /// Whether the text ends here, and not within a character.
    pub(super) fn is_complete(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_pass_however_they_are_cut() {
        let text = "aé€😀 – κόσμε – ".repeat(20);
        let bytes = text.as_bytes();
        assert!(is_text(bytes) && is_text(&bytes[..1]) && is_text(b""));
        for first in 0..60 {
            for second in first..60 {
                let mut checked = Text::default();
                assert!(checked.push(&bytes[..first]));
                assert!(checked.push(&bytes[first..second]));
                assert!(checked.push(&bytes[second..]));
                assert!(checked.is_complete());
            }
        }
        let mut half = Text::default();
        assert!(half.push(&"€".as_bytes()[..2]) && !half.is_complete());
    }

    #[test]
    fn what_cannot_become_a_text_is_refused_with_its_first_wrong_byte() {
        let wrong: [(&[u8], usize); 9] = [
            (b"\xff", 1),
            (b"\x80", 1),
            (b"\xc0\xaf", 1),
            (b"\xe0\x80\x80", 2),
            (b"\xed\xa0\x80", 2),
            (b"\xf0\x80\x80\x80", 2),
            (b"\xf4\x90\x80\x80", 2),
            (b"\xf5\x80\x80\x80", 1),
            (b"\xe2\x82a", 3),
        ];
        for (bytes, at) in wrong {
            let mut byte_by_byte = Text::default();
            let refused = bytes.iter().position(|byte| !byte_by_byte.push(&[*byte]));
            assert_eq!(refused, Some(at - 1), "{bytes:x?}");
            let long = [&[b'a'; 100][..], bytes].concat();
            assert!(!Text::default().push(&long), "{bytes:x?}");
            assert!(!is_text(&long) && !is_text(bytes));
        }
    }
}
