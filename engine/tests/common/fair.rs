//! A campaign with a clock: what the stories of campaigns are told with.

// Every test file compiles its own copy and uses a part of it.
#![allow(dead_code)]

use std::sync::Arc;

use tidegate_engine::{
    Answer, CampaignCommand, CampaignEvent, CampaignLimits, CampaignRestorer, CampaignState, CampaignTerms,
    CouponCode, Millis, Trigger,
};

use crate::common::{START, Told};

/// A campaign, and a clock.
pub(crate) struct Fair {
    pub(crate) state: CampaignState,
    pub(crate) now: Millis,
    pub(crate) limits: CampaignLimits,
    codes: u128,
    pub(crate) journal: Vec<(Millis, CampaignEvent<'static>)>,
}

impl Fair {
    pub(crate) fn open(terms: CampaignTerms) -> Self {
        let limits = CampaignLimits::default();
        let mut fair =
            Self { state: CampaignState::new(7), now: START, limits, codes: 0, journal: Vec::new() };
        assert_eq!(fair.ask(&CampaignCommand::Put { terms: Arc::new(terms) }), Ok(Answer::Created));
        fair
    }

    pub(crate) fn ask(&mut self, command: &CampaignCommand<&'static str>) -> Told {
        let (events, answer) = self.state.decide(command, self.now, &self.limits)?;
        for event in events {
            self.happen(event);
        }
        Ok(answer)
    }

    /// Ends the cart whose hold ran out first; `false` if none has.
    pub(crate) fn run_a_timer(&mut self) -> bool {
        let due = self.state.next_cart_expiry().filter(|(at, _)| *at <= self.now);
        due.map(|(_, cart)| self.happen(CampaignEvent::CartExpired { cart })).is_some()
    }

    fn happen(&mut self, event: CampaignEvent<'static>) {
        assert_eq!(self.state.apply(&event, self.now), Ok(()));
        self.journal.push((self.now, event));
        let campaign = self.state.campaign().unwrap_or_else(|| panic!("a campaign"));
        let mut restorer = CampaignRestorer::new(9);
        campaign.parts().for_each(|part| assert_eq!(restorer.push(part), Ok(())));
        let again = restorer.finish().unwrap_or_else(|error| panic!("a state restores: {error}"));
        let hash = again.campaign().map(tidegate_engine::Campaign::state_hash);
        assert_eq!(hash, Some(campaign.state_hash()), "from parts");
    }

    /// A new code is drawn each time, as the edge does.
    pub(crate) fn trigger(&mut self, buyer: &'static str, req: &'static str, event: &'static str) -> Told {
        self.codes += 1;
        let code = CouponCode::new(self.codes);
        self.ask(&CampaignCommand::Trigger(Trigger { req, buyer, event, code }))
    }
}
