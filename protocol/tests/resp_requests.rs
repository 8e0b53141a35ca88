//! What a client may send, and what it is told when it may not.

use proptest::prelude::*;
use redis_protocol::resp2::decode::decode_range;
use redis_protocol::resp2::types::RangeFrame;
use tidegate_protocol::resp::{FramingError, Limits, RequestDecoder, encode_command};

const LIMITS: Limits = Limits { max_command_bytes: 4096, max_arguments: 16 };

type Command = Vec<Vec<u8>>;

/// Feeds `stream` to a decoder in pieces that end at `cuts`, as a connection task does: complete commands
/// are taken off the front, the rest waits. Returns the commands, the error if there was one, and the most
/// bytes that ever waited.
fn feed(stream: &[u8], cuts: &[usize], limits: Limits) -> (Vec<Command>, Option<FramingError>, usize) {
    let mut decoder = RequestDecoder::new(limits);
    let (mut waiting, mut commands, mut most) = (Vec::new(), Vec::new(), 0);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    for piece in cuts.windows(2) {
        waiting.extend_from_slice(&stream[piece[0]..piece[1]]);
        let mut taken = 0;
        loop {
            match decoder.decode(&waiting[taken..]) {
                Ok(Some(request)) => {
                    taken += request.consumed;
                    if !request.args.is_empty() {
                        commands.push(request.args.iter().map(<[u8]>::to_vec).collect());
                    }
                }
                Ok(None) => break,
                Err(error) => return (commands, Some(error), most),
            }
        }
        waiting.drain(..taken);
        most = most.max(waiting.len());
    }
    (commands, None, most)
}

fn decode_all(stream: &[u8]) -> (Vec<Command>, Option<FramingError>) {
    let (commands, error, _) = feed(stream, &[], LIMITS);
    (commands, error)
}

fn words(words: &[&str]) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn a_pipeline_of_commands_is_read_in_order() {
    let stream = b"*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*2\r\n$7\r\nSKU.GET\r\n$6\r\niphone\r\n";
    let expected = vec![words(&["PING"]), words(&["ECHO", ""]), words(&["SKU.GET", "iphone"])];
    assert_eq!(decode_all(stream), (expected, None));
}

#[test]
fn an_argument_may_hold_any_bytes() {
    let stream = b"*2\r\n$4\r\nECHO\r\n$6\r\n\r\n\0\xff$1\r\n";
    assert_eq!(decode_all(stream), (vec![vec![b"ECHO".to_vec(), b"\r\n\0\xff$1".to_vec()]], None));
}

#[test]
fn empty_lines_and_empty_arrays_are_skipped() {
    assert_eq!(decode_all(b"\r\n\n*0\r\n   \r\nPING\r\n"), (vec![words(&["PING"])], None));
}

#[test]
fn inline_commands_are_split_as_a_shell_would() {
    let table: &[(&str, &[&str])] = &[
        ("PING\r\n", &["PING"]),
        ("ping\n", &["ping"]),
        ("  SKU.GET\t iphone  \r\n", &["SKU.GET", "iphone"]),
        (r#"ECHO "a b\n\x41\"" "" 'it\'s'"#, &["ECHO", "a b\nA\"", "", "it's"]),
        (r#"ECHO pre"fix""#, &["ECHO", "prefix"]),
    ];
    for (line, expected) in table {
        let line = format!("{}\r\n", line.trim_end());
        assert_eq!(decode_all(line.as_bytes()), (vec![words(expected)], None), "{line:?}");
    }
}

#[test]
fn malformed_input_is_one_clear_error() {
    use FramingError::*;
    let long_line = vec![b'x'; LIMITS.max_command_bytes];
    let large_but_whole = [b"*2\r\n$4\r\nECHO\r\n$4090\r\n".as_slice(), &[b'x'; 4090], b"\r\n"].concat();
    let table: &[(&[u8], FramingError)] = &[
        (b"*-5\r\n", InvalidArrayLength),
        (b"*\r\n", InvalidArrayLength),
        (b"*x\r\n", InvalidArrayLength),
        (b"*+3\r\n", InvalidArrayLength),
        (b"*1\n$4\r\nPING\r\n", InvalidArrayLength),
        (b"*99999999999999999999999999", InvalidArrayLength),
        (b"*17\r\n", TooManyArguments { limit: 16 }),
        (b"*10000\r\n", TooManyArguments { limit: 16 }),
        (b"*2147483647\r\n", TooManyArguments { limit: 16 }),
        (b"*1\r\n$-1\r\n", InvalidBulkLength),
        (b"*1\r\n$\r\n", InvalidBulkLength),
        (b"*1\r\n$+4\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$4x\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$99999999999999999999\r\n", InvalidBulkLength),
        (b"*1\r\n$00000000000000000000000000004\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$99999999999\r\n", TooLarge { limit: 4096 }),
        (b"*1\r\n$1000000000\r\n", TooLarge { limit: 4096 }),
        (b"*1\r\n$4090\r\n", TooLarge { limit: 4096 }),
        (&large_but_whole, TooLarge { limit: 4096 }),
        (b"*1\r\n:4\r\n", ExpectedBulk { got: b':' }),
        (b"*1\r\n*1\r\n*1\r\n*1\r\n", ExpectedBulk { got: b'*' }),
        (b"*1\r\n$4\r\nPINGPONG\r\n", MissingTerminator),
        (&long_line, TooLarge { limit: 4096 }),
        (b"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\r\n", TooManyArguments { limit: 16 }),
        (b"ECHO \"half\r\n", UnbalancedQuotes),
        (b"ECHO 'half\r\n", UnbalancedQuotes),
        (b"ECHO \"a\"b\r\n", UnbalancedQuotes),
        (b"POST / HTTP/1.1\r\n", HttpRequest),
        (b"host: localhost:7878\r\n", HttpRequest),
    ];
    for (input, expected) in table {
        let shown = input[..input.len().min(60)].escape_ascii();
        assert_eq!(decode_all(input), (vec![], Some(expected.clone())), "{shown}");
        // The same in single bytes: an error may come earlier, never another one or none.
        let every_byte: Vec<usize> = (0..input.len()).collect();
        let (commands, error, most) = feed(input, &every_byte, LIMITS);
        assert_eq!((commands, error), (vec![], Some(expected.clone())), "{shown}, byte by byte");
        assert!(most <= LIMITS.max_command_bytes);
    }
}

#[test]
fn arguments_that_can_not_come_any_more_are_counted_before_they_begin() {
    let limits = Limits { max_command_bytes: 20, max_arguments: 16 };
    let (header, argument) = (b"*3\r\n".as_slice(), b"$0\r\n\r\n".as_slice());
    let refused = Some(FramingError::TooLarge { limit: 20 });
    for rest in [b"".as_slice(), b"$", b"$0", argument] {
        let stream = [header, argument, rest].concat();
        let every_byte: Vec<usize> = (0..stream.len()).collect();
        assert_eq!(feed(&stream, &[], limits).1, refused, "{}", stream.escape_ascii());
        assert_eq!(feed(&stream, &every_byte, limits).1, refused, "{}, byte by byte", stream.escape_ascii());
    }
    let stream = [b"*2\r\n", argument, argument].concat();
    assert_eq!(feed(&stream, &[], limits), (vec![vec![vec![], vec![]]], None, 0));
}

#[test]
fn the_largest_command_allowed_is_taken() {
    let mut stream = Vec::new();
    encode_command(&mut stream, &[b"ECHO", &[b'x'; 4096 - 14 - 9]]);
    assert_eq!(stream.len(), LIMITS.max_command_bytes);
    let (commands, error) = decode_all(&stream);
    assert_eq!((commands.len(), error), (1, None));
}

/// What the library finds in an array of strings: the words, and how many bytes they took.
fn as_the_library_reads(bytes: &[u8]) -> Option<(Command, usize)> {
    let Ok(Some((RangeFrame::Array(words), taken))) = decode_range(bytes) else { return None };
    let word = |frame: &RangeFrame| match frame {
        RangeFrame::BulkString((start, end)) => Some(bytes[*start..*end].to_vec()),
        _ => None,
    };
    Some((words.iter().map(word).collect::<Option<_>>()?, taken))
}

proptest! {
    #[test]
    fn arguments_are_what_the_library_takes_them_for(
        words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let borrowed: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        encode_command(&mut bytes, &borrowed);
        if let Some((at, byte)) = change {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut decoder = RequestDecoder::new(Limits::default());
        if let Ok(Some(request)) = decoder.decode(&bytes)
            && bytes.first() == Some(&b'*')
        {
            let read: Command = request.args.iter().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(Some((read, request.consumed)), as_the_library_reads(&bytes));
        } else if change.is_none() {
            prop_assert!(false, "a command that was written is not read");
        }
    }

    #[test]
    fn however_a_stream_is_cut_the_commands_are_the_same(
        sent in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8), 0..12),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let mut stream = Vec::new();
        for command in &sent {
            encode_command(&mut stream, &command.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        let (commands, error, _) = feed(&stream, &cuts, LIMITS);
        prop_assert_eq!(commands, sent);
        prop_assert_eq!(error, None);
    }

    #[test]
    fn bytes_of_any_kind_never_panic_nor_pile_up(
        stream in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(b"*$:\r\n0123456789-+\"' ".to_vec()),
            1 => any::<u8>(),
        ], 0..600),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let limits = Limits { max_command_bytes: 64, max_arguments: 4 };
        let whole = feed(&stream, &[], limits);
        let cut = feed(&stream, &cuts, limits);
        prop_assert!(cut.2 <= limits.max_command_bytes, "{} bytes waited", cut.2);
        prop_assert_eq!(whole.0, cut.0);
        prop_assert_eq!(whole.1.is_some(), cut.1.is_some());
    }
}
