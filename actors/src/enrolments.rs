//! Which SKU is part of which campaign. It follows from the documents of both, and SKUs are told.

use std::sync::Arc;

use tidegate_engine::{CampaignTerms, Command, Currency, Enrolment, SkuTerms, SkuView};
use tokio::sync::oneshot;

use crate::ask::{Body, Fault, Outcome, heard};
use crate::house::House;
use crate::seat::Seat;

/// Why a document can't be accepted beside those that are there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// A SKU says that it is part of one campaign, and another names it.
    #[error("campaign: {named_by} names this SKU; take it out of that campaign's skus first")]
    NamedElsewhere {
        /// The campaign that names it.
        named_by: Box<str>,
    },
    /// A campaign names a SKU that is part of another one.
    #[error("skus: {sku} is part of campaign {campaign}; a SKU can be in one campaign")]
    Taken {
        /// The SKU.
        sku: Box<str>,
        /// The campaign that it is part of.
        campaign: Box<str>,
    },
    /// A SKU's currency is not that of its campaign.
    #[error("currency: campaign {campaign} sells in {currency:?}; a campaign has one currency")]
    Currency {
        /// The campaign.
        campaign: Box<str>,
        /// Its currency.
        currency: Currency,
    },
    /// A campaign names SKUs with different currencies.
    #[error(
        "skus: {sku} is sold in {currency:?} and {other} in {other_currency:?}; a campaign has one currency"
    )]
    Mixed {
        /// A SKU.
        sku: Box<str>,
        /// Its currency.
        currency: Currency,
        /// Another SKU.
        other: Box<str>,
        /// The other's currency.
        other_currency: Currency,
    },
}

/// The campaigns as they are at one moment, by name.
pub(crate) type Campaigns = Vec<(Box<str>, Arc<CampaignTerms>)>;

impl House {
    /// Whether a SKU with these terms fits the campaigns that are there.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn check_sku(&self, name: &str, terms: &SkuTerms) -> Result<(), EnrolmentError> {
        let campaigns = self.campaigns();
        if let Some((named_by, _)) = campaigns.iter().find(|(campaign, document)| {
            document.names(name) && terms.campaign.as_ref().is_some_and(|own| own != campaign)
        }) {
            return Err(EnrolmentError::NamedElsewhere { named_by: named_by.clone() });
        }
        let Some(campaign) = campaign_of(&campaigns, name, terms.campaign.as_deref()) else { return Ok(()) };
        match self.currency_of(campaign, name).filter(|currency| *currency != terms.currency) {
            Some(currency) => Err(EnrolmentError::Currency { campaign: campaign.into(), currency }),
            None => Ok(()),
        }
    }

    /// Whether a campaign with these terms fits the SKUs and campaigns that are there.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) fn check_campaign(&self, name: &str, terms: &CampaignTerms) -> Result<(), EnrolmentError> {
        for (campaign, document) in self.campaigns().iter().filter(|(campaign, _)| &**campaign != name) {
            if let Some(sku) = terms.skus.iter().find(|sku| document.names(sku)) {
                return Err(EnrolmentError::Taken { sku: sku.clone(), campaign: campaign.clone() });
            }
        }
        let mut members: Vec<(Box<str>, Currency)> = Vec::new();
        for (sku, view) in self.skus() {
            match view.terms.campaign.as_deref() {
                Some(campaign) if campaign != name && terms.names(&sku) => {
                    return Err(EnrolmentError::Taken { sku, campaign: campaign.into() });
                }
                Some(campaign) if campaign != name => {}
                None if !terms.names(&sku) => {}
                _ => members.push((sku, view.terms.currency)),
            }
        }
        let Some((sku, currency)) = members.first() else { return Ok(()) };
        match members.iter().find(|(_, other)| other != currency) {
            Some((other, other_currency)) => Err(EnrolmentError::Mixed {
                sku: sku.clone(),
                currency: *currency,
                other: other.clone(),
                other_currency: *other_currency,
            }),
            None => Ok(()),
        }
    }

    /// The SKUs that are part of this campaign.
    #[must_use]
    pub fn members(&self, campaign: &str) -> Vec<Arc<Seat>> {
        let mut members = Vec::new();
        self.for_each_seat(|seat| {
            let view = seat.shown().view();
            let part = view.as_ref().and_then(|view| view.enrolment.as_ref());
            if part.is_some_and(|part| &*part.campaign == campaign) {
                members.push(Arc::clone(seat));
            }
        });
        members.sort_by(|a, b| a.name().cmp(b.name()));
        members
    }

    /// Tells all SKUs what part in a campaign they have, where that changed. Returns when it is durable.
    ///
    /// # Errors
    /// If a SKU can't be told. It is told at the latest by the next start.
    pub async fn enrol(&self) -> Result<(), Fault> {
        let campaigns = self.campaigns();
        let mut told: Vec<oneshot::Receiver<Outcome>> = Vec::new();
        let mut failed = None;
        self.for_each_seat(|seat| {
            let Some(view) = seat.shown().view().clone() else { return };
            let enrolment = enrolment_of(&campaigns, seat.name(), view.terms.campaign.as_deref());
            if enrolment.as_ref() != view.enrolment.as_deref() {
                let mut body = Body::default();
                body.push_command(&Command::Enrol { enrolment: enrolment.map(Arc::new) });
                match seat.send(body) {
                    Ok(outcome) => told.push(outcome),
                    Err((_, fault)) => failed = Some(fault),
                }
            }
        });
        for outcome in told {
            failed = heard(outcome).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    pub(crate) fn campaigns(&self) -> Campaigns {
        let mut campaigns = Campaigns::new();
        self.for_each_campaign(|seat| {
            if let Some(view) = seat.shown().campaign().as_ref() {
                campaigns.push((seat.name().into(), Arc::clone(&view.terms)));
            }
        });
        campaigns.sort_by(|a, b| a.0.cmp(&b.0));
        campaigns
    }

    /// All SKUs, as they show themselves, by name.
    fn skus(&self) -> Vec<(Box<str>, Arc<SkuView>)> {
        let mut skus: Vec<(Box<str>, Arc<SkuView>)> = Vec::new();
        self.for_each_seat(|seat| {
            skus.extend(seat.shown().view().clone().map(|view| (seat.name().into(), view)))
        });
        skus.sort_by(|a, b| a.0.cmp(&b.0));
        skus
    }

    /// The currency of a campaign, as any other SKU of it than this one shows. Stops at the first: SKUs are put by the
    /// hundred thousand.
    fn currency_of(&self, campaign: &str, except: &str) -> Option<Currency> {
        self.find_map_seat(|seat| {
            let view = seat.shown().view();
            let view = view.as_ref().filter(|_| seat.name() != except)?;
            let part = view.enrolment.as_ref().filter(|part| &*part.campaign == campaign);
            part.map(|_| view.terms.currency)
        })
    }
}

/// The campaign that a SKU is part of: the one that it says itself, or else the one that names it. One that does not
/// exist has no part.
fn campaign_of<'c>(campaigns: &'c Campaigns, sku: &str, own: Option<&str>) -> Option<&'c str> {
    let found = campaigns.iter().find(|(campaign, terms)| match own {
        Some(own) => own == &**campaign,
        None => terms.names(sku),
    });
    found.map(|(campaign, _)| &**campaign)
}

/// What a SKU is to know of the campaign that it is part of, if its own document says `own`.
pub(crate) fn enrolment_of(campaigns: &Campaigns, sku: &str, own: Option<&str>) -> Option<Enrolment> {
    let campaign = campaign_of(campaigns, sku, own)?;
    let terms = campaigns.iter().find(|(name, _)| &**name == campaign).map(|(_, terms)| terms)?;
    Some(Enrolment::of(campaign, terms))
}
