//! A process that has no file descriptor left: alone in its process, for it takes them from everybody there.
#![allow(clippy::unwrap_used)] // also in helpers outside a test function

mod common;

use common::{Shop, open, sell_epochs, small, start};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tidegate_persistence::{ActorId, Options};

#[test]
fn what_can_not_be_opened_for_a_moment_is_not_taken_for_damage() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { retention_epochs: 1000, ..small() };
    let mut shop = Shop::default();
    let (writer, lane, wakes) = start(open(dir.path(), &options).journal, &options);
    sell_epochs(&mut shop, &writer, &lane, &wakes, 3);
    let reader = writer.reader();
    let limits = getrlimit(Resource::Nofile);
    // With and without a snapshot: both are files.
    for has_snapshots in [true, false] {
        if !has_snapshots {
            std::fs::remove_dir_all(dir.path().join("snapshots")).unwrap();
        }
        setrlimit(Resource::Nofile, Rlimit { current: Some(3), ..limits }).unwrap();
        let refused = reader.rebuild(ActorId(0), 3);
        setrlimit(Resource::Nofile, limits).unwrap();
        let error = refused.unwrap_err();
        assert!(error.may_pass() && error.to_string().contains("Too many open files"), "{error}");
        let (state, _) = &shop.skus[&0];
        let rebuilt = reader.rebuild(ActorId(0), 3).unwrap();
        assert_eq!(rebuilt.state.sku().unwrap().state_hash(), state.sku().unwrap().state_hash());
    }
    writer.stop().unwrap();
}
