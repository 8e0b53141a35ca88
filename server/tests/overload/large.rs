//! The largest commands that there may be, and larger ones, as fast as they can be sent.

use std::sync::Arc;

use super::crowd::{Member, command};
use super::siege::{PER_CONNECTION, Siege, Size};

#[test]
fn the_largest_commands_and_larger_ones_at_full_speed_disturb_nobody() {
    let count = 16 * Size::of_this_run().times;
    let mut siege = Siege::begin("large commands", "[feed]\nreads_at_once = 2");
    let deep = r#"{"a":"#.repeat(12_000);
    let kinds: Arc<[Vec<u8>]> = Arc::new([
        // As long as may be, and answered as long.
        command(&format!("ECHO {}", "x".repeat(65_000))).repeat(4),
        // As many arguments as may be.
        command(&format!("SKU.MGET {}", ["none"; 1_023].join(" "))).repeat(16),
        command(&format!("SKU.PUT deep {deep}")).repeat(4),
        command(&format!("SKU.PUT lists {}", "[".repeat(60_000))).repeat(4),
        command(&format!("CART.RESERVE none r b{}", " lamp 1".repeat(500))).repeat(16),
        command(&format!("XREAD STREAMS{}{}", " orders".repeat(500), " 0".repeat(500))).repeat(4),
        // Too long, and too many.
        command(&format!("ECHO {}", "x".repeat(70_000))),
        command(&format!("SKU.MGET {}", ["none"; 2_000].join(" "))),
    ]);
    let expected = &[
        "-ERR Protocol error: a command takes at most 65536 bytes",
        "-ERR Protocol error: a command takes at most 1024 arguments",
    ];
    siege.storm(count, expected, move |member: Member| {
        let kinds = Arc::clone(&kinds);
        async move {
            let Some(stream) = member.connect(member.tcp).await else { return };
            member.bombard(stream, &kinds[member.number % kinds.len()]).await;
        }
    });
    siege.lift(count as u64 * PER_CONNECTION);
}
