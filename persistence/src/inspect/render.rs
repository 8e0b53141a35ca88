//! An inspection as text for an operator.

use std::fmt;

use tidegate_engine::OrderState;

use super::{CampaignInspection, ConsumerGroupInspection, Inspection};

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Journal")?;
        for epoch in &self.epochs {
            write!(f, "  {}: {} blocks, {} bytes", epoch.epoch, epoch.blocks, epoch.bytes)?;
            match (epoch.first_sequence, epoch.last_sequence) {
                (Some(first), Some(last)) => writeln!(f, ", sequences {first} to {last}")?,
                _ => writeln!(f, ", empty")?,
            }
        }
        match self.mark {
            Some(mark) => writeln!(
                f,
                "  high-water mark: {}, block {}, sequence {}",
                mark.epoch, mark.block, mark.sequence
            )?,
            None => writeln!(f, "  no high-water mark")?,
        }
        writeln!(f, "Snapshots")?;
        for snapshot in &self.snapshots {
            writeln!(
                f,
                "  up to {}: {} actors, sequence {}, {} bytes, {}",
                snapshot.covers,
                snapshot.actors,
                snapshot.last_sequence,
                snapshot.bytes,
                snapshot.damage.as_deref().unwrap_or("verified")
            )?;
        }
        if self.snapshots.is_empty() {
            writeln!(f, "  none")?;
        }
        writeln!(f, "SKUs: {}", self.skus.len())?;
        for sku in &self.skus {
            write!(
                f,
                "  {}: {} available, {} reserved, {} sold of {}; orders",
                sku.name,
                sku.stock.available(),
                sku.stock.reserved(),
                sku.stock.sold(),
                sku.stock.total()
            )?;
            for state in OrderState::ALL {
                if sku.tally.orders(state) > 0 {
                    write!(f, " {state:?} {}", sku.tally.orders(state))?;
                }
            }
            let balance = if sku.balanced { "balanced" } else { "DOES NOT BALANCE" };
            writeln!(f, "; {balance}; {} changes, state {:016x}", sku.changes, sku.state_hash)?;
        }
        if !self.campaigns.is_empty() {
            writeln!(f, "Campaigns: {}", self.campaigns.len())?;
        }
        for campaign in &self.campaigns {
            let CampaignInspection { name, coupons, changes, state_hash } = campaign;
            writeln!(f, "  {name}: {coupons} coupons granted; {changes} changes, state {state_hash:016x}")?;
        }
        if !self.consumer_groups.is_empty() {
            writeln!(f, "Consumer groups: {}", self.consumer_groups.len())?;
        }
        for group in &self.consumer_groups {
            let ConsumerGroupInspection { name, last_delivered, consumers, pending, changes, state_hash } =
                group;
            writeln!(
                f,
                "  {name}: delivered up to {last_delivered}-0, {pending} pending, {consumers} consumers; {changes} \
                 changes, state {state_hash:016x}"
            )?;
        }
        if self.is_sound() {
            return writeln!(f, "Verified: every block, every snapshot, every balance.");
        }
        writeln!(f, "Damage")?;
        self.damage.iter().try_for_each(|damage| writeln!(f, "  {damage}"))
    }
}
