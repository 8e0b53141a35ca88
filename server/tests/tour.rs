//! The tour of the sample campaign, faster still: it fails by itself if anything is answered that should not be.

mod common;

use common::run;

#[test]
fn the_tour_plays_the_whole_day_and_its_books_balance() {
    let (code, out, err) = run(&["demo", "--tour", "--speed", "200000"]);
    assert_eq!(code, Some(0), "{err}\n{out}");
    for told in [
        "25.03 EUR instead of 25.80",
        "91.20 EUR: the ladder is at 114.00 now, less 20 %",
        "together 176.93 EUR, 10.00 EUR less for the sum",
        "5 members at 47.92 EUR each",
        "Gus stayed alone: his order is REFUND_DUE, all of 53.91 EUR",
        "2,489.50 EUR was paid: 1,855.93 EUR is kept, 633.57 EUR is due back",
    ] {
        assert!(out.contains(told), "{told}\nis not in\n{out}");
    }
}
