//! Commands rendered once per SKU, so that a request is one copy and two patched fields.

use tidegate_protocol::resp::CommandWriter;

/// Request ids and buyers have this width, so they can be patched in place.
pub(crate) const ID_WIDTH: usize = 16;
/// What follows the buyer: the quantity, one unit.
const AFTER_BUYER: &[u8] = b"\r\n$1\r\n1\r\n";
/// What stands between the request id and the buyer.
const BETWEEN: &[u8] = b"\r\n$16\r\n";

/// The two commands of each SKU, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    bytes: Vec<u8>,
    /// Per SKU: where its reserve command begins, where its get command begins.
    starts: Vec<(usize, usize)>,
}

impl Templates {
    /// Adds a SKU. `reserve` are the arguments up to and without request id, buyer and quantity, which always
    /// come last; `get` is a whole command.
    pub(crate) fn add(&mut self, reserve: &[&[u8]], get: &[&[u8]]) {
        let reserve_start = self.bytes.len();
        let mut writer = CommandWriter::new(&mut self.bytes, reserve.len() + 3);
        for arg in reserve {
            writer.arg(arg);
        }
        writer.arg([b'0'; ID_WIDTH]).arg([b'0'; ID_WIDTH]).arg("1");
        let get_start = self.bytes.len();
        let mut writer = CommandWriter::new(&mut self.bytes, get.len());
        for arg in get {
            writer.arg(arg);
        }
        self.starts.push((reserve_start, get_start));
    }

    /// Appends a reserve command of one unit.
    pub(crate) fn reserve(&self, out: &mut Vec<u8>, sku: u32, req: u64, buyer: u32) {
        let (start, end) = self.starts[sku as usize];
        out.extend_from_slice(&self.bytes[start..end]);
        let buyer_at = out.len() - AFTER_BUYER.len() - ID_WIDTH;
        let req_at = buyer_at - BETWEEN.len() - ID_WIDTH;
        out[req_at..req_at + ID_WIDTH].copy_from_slice(&req_id(req));
        out[buyer_at..buyer_at + ID_WIDTH].copy_from_slice(&buyer_id(buyer));
    }

    /// Appends a get command.
    pub(crate) fn get(&self, out: &mut Vec<u8>, sku: u32) {
        let start = self.starts[sku as usize].1;
        let end = self.starts.get(sku as usize + 1).map_or(self.bytes.len(), |next| next.0);
        out.extend_from_slice(&self.bytes[start..end]);
    }
}

/// A request id: 16 hexadecimal digits.
pub(crate) fn req_id(number: u64) -> [u8; ID_WIDTH] {
    let mut id = [0; ID_WIDTH];
    for (digit, shift) in id.iter_mut().zip((0..64).step_by(4).rev()) {
        *digit = b"0123456789abcdef"[(number >> shift) as usize & 15];
    }
    id
}

/// A buyer: `buyer-` and ten digits.
pub(crate) fn buyer_id(number: u32) -> [u8; ID_WIDTH] {
    let mut id = *b"buyer-0000000000";
    let mut rest = number;
    for digit in id[6..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    id
}

#[cfg(test)]
mod tests {
    use tidegate_protocol::resp::encode_command;

    use super::*;

    #[test]
    fn a_patched_template_is_the_command_written_in_full() {
        let mut templates = Templates::default();
        for sku in ["tea", "coffee"] {
            templates.add(&[b"ORDER.RESERVE", sku.as_bytes()], &[b"SKU.GET", sku.as_bytes()]);
        }
        let mut sent = Vec::new();
        templates.reserve(&mut sent, 0, 0xfeed, 42);
        templates.get(&mut sent, 0);
        templates.reserve(&mut sent, 1, u64::MAX, u32::MAX);
        templates.get(&mut sent, 1);

        let mut expected = Vec::new();
        encode_command(
            &mut expected,
            &[b"ORDER.RESERVE", b"tea", b"000000000000feed", b"buyer-0000000042", b"1"],
        );
        encode_command(&mut expected, &[b"SKU.GET", b"tea"]);
        encode_command(
            &mut expected,
            &[b"ORDER.RESERVE", b"coffee", b"ffffffffffffffff", b"buyer-4294967295", b"1"],
        );
        encode_command(&mut expected, &[b"SKU.GET", b"coffee"]);
        assert_eq!(String::from_utf8(sent).unwrap(), String::from_utf8(expected).unwrap());
    }
}
