//! How a SKU document says that a SKU is sold to groups.

use super::DocumentError;
use super::object::Field;

/// The most tiers of a group-buy.
pub(super) const MAX_TIERS: usize = 10;

/// The most members that a tier may need, and so the most seats of a room.
pub(super) const MAX_MEMBERS: u32 = 1_000;

/// How long a room is open if the document says nothing of it, and at most: a day and 30 days, in seconds.
pub(super) const DEFAULT_ROOM_TTL_S: u32 = 86_400;
pub(super) const MAX_ROOM_TTL_S: u32 = 30 * 86_400;

/// How a SKU is sold to groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBuy {
    /// Members that a tier needs, and what it takes off the unit price in percent; both ascend. At most 10 tiers.
    pub tiers: Vec<(u32, u8)>,
    /// How long a room is open, in seconds: 1 to 2,592,000 (30 days).
    pub room_ttl_s: u32,
}

/// Reads `{"tiers": [...], "room_ttl_s"}`.
pub(super) fn read(field: Field) -> Result<GroupBuy, DocumentError> {
    let mut object = field.object()?;
    let mut tiers: Vec<(u32, u8)> = Vec::new();
    for entry in object.required("tiers")?.list(MAX_TIERS)? {
        let mut tier = entry.object()?;
        let (members, percent) = (tier.required("members")?, tier.required("percent_off")?);
        let (path_of_members, path_of_percent) = (members.path.clone(), percent.path.clone());
        let members = members.whole_u32(2, MAX_MEMBERS, " of members")?;
        let percent = percent.whole_u32(1, 99, " of percent")?;
        tier.finish()?;
        let percent = u8::try_from(percent).unwrap_or(u8::MAX);
        if let Some((fewer, less)) = tiers.last() {
            if members <= *fewer {
                return Err(DocumentError::new(path_of_members, "must be above that of the tier before"));
            }
            if percent <= *less {
                return Err(DocumentError::new(path_of_percent, "must be above that of the tier before"));
            }
        }
        tiers.push((members, percent));
    }
    let room_ttl_s = object
        .optional("room_ttl_s")
        .map_or(Ok(DEFAULT_ROOM_TTL_S), |field| field.whole_u32(1, MAX_ROOM_TTL_S, " of seconds"))?;
    object.finish()?;
    Ok(GroupBuy { tiers, room_ttl_s })
}
