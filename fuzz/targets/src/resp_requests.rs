//! Requests: however they are cut into pieces they are the same commands, within their limits.

use tidegate_protocol::resp::{FramingError, Limits, RequestDecoder, encode_command};

use crate::memory;

/// Small ones, so that they are met.
const LIMITS: Limits = Limits { max_command_bytes: 512, max_arguments: 16 };

/// What a decoder remembers of a command within these limits, with the growth of its buffers.
const MOST_MEMORY: usize = 8 << 10;

type Command = Vec<Vec<u8>>;

/// The bytes of one client. The first says how they are cut into pieces.
///
/// # Panics
/// If pieces make a difference, a limit is passed, or a command that is written again is read as another.
pub fn resp_requests(bytes: &[u8]) {
    let Some((&first, stream)) = bytes.split_first() else { return };
    let whole = feed(stream, stream.len());
    for piece in [1, usize::from(first) % 13 + 2] {
        let (commands, error) = feed(stream, piece);
        assert_eq!(commands, whole.0, "in pieces of {piece} they are other commands");
        assert_eq!(
            error.is_some(),
            whole.1.is_some(),
            "in pieces of {piece}: {error:?}, and not {:?}",
            whole.1
        );
    }
    let (commands, error) = whole;
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    assert!(text.is_ascii() && !text.contains(['\r', '\n']), "{text:?} is no line of a reply");
    let mut again = Vec::new();
    for command in &commands {
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        encode_command(&mut again, &words);
    }
    // Written as an array, a command can be longer than the line that it was.
    let wide = Limits { max_command_bytes: again.len(), ..LIMITS };
    assert_eq!(decode(&mut RequestDecoder::new(wide), &again), (commands, again.len(), None));
}

/// Feeds it in pieces of this size, as a connection does.
fn feed(stream: &[u8], piece: usize) -> (Vec<Command>, Option<FramingError>) {
    let mut decoder = RequestDecoder::new(LIMITS);
    let (mut waiting, mut commands) = (Vec::new(), Vec::new());
    for piece in stream.chunks(piece.max(1)) {
        waiting.extend_from_slice(piece);
        let (mut more, taken, error) = decode(&mut decoder, &waiting);
        commands.append(&mut more);
        if error.is_some() {
            return (commands, error);
        }
        waiting.drain(..taken);
        assert!(waiting.len() <= LIMITS.max_command_bytes, "{} bytes wait", waiting.len());
    }
    (commands, None)
}

fn decode(decoder: &mut RequestDecoder, bytes: &[u8]) -> (Vec<Command>, usize, Option<FramingError>) {
    let (mut commands, mut taken) = (Vec::new(), 0);
    loop {
        match memory::within(MOST_MEMORY, "a request", || {
            decoder.decode(&bytes[taken..]).map(|request| request.map(|request| request.consumed))
        }) {
            Ok(None) => return (commands, taken, None),
            Err(error) => return (commands, taken, Some(error)),
            Ok(Some(consumed)) => {
                assert!(consumed > 0, "a command of no bytes");
                // The decoder is at its beginning again, so the same bytes are the same command.
                let request = decoder.decode(&bytes[taken..]).unwrap().unwrap();
                assert!(request.args.len() <= LIMITS.max_arguments, "{} arguments", request.args.len());
                if !request.args.is_empty() {
                    commands.push(request.args.iter().map(<[u8]>::to_vec).collect());
                }
                taken += consumed;
            }
        }
    }
}
