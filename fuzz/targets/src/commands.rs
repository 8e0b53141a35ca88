//! Commands: what is taken is within the ranges that the table tells, and what is not is told in one line.

use tidegate_protocol::command::{Call, MAX_QUANTITY, MAX_SAFE_INTEGER, find, is_id, is_name, lookup};
use tidegate_protocol::resp::{Args, Limits, Protocol, RequestDecoder, Writer, encode_command};

/// The longest text of an error, in bytes. What comes from the client is cut in it.
const MOST_TOLD: usize = 1024;

/// The bytes of one client.
///
/// # Panics
/// If a call is out of its range, depends on how its name is written, or an error is no line.
pub fn commands(bytes: &[u8]) {
    let mut decoder = RequestDecoder::new(Limits::default());
    let mut taken = 0;
    while let Ok(Some(request)) = decoder.decode(&bytes[taken..]) {
        taken += request.consumed;
        if !request.args.is_empty() {
            command(request.args);
        }
    }
}

fn command(args: Args<'_>) {
    let read = lookup(args).and_then(|command| command.parse(args));
    match &read {
        Ok(call) => check(call),
        Err(error) => {
            let mut line = Vec::new();
            error.write(&mut Writer::new(&mut line, Protocol::Resp3));
            let text = line.strip_suffix(b"\r\n").expect("a line");
            assert!(
                !text.contains(&b'\r') && !text.contains(&b'\n') && text.is_ascii(),
                "{text:?} is no line"
            );
            assert!(text.len() <= MOST_TOLD, "an error of {} bytes", text.len());
        }
    }
    // Its name in the other case is the same command.
    let name: Vec<u8> = args.get(0).unwrap_or_default().iter().map(swapped).collect();
    assert_eq!(find(&name), lookup(args).ok(), "{name:?}");
    let words: Vec<&[u8]> = std::iter::once(&name[..]).chain(args.iter().skip(1)).collect();
    let mut again = Vec::new();
    encode_command(&mut again, &words);
    let limits = Limits { max_command_bytes: again.len(), max_arguments: words.len() };
    let mut decoder = RequestDecoder::new(limits);
    let request = decoder.decode(&again).unwrap().unwrap();
    let read_again = lookup(request.args).and_then(|command| command.parse(request.args));
    if let (Ok(before), Ok(after)) = (&read, &read_again) {
        assert_eq!(std::mem::discriminant(before), std::mem::discriminant(after));
    }
    assert_eq!(read.is_ok(), read_again.is_ok(), "{args:?}");
}

fn swapped(byte: &u8) -> u8 {
    if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
}

fn check(call: &Call<'_>) {
    let units = |qty: u32| assert!((1..=MAX_QUANTITY).contains(&u64::from(qty)), "{qty} units");
    let money = |minor: u64| assert!(minor <= MAX_SAFE_INTEGER, "{minor} minor units");
    let name = |text: &str| assert!(is_name(text), "{text:?} is no name");
    let id = |text: &str| assert!(is_id(text), "{text:?} is no id");
    match call {
        Call::OrderReserve { sku, req, buyer, qty, max_price, coupon, at } => {
            name(sku);
            id(req);
            id(buyer);
            units(*qty);
            max_price.iter().copied().for_each(money);
            coupon.iter().copied().for_each(id);
            if let Some(at) = at {
                assert!(at.lat_e6.abs() <= 90_000_000 && at.lon_e6.abs() <= 180_000_000, "{at:?}");
            }
        }
        Call::OrderPay { req, amount, payment, .. } | Call::CartPay { req, amount, payment, .. } => {
            id(req);
            id(payment);
            money(*amount);
        }
        Call::RoomOpen { sku, req, buyer, qty } => {
            name(sku);
            id(req);
            id(buyer);
            units(*qty);
        }
        Call::RoomJoin { req, buyer, qty, .. } => {
            id(req);
            id(buyer);
            units(*qty);
        }
        Call::CartReserve { campaign, req, buyer, lines, coupon } => {
            name(campaign);
            id(req);
            id(buyer);
            coupon.iter().copied().for_each(id);
            assert!(!lines.is_empty(), "a cart of nothing");
            assert_eq!(lines.iter().count(), lines.len());
            for (sku, qty) in lines.iter() {
                name(sku);
                units(qty);
            }
        }
        Call::SkuRestock { sku, req, delta, store } => {
            name(sku);
            id(req);
            store.iter().copied().for_each(name);
            assert!(*delta != 0 && delta.unsigned_abs() <= MAX_SAFE_INTEGER, "{delta} units");
        }
        Call::SkuReprice { sku, req, price } => {
            name(sku);
            id(req);
            money(*price);
        }
        Call::SkuMget { skus } => {
            assert!(!skus.is_empty(), "nothing to show");
            skus.texts().for_each(name);
        }
        Call::CouponTrigger { campaign, req, buyer, event } => {
            name(campaign);
            id(req);
            id(buyer);
            id(event);
        }
        Call::BuyerBlock { sku, buyer } | Call::BuyerUnblock { sku, buyer } => {
            name(sku);
            id(buyer);
        }
        _ => {}
    }
}
