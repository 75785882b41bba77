//! Memory that the system copies large pieces into.

/// Where the buffers begin: at a page. Large allocations begin 16 bytes behind one, and with a
/// destination 1 to 31 bytes behind the source, modulo a page, `rep movsb` of the kernel takes twice
/// the time on some processors (AMD Zen 3 and 4). What the kernel copies from begins at a page.
const ALIGNMENT: usize = 4096;

/// Bytes that begin at a page.
#[derive(Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    begin: usize,
}

impl Buffer {
    /// Zeros. Pages that nothing has been written to take no memory.
    pub(crate) fn new(size: usize) -> Buffer {
        let memory = vec![0; size + ALIGNMENT];
        let begin = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        let mut buffer = Buffer { memory, begin };
        buffer.memory.truncate(begin + size);
        buffer
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.begin..]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.begin..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_their_size_and_begin_at_a_page() {
        for size in [0, 1, 4096, 100_000] {
            let mut buffer = Buffer::new(size);
            assert_eq!(buffer.bytes().len(), size);
            assert_eq!(buffer.bytes_mut().len(), size);
            // Miri's own address arithmetic may not know.
            if !cfg!(miri) {
                assert_eq!(buffer.bytes().as_ptr() as usize % ALIGNMENT, 0);
            }
        }
        assert!(Buffer::default().is_empty());
    }
}
