//! An operator who keeps changing a long list of buyers, for shoppers alone would need longer to fill an epoch, and works at a
//! stand meanwhile.

use rand::Rng;
use rand::rngs::StdRng;

use super::stand::Stand;
use crate::common::{Client, show};

/// Buyers on the list, each with a name as long as it may be: one change is about 55 KB of journal.
const BUYERS: usize = 850;
/// How often the list is looked at before it is changed again, at most.
const LOOKS: usize = 40;

/// The operator, its stand, and the version of the list: one is given to each change.
#[derive(Debug, Default)]
pub(crate) struct Operator {
    /// The last one that was sent.
    sent: u64,
    /// The last one that was confirmed or seen: no older one may be there.
    known: u64,
    stand: Stand,
}

impl Operator {
    /// Changes and looks until the server is gone.
    pub(crate) fn work(&mut self, mut client: Client, random: &mut StdRng) {
        if !self.stand.put(&mut client) {
            return;
        }
        loop {
            if !self.stand.work(&mut client, random) {
                return;
            }
            self.sent += 1;
            let Some(told) = ask(&mut client, &put(self.sent)) else { return };
            assert!(["[CREATED]", "[UPDATED]"].contains(&&*told), "{told}");
            self.known = self.sent;
            for _ in 0..random.random_range(0..LOOKS) {
                if ask(&mut client, "SKU.GET list").is_none() {
                    return;
                }
            }
        }
    }

    /// The list is the last one that was confirmed, or that is to come behind it; and so is what was done at the stand.
    pub(crate) fn check(&mut self, client: &mut Client) {
        let list = client.value("SKU.GET list");
        let title = list.get("title").map(show).unwrap_or_default();
        let version = title.strip_prefix('v').map_or(0, |version| version.parse().unwrap());
        assert!((self.known..=self.sent).contains(&version), "{self:?}, but there is {title:?}");
        self.known = version;
        self.stand.check(client);
    }
}

fn put(version: u64) -> String {
    let buyers: Vec<_> = (0..BUYERS).map(|buyer| format!(r#""{version:032}{buyer:032}""#)).collect();
    let allow = buyers.join(",");
    format!(
        r#"SKU.PUT list {{"title":"v{version}","stock":1,"currency":"CNY","price":{{"fixed":1}},"allow":[{allow}]}}"#
    )
}

/// What the server answers, unless it is gone.
pub(super) fn ask(client: &mut Client, line: &str) -> Option<String> {
    client.try_send(line).ok()?;
    client.next().ok().flatten().map(|reply| show(&reply))
}
