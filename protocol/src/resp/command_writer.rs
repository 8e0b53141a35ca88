//! Encoding requests, for clients.

/// Appends a whole command, its name first, to `out`.
pub fn encode_command(out: &mut Vec<u8>, args: &[&[u8]]) {
    let mut writer = CommandWriter::new(out, args.len());
    for arg in args {
        writer.arg(arg);
    }
}

/// Appends a command argument by argument, so that numbers need no string of their own.
///
/// The count given to [`CommandWriter::new`] and the number of arguments then written must agree.
#[derive(Debug)]
pub struct CommandWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> CommandWriter<'a> {
    /// Begins a command of `count` arguments, its name included.
    pub fn new(out: &'a mut Vec<u8>, count: usize) -> Self {
        let mut writer = CommandWriter { out };
        writer.header(b'*', count);
        writer
    }

    /// The next argument.
    pub fn arg(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        let value = value.as_ref();
        self.header(b'$', value.len());
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// The next argument, a number in decimal.
    pub fn arg_uint(&mut self, value: u64) -> &mut Self {
        self.arg(itoa::Buffer::new().format(value))
    }

    /// The next argument, a signed number in decimal.
    pub fn arg_int(&mut self, value: i64) -> &mut Self {
        self.arg(itoa::Buffer::new().format(value))
    }

    fn header(&mut self, kind: u8, count: usize) {
        self.out.push(kind);
        self.out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }
}
