//! Which events of a campaign are entries of the feed.

use std::rc::Rc;

use tidegate_engine::{CampaignEvent, NewCart};
use tidegate_persistence::{CodecError, Group};

use super::Entry;

/// Hands on the entries of a group of a campaign's, with the sequence of each.
///
/// # Errors
/// If the group can't be read.
pub(crate) fn campaign_entries<'b>(
    group: &Group<'b>,
    mut add: impl FnMut(u64, Entry<'b>),
) -> Result<(), CodecError> {
    // The cart that the events behind its commit are about.
    let mut cart: Option<Rc<NewCart<&'b str>>> = None;
    for (sequence, event) in (group.first_sequence..).zip(group.campaign_events()) {
        let entry = match event? {
            CampaignEvent::Put { .. } => Entry::CampaignPut,
            CampaignEvent::Granted(granted) => Entry::Granted(granted),
            CampaignEvent::CartReserved(new) => {
                let new: Rc<NewCart<&'b str>> = Rc::from(new);
                cart = Some(Rc::clone(&new));
                Entry::CartReserved(new)
            }
            CampaignEvent::LineStands { line, .. } => match &cart {
                Some(cart) => Entry::LineReserved { cart: Rc::clone(cart), line: line as usize },
                None => continue,
            },
            CampaignEvent::CartCoupon { code, .. } => match &cart {
                Some(cart) => Entry::CartCoupon { cart: Rc::clone(cart), code },
                None => continue,
            },
            CampaignEvent::CartPaid(payment) => Entry::CartPaid(payment),
            CampaignEvent::CartOverpaid(payment) => Entry::CartOverpaid(payment),
            CampaignEvent::CartCancelled { cart, .. } => Entry::CartCancelled(cart),
            CampaignEvent::CartExpired { cart } => Entry::CartExpired(cart),
            // Each line tells of its part.
            CampaignEvent::CartRefundDue(_)
            | CampaignEvent::Noted { .. }
            | CampaignEvent::CartNoted { .. } => continue,
        };
        add(sequence, entry);
    }
    Ok(())
}
