//! News on their way from actors to the rounds in which subscribers are told.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;

use crate::explore;
use crate::marks::{Mark, Marks};
use crate::sync::Mutex;

/// What subscribers are told about: the latest of it is enough.
#[derive(Debug)]
struct Topic {
    mark: Mark,
    latest: Mutex<u32>,
}

impl AsRef<Mark> for Topic {
    fn as_ref(&self) -> &Mark {
        &self.mark
    }
}

#[test]
fn the_last_change_is_told_whenever_it_comes() {
    const CHANGES: u32 = 3;
    explore(|| {
        let marks = Arc::new(Marks::<Topic>::new());
        let topics = [(); 2].map(|()| Arc::new(Topic { mark: Mark::new(), latest: Mutex::new(0) }));
        let actors = topics.clone().map(|topic| {
            let marks = Arc::clone(&marks);
            thread::spawn(move || {
                for change in 1..=CHANGES {
                    *topic.latest.lock() = change;
                    marks.add(Arc::clone(&topic));
                }
            })
        });
        let mut told = [0; 2];
        while told != [CHANGES; 2] {
            // If a change were lost, this would wait for ever, and that is reported.
            block_on(marks.added());
            let marked = marks.take();
            assert!(marked.len() <= topics.len(), "on the list more than once");
            for marked in marked {
                let at = usize::from(Arc::ptr_eq(&marked, &topics[1]));
                let latest = *marked.latest.lock();
                assert!(latest >= told[at], "told of what was before");
                told[at] = latest;
            }
        }
        actors.into_iter().for_each(|actor| actor.join().unwrap());
    });
}
